"""What the vCenter watch costs: its first set, a quiet poll, a storm, and what an asyncio loop beside it feels.

`python -m bench.vcenter [SERVERS [MANY]]` prints a table. The simulated vCenter is a process of its own; the CPU is that
of the watch's thread. The peer is an unmodified pyvmomi that reads the same properties once, in the same process.
"""

import asyncio
import json
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pyVmomi import SoapStubAdapter, vim, vmodl

from bench.table import Row, show
from daemon.pacing import tune_gc
from probes.report import Report, Resume, SourceFailure
from probes.simulation import SimulatedVCenter, ThreadedVCenter, build
from probes.simulation.entities import Power, Vm
from probes.vcenter.inventory import PROPERTIES
from probes.vcenter.session import Credentials
from probes.vcenter.settings import Settings
from probes.vcenter.transport import Endpoint
from probes.vcenter.watch import VcenterWatch
from sla.instants import Instant
from sla.records import State

SERVERS: Final = 10_000
MANY: Final = 40_000
STORM: Final = 1_000
WAIT_S: Final = 120.0
LOOKS: Final = 300
HEARTBEAT_S: Final = 0.001
PEERS_SHARE: Final = 0.25
STALL_S: Final = 0.03
QUIET_S: Final = 0.03
STORM_S: Final = 2.0


def now() -> Instant:
    return Instant(time.time_ns() // 1_000)  # noqa: TID251  a process of its own, outside the daemon and its clock


def serve(servers: int) -> None:
    """Be the vCenter: print the port, power off many at once for every line read, until the input ends."""

    def made() -> SimulatedVCenter:
        return SimulatedVCenter(build(now=now(), servers=servers), now_us=now)

    with ThreadedVCenter(made) as vcenter:
        print(json.dumps({"port": vcenter.port}), flush=True)
        for _ in sys.stdin:
            vcenter.do(_storm, vcenter)
            print(json.dumps({"done_at": now()}), flush=True)


def _storm(vcenter: ThreadedVCenter) -> None:
    running = [vm.name for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.ON][:STORM]
    for name in running:
        vcenter.world.machines.power_off(name, user="bench")


@contextmanager
def simulated(servers: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "bench.vcenter", "--serve", str(servers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process, json.loads(process.stdout.readline())["port"]
        finally:
            process.stdin.close()
            process.wait(WAIT_S)


class Watched:
    """A watch, its reports, and the CPU that its thread had used at each."""

    def __init__(self, port: int) -> None:
        self._said: queue.Queue[tuple[Report, float]] = queue.Queue()
        settings = Settings(
            source="bench",
            observer="bench",
            endpoint=Endpoint(host="127.0.0.1", port=port, tls=None),
            credentials=Credentials(user="bench", password=lambda: "bench"),
            poll_s=1,
        )
        self.watch = VcenterWatch(settings, Resume(), now, self._take)

    def _take(self, said: Report | SourceFailure) -> None:
        assert isinstance(said, Report), said
        self._said.put((said, time.thread_time()))

    @property
    def reads_files(self) -> bool:
        """Whether there are servers whose needed files were not read."""
        return bool(self.watch._files.unread)  # noqa: SLF001  no report tells it

    def next(self) -> tuple[Report, float]:
        return self._said.get(timeout=WAIT_S)


async def _heartbeat(until: "asyncio.Future[tuple[Report, float]]") -> float:
    """The longest stall of the loop in seconds, until the future is done."""
    longest_s, last_s = 0.0, time.perf_counter()
    while not until.done():
        await asyncio.sleep(HEARTBEAT_S)
        beat_s = time.perf_counter()
        longest_s, last_s = max(longest_s, beat_s - last_s - HEARTBEAT_S), beat_s
    return longest_s


async def _beside(watched: Watched) -> tuple[float, float, float]:
    """CPU and wall seconds of the first set, and the longest stall of this loop meanwhile."""
    start_s = time.perf_counter()
    watched.watch.start()
    first = asyncio.get_running_loop().run_in_executor(None, watched.next)
    stall_s = await _heartbeat(first)
    _, cpu_s = await first
    return cpu_s, time.perf_counter() - start_s, stall_s


def first_set(watched: Watched) -> tuple[float, float, float]:
    return asyncio.run(_beside(watched))


def quiet_poll(watched: Watched) -> tuple[float, float]:
    """Seconds of CPU of a look that only waits, and those of all looks that read needed files before it."""
    _, began_s = watched.next()
    before_s = began_s
    for _ in range(LOOKS):
        if not watched.reads_files:
            break
        _, before_s = watched.next()
    _, after_s = watched.next()
    return after_s - before_s, before_s - began_s


def storm(watched: Watched, process: subprocess.Popen[str]) -> tuple[float, float]:
    """Seconds from the last of many power-offs to the report that has them all, and the CPU that they cost."""
    assert process.stdin is not None
    assert process.stdout is not None
    _, before_s = watched.next()
    process.stdin.write("storm\n")
    process.stdin.flush()
    down = 0
    while down < STORM:
        report, used_s = watched.next()
        down += sum(each.state is State.DOWN for each in report.observations)
    reported_at = now()
    done_at = json.loads(process.stdout.readline())["done_at"]
    return max(0.0, (reported_at - done_at) / 1e6), used_s - before_s


def bare_pyvmomi(port: int) -> float:
    """Seconds of CPU in which pyvmomi reads the same properties of all virtual machines, hosts and datastores."""
    start_s = time.thread_time()
    stub = SoapStubAdapter(host="127.0.0.1", port=-port, path="/sdk", version="vim.version.v8_0_3_0")
    content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
    content.sessionManager.Login("bench", "bench")
    types: dict[str, Any] = {kind: getattr(vim, kind) for kind in PROPERTIES}
    collector = vmodl.query.PropertyCollector
    view = content.viewManager.CreateContainerView(content.rootFolder, list(types.values()), True)
    step = collector.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[step])],
        propSet=[
            collector.PropertySpec(type=types[kind], pathSet=list(paths))
            for kind, paths in PROPERTIES.items()
        ],
    )
    page = content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    while page is not None and page.token:
        page = content.propertyCollector.ContinueRetrievePropertiesEx(page.token)
    content.sessionManager.Logout()
    stub.DropConnections()
    return time.thread_time() - start_s


