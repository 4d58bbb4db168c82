"""`slad demo`: the whole daemon on a simulated vCenter, with a past, and with stories of faults that say what happens and where to look."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.app import App
from daemon.clock import SystemClock
from daemon.config.loading import load
from daemon.demo.configuration import written
from daemon.demo.estate import CLIENTS, HELPER, Estate, add_helpers
from daemon.demo.lifeline import Lifeline
from daemon.demo.live_stories import LiveStories
from daemon.demo.past import Past
from daemon.demo.past_clock import PastClock
from daemon.demo.past_scenes import PastCalendar
from daemon.demo.story_names import StoryName
from daemon.ending import end
from daemon.os_faults import AddressTakenError
from daemon.port_holders import holder_of
from probes.simulation import SimulatedVCenter, build

FIRST_OUTAGE_S: Final = 8.0
PACE_S: Final = 12.0
_HOST: Final = "127.0.0.1"
_ANOTHER_PORT: Final = "end it, or take any free port: slad demo --port 0, or make run PORT=0"
_STOPS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """Where a demo plays, and what. `say` gets each line that a person is to read; `story`: the only one, if it is not all."""

    folder: Path
    servers: int
    port: int
    has_past: bool = True
    story: StoryName | None = None
    say: Callable[[str], None]


async def play(stage: DemoSettings) -> None:
    """Make the past, then run daemon, simulation and stories, until SIGINT or SIGTERM. Raises as `App.run`."""
    _check_port(stage.port)
    calendar = PastCalendar(SystemClock().now())
    clock = PastClock(calendar.begin if stage.has_past else calendar.now)
    inventory = build(now=clock.now(), servers=stage.servers, clients=CLIENTS)
    async with SimulatedVCenter(inventory, now_us=clock.now) as vcenter:
        add_helpers(vcenter.world)
        gateway, *beyond = lines = [Lifeline() for _ in range(3)]
        for line in lines:
            line.mend()
        config = written(
            stage.folder,
            port=stage.port,
            vcenter=f"{vcenter.host}:{vcenter.port}",
            gateway=gateway.port,
            beyond=[line.port for line in beyond],
        )
        if await _has_past(stage, config, vcenter, clock, calendar):
            clock.go_live()
            await _live(stage, config, LiveStories(vcenter.world, gateway, beyond), Estate(vcenter.world))
        for line in lines:
            line.cut()


async def _has_past(
    stage: DemoSettings, config: Path, vcenter: SimulatedVCenter, clock: PastClock, calendar: PastCalendar
) -> bool:
    """Make the past, if there is to be one; whether to go on, and not to stop."""
    loaded = load(config, {})
    if not stage.has_past or loaded.ledger.path.exists():
        return True
    past = Past(loaded, vcenter, clock, calendar, stage.say)
    return await _unless_stopped(past.make)


def _check_port(port: int) -> None:
    """What will keep the daemon from listening is better known before the past is made. Raises OSError."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise AddressTakenError(f"{_HOST}:{port}", holder_of(port), _ANOTHER_PORT) from None


async def _unless_stopped(work: Callable[[], Awaitable[None]]) -> bool:
    """Do something to its end, or until a signal comes; whether it came to its end."""
    stopped = asyncio.Event()
    for number in _STOPS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)

    async def watched() -> None:
        await work()

    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(watched(), name="past")
        stopping = tasks.create_task(stopped.wait(), name="stop")
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return not stopped.is_set()


async def _live(stage: DemoSettings, config: Path, stories: LiveStories, estate: Estate) -> None:
    app = App(load(config, {}), {})
    for number in _STOPS:
        asyncio.get_running_loop().add_signal_handler(number, app.stop)
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(_tell(stage, app, stories, estate), name="story")
        await app.run()
        await end((telling,))


async def _tell(stage: DemoSettings, app: App, stories: LiveStories, estate: Estate) -> None:
    await app.started.wait()
    host, port = app.addresses[0]
    control = stage.folder / "control.sock"
    for line in _opening(estate):
        stage.say(line)
    stage.say("")
    stage.say(f"  pages         http://{host}:{port}/")
    stage.say(f"  metrics       http://{host}:{port}/metrics")
    stage.say(f"  how it is     slad status --socket {control}")
    stage.say(f"  one server    slad server NAME --socket {control}")
    stage.say(f"  to decide     slad proposals list --socket {control}")
    if stage.has_past:
        month = PastCalendar(SystemClock().now()).last
        stage.say(f"  last month    slad statement issue acme --month {month} --socket {control}")
    stage.say(f"  for a client  slad client link acme --socket {control}")
    stage.say(f"  the evidence  slad export --socket {control}")
    stage.say(f"  its log       {stage.folder / 'slad.log'}")
    stage.say("")
    await asyncio.sleep(FIRST_OUTAGE_S)
    clock = SystemClock()
    async for line in _paced(stories.chapters(stage.story)):
        stage.say(f"{_time_of_day(clock.now())}  {line}")


def _opening(estate: Estate) -> Sequence[str]:
    """What is watched, and what of the machines is not."""
    machines, servers = estate.machines(), estate.servers()
    ignored = sum(vm.name.startswith(HELPER) for vm in machines)
    templates = sum(vm.template for vm in machines)
    others = f"; {templates} are templates" if templates else ""
    return (
        f"slad watches {len(servers)} simulated virtual servers. Ctrl-C ends it.",
        f"Of {len(machines)} machines in vCenter {ignored} are ignored by the rule {HELPER}*{others}.",
    )


async def _paced(lines: Iterator[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line
        await asyncio.sleep(PACE_S)


def _time_of_day(at: int) -> str:
    seconds = at // 1_000_000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} UTC"
