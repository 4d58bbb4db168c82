"""`slad demo`: the whole daemon on a simulated vCenter, with a story of faults that says what happens and where to look."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from daemon.app import App
from daemon.clock import SystemClock
from daemon.config import load
from probes.simulation import Power, SimulatedVCenter, build
from probes.simulation.entities import Datastore, Host, Vm

CLIENTS: Final = ("acme", "borealis")
CUSTOMER: Final = r"CUSTOMER\mallory"
EMPLOYEE: Final = r"PROVIDER\ann"
"""Who does things in the story; the configuration says whose they are."""
FIRST_OUTAGE_S: Final = 8.0
PACE_S: Final = 12.0

_CONFIG: Final = """\
# The demo's configuration, written by `slad demo`.
observer = "demo"

[ledger]
path = "ledger.db"

[web]
listen = ["127.0.0.1:{port}"]

[control]
socket = "control.sock"

[watch]
tick = "2s"
grace = "1m"

[vcenter.simulated]
address = "{vcenter}"
scheme = "http"
user = "slad"
password_file = "password"
poll = "2s"

[client.acme]
name = "ACME Ltd."
timezone = "America/Toronto"
tech_admins = ["ann@acme.example", "art@acme.example"]
users = ['CUSTOMER\\*']

[client.borealis]
name = "Borealis Inc."
timezone = "America/St_Johns"
tech_admins = ["bea@borealis.example"]

[people]
employees = ['PROVIDER\\*']

[[rule]]
folder = "/DC1/vm/acme/**"
client = "acme"

[[rule]]
folder = "/DC1/vm/borealis/**"
client = "borealis"

# What stands for the gateway, and for two targets beyond the uplink, listens on this machine.
[vantage]
targets = ["tcp://localhost:{gateway}"]
interval = "2s"
timeout = "1s"
confirm = 2

[uplink.transit]
targets = ["tcp://127.0.0.1:{beyond[0]}", "tcp://127.0.0.1:{beyond[1]}"]
quorum = 1
interval = "2s"
timeout = "1s"

[[internet]]
uplink = "transit"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """Where a demo plays. `say` gets each line that a person is to read."""

    folder: Path
    servers: int
    port: int
    say: Callable[[str], None]


async def play(stage: DemoSettings) -> None:
    """Run daemon, simulation and story until SIGINT or SIGTERM."""
    clock = SystemClock()
    inventory = build(now=clock.now(), servers=stage.servers, clients=CLIENTS)
    async with SimulatedVCenter(inventory, now_us=clock.now) as vcenter:
        gateway, *beyond = lines = [Lifeline() for _ in range(3)]
        for line in lines:
            line.mend()
        config = _configured(stage, f"{vcenter.host}:{vcenter.port}", gateway, beyond)
        app = App(load(config, {}), {})
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, app.stop)
        async with asyncio.TaskGroup() as tasks:
            story = tasks.create_task(_tell(stage, app, Story(vcenter, gateway, beyond)), name="story")
            await app.run()
            story.cancel()
        for line in lines:
            line.cut()


def _configured(stage: DemoSettings, vcenter: str, gateway: "Lifeline", beyond: Sequence["Lifeline"]) -> Path:
    stage.folder.mkdir(parents=True, exist_ok=True)
    password = stage.folder / "password"
    password.write_text("demo\n", encoding="utf-8")
    password.chmod(0o600)
    config = stage.folder / "slad.toml"
    text = _CONFIG.format(
        port=stage.port, vcenter=vcenter, gateway=gateway.port, beyond=[line.port for line in beyond]
    )
    config.write_text(text, encoding="utf-8")
    return config