def main() -> None:
    """Print the table."""
    tune_gc()  # as the daemon does
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
        return
    servers = int(sys.argv[1]) if len(sys.argv) > 1 else SERVERS
    many = int(sys.argv[2]) if len(sys.argv) > 2 else MANY
    with simulated(servers) as (process, port):
        watched = Watched(port)
        cpu_s, wall_s, stall_s = first_set(watched)
        storm_s, storm_cpu_s = storm(watched, process)
        watched.watch.stop()
        watched.watch.join(WAIT_S)
        peer_s = bare_pyvmomi(port)
    with simulated(many) as (_, port):
        watched = Watched(port)
        watched.watch.start()
        _, many_s = watched.next()
        quiet_s, files_s = quiet_poll(watched)
        watched.watch.stop()
        watched.watch.join(WAIT_S)
    rows = (
        Row("first set: CPU of the watch", cpu_s, most=PEERS_SHARE * peer_s).beside("pyvmomi", peer_s),
        Row("its time on the wall", wall_s),
        Row("pyvmomi's bare RetrievePropertiesEx of the same: CPU", peer_s),
        Row("longest stall of a loop beside the first set", stall_s, most=STALL_S),
        Row(f"{STORM:,} power-offs at once, until they are reported", storm_s, most=STORM_S),
        Row("their CPU", storm_cpu_s),
        Row(f"first set of {many:,} servers: CPU", many_s),
        Row(f"reading which files {many:,} servers need, bit by bit: CPU", files_s),
        Row(f"quiet poll of {many:,} servers: CPU", quiet_s, most=QUIET_S),
    )
    show(f"the vCenter watch, {servers:,} servers", rows)


if __name__ == "__main__":
    main()
