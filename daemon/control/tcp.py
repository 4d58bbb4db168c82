"""The control door on TCP: with TLS, and for those who have a token."""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog

from daemon.clock import Clock
from daemon.config.certificates import load_pair
from daemon.config.config import Config
from daemon.config.tables import ControlTable, TokenTable
from daemon.control.api import LIMITS, ControlApiError, application
from daemon.control.tokens import Gate, Role, Token
from daemon.metrics import DoorMetrics
from daemon.web.door import Door, Limits
from daemon.web.hosts import Hosts
from daemon.web.later import RouteMaker
from daemon.web.listening import listening

_log = structlog.get_logger(__name__)


class TcpControlApi:
    """The door, where the configuration asks for one. Tokens and certificate follow it from one `adopt` to the next."""

    def __init__(self, config: ControlTable, clock: Clock) -> None:
        """Raises ControlApiError."""
        self._listen = config.listen
        self._hosts = config.hosts
        self._gate = Gate((), clock)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls.set_alpn_protocols(["http/1.1"])
        self.follow(config)

    def adopt(self, config: Config) -> None:
        """Follow another configuration, for the requests and connections to come. Raises ControlApiError."""
        self.follow(config.control)

    def follow(self, table: ControlTable) -> None:
        """Take over certificate and tokens: both, or, where it is refused, neither. Raises ControlApiError."""
        if table.cert_file is not None and table.key_file is not None:
            assert table.key_file.path is not None, "a file"
            try:
                load_pair(self._tls, table.cert_file, table.key_file.path)
            except (OSError, ValueError) as error:
                raise ControlApiError(f"{table.cert_file}, {table.key_file.path}: {error}") from error
        self._gate.tokens = tuple(_tokens(table.token))

    @asynccontextmanager
    async def open(
        self,
        operations: RouteMaker,
        limits: Limits = LIMITS,
        metrics: DoorMetrics | None = None,
    ) -> AsyncIterator[list[tuple[str, int]]]:
        """Answer; yields the addresses, in which port 0 has become a real one; none where nobody may ask on TCP.

        Raises OSError for an address that cannot be bound.
        """
        door = Door(name="control_tcp", limits=limits, metrics=metrics or DoorMetrics())
        hosts = Hosts(door, "control", [*self._hosts, *(address.host for address in self._listen)])
        app = application(operations, [hosts.middleware(), self._gate.middleware()], door)
        addresses = [(address.host, address.port) for address in self._listen]
        async with listening(app, door, addresses, self._tls) as bound:
            if bound:
                _log.info("tcp_control_door_opened", listening=bound)
            yield bound


def _tokens(tables: Iterable[TokenTable]) -> Iterable[Token]:
    for table in tables:
        yield Token(name=table.name, role=Role(table.role), sha256=table.sha256, expires_at=table.expires)