class Lifeline:
    """A way to somewhere: a port of this machine that answers until it is cut, and refuses from then on."""

    def __init__(self) -> None:
        """Cut; to be used on the loop."""
        self.port = 0
        self._listener: socket.socket | None = None

    def mend(self) -> None:
        """Answer, at the same port each time."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listener.setblocking(False)
            self.port = self._listener.getsockname()[1]
            asyncio.get_running_loop().add_reader(self._listener, self._answer, self._listener)

    def cut(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _answer(self, listener: socket.socket) -> None:
        with suppress(OSError):
            listener.accept()[0].close()


class Story:
    """What goes wrong in the story, on other servers and hosts each time."""

    def __init__(self, vcenter: SimulatedVCenter, gateway: Lifeline, beyond: Sequence[Lifeline]) -> None:
        """`gateway`: the monitor's own way out; `beyond`: what the uplink leads to."""
        self._gateway = gateway
        self._beyond = beyond
        self._world = vcenter.world
        self._turn = count()

    def chapters(self) -> Iterator[str]:
        """Faults without end: each step makes one happen, or mends it, and says so."""
        while True:
            yield from self._switched_off()
            yield from self._lost_datastore()
            yield from self._suspended()
            yield from self._crashed()
            yield from self._lost_uplink()
            yield from self._lost_own_line()
            yield from self._lost_management()
            yield from self._lost_host()
            yield from self._lost_session()

    def _switched_off(self) -> Iterator[str]:
        name = self._running("acme-")
        self._world.machines.power_off(name, user=CUSTOMER)
        yield f"{CUSTOMER} switches {name} off: it is down from that second on (slad server {name})"
        self._world.machines.power_on(name, user=CUSTOMER)
        yield (
            f"{name} is switched on again: up, by its event; a client's own people did it, so slad proposes to exclude"
            " the outage (slad proposals list)"
        )

    def _lost_datastore(self) -> Iterator[str]:
        host = self._host()
        datastore = next(d for d in self._world.inventory.every(Datastore) if host.moid in d.mounts)
        self._world.outages.mount(host.name, datastore=datastore.name, accessible=False)
        yield (
            f"{host.name} loses all paths to {datastore.name}: the leg `san` of its servers there is down,"
            " other hosts still reach it, so vCenter's summary says that it is accessible"
        )
        self._world.outages.mount(host.name, datastore=datastore.name, accessible=True)
        yield f"the paths of {host.name} to {datastore.name} are back"

    def _suspended(self) -> Iterator[str]:
        name = self._running()
        self._world.machines.suspend(name, user=EMPLOYEE)
        yield f"{EMPLOYEE} suspends {name}: down by the provider's own hand, and nothing is proposed"
        self._world.machines.resume(name, user=EMPLOYEE)
        yield f"{name} is resumed"

    def _crashed(self) -> Iterator[str]:
        name = self._running()
        self._world.machines.guest_crash(name)
        self._world.machines.power_off(name)
        yield f"the operating system of {name} crashes and it goes off: the client's own system, another proposal"
        self._world.machines.power_on(name, user=EMPLOYEE)
        yield f"{EMPLOYEE} starts {name} again"

    def _lost_uplink(self) -> Iterator[str]:
        self._beyond[0].cut()
        yield "one of two targets beyond the uplink does not answer: one is the quorum, nothing is down"
        self._beyond[1].cut()
        yield "the other one does not either: after three rounds the leg `internet` of all servers is down, from the first"
        for line in self._beyond:
            line.mend()
        yield "the targets beyond the uplink answer again: up from the first good round"

    def _lost_own_line(self) -> Iterator[str]:
        for line in (self._gateway, *self._beyond):
            line.cut()
        yield "somebody pulls the monitor's own cable: nothing answers, its gateway neither; all servers are unknown, none is down"
        for line in (self._gateway, *self._beyond):
            line.mend()
        yield "the cable is plugged in again"

    def _lost_management(self) -> Iterator[str]:
        host = self._host()
        self._world.outages.host_not_responding(host.name)
        yield f"{host.name} does not respond to vCenter: its servers are unknown, not down; nobody can say"
        self._world.outages.host_back(host.name)
        yield f"{host.name} responds again and its servers never stopped: that was only the management path"

    def _lost_host(self) -> Iterator[str]:
        host = self._host()
        self._world.outages.host_not_responding(host.name)
        yield f"{host.name} does not respond again, and this time it is dead"
        restarted = self._world.outages.ha_restart(host.name)
        yield (
            f"HA restarted {len(restarted)} servers of {host.name} elsewhere; vCenter never showed them powered off,"
            " but its events tell: down from the loss of contact to the restart"
        )
        self._world.outages.host_back(host.name)
        yield f"{host.name} is repaired"

    def _lost_session(self) -> Iterator[str]:
        self._world.kill_sessions()
        yield "vCenter ends slad's session: slad logs in anew, and what it did not see in between is on record as blind"

    def _running(self, whose: str = "") -> str:
        """A server that runs, of those whose names begin so."""
        machines = [
            vm.name
            for vm in self._world.inventory.every(Vm)
            if vm.power is Power.ON and vm.name.startswith(whose)
        ]
        return machines[next(self._turn) % len(machines)]

    def _host(self) -> Host:
        hosts = list(self._world.inventory.every(Host))
        return hosts[next(self._turn) % len(hosts)]


async def _tell(stage: DemoSettings, app: App, faults: Story) -> None:
    await app.started.wait()
    host, port = app.addresses[0]
    socket = stage.folder / "control.sock"
    stage.say(f"slad watches {stage.servers} simulated virtual servers. Ctrl-C ends it.")
    stage.say("")
    stage.say(f"  pages         http://{host}:{port}/")
    stage.say(f"  metrics       http://{host}:{port}/metrics")
    stage.say(f"  how it is     slad status --socket {socket}")
    stage.say(f"  one server    slad server NAME --socket {socket}")
    stage.say(f"  to decide     slad proposals list --socket {socket}")
    stage.say(f"  the evidence  slad export --socket {socket}")
    stage.say(f"  its log       {stage.folder / 'slad.log'}")
    stage.say("")
    await asyncio.sleep(FIRST_OUTAGE_S)
    clock = SystemClock()
    async for line in _paced(faults.chapters()):
        stage.say(f"{_time_of_day(clock.now())}  {line}")


async def _paced(lines: Iterator[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line
        await asyncio.sleep(PACE_S)


def _time_of_day(at: int) -> str:
    seconds = at // 1_000_000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} UTC"
