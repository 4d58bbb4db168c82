"""The doors of a daemon, opened."""

from contextlib import AsyncExitStack

from daemon.answers.answers import Answers
from daemon.believed_clock import BelievedClock
from daemon.config.config import Config
from daemon.control.api import control_api
from daemon.control.tcp import TcpControlApi
from daemon.metrics import DoorMetrics
from daemon.pages.site import Pages
from daemon.records.service import RecordService
from daemon.web.server import public_http

Addresses = list[tuple[str, int]]


async def opened_doors(
    config: Config,
    tcp_api: TcpControlApi,
    answers: Answers,
    records: RecordService,
    pages: Pages,
    clock: BelievedClock,
    metrics: DoorMetrics,
    stack: AsyncExitStack,
) -> tuple[Addresses, Addresses]:
    """Listen, and where: the public HTTP, and the control API on TCP; `stack` closes again.

    Raises ControlApiError, WebConfigError, OSError.
    """
    control, web = config.control, config.web
    await stack.enter_async_context(control_api(answers, control.socket, records, metrics=metrics))
    control_addresses = await stack.enter_async_context(tcp_api.open(answers, records, metrics=metrics))
    addresses = await stack.enter_async_context(
        public_http(
            answers,
            clock,
            [(address.host, address.port) for address in web.listen],
            pages=pages.routes(),
            opened_by=answers.opened_by,
            web_config=web.config_file,
            hosts=web.hosts,
            metrics=metrics,
        )
    )
    return addresses, control_addresses
