"""govmomi's simulator is the vCenter that the watch's tests take it for."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from sla.instants import parse_instant
from tests.peers.soap import connected, filter_on, logged_in
from tests.peers.vcsim import VcSim, binary
from tests.waiting import wait_until

PATHS = {
    vim.VirtualMachine: (
        "name",
        "runtime.powerState",
        "runtime.connectionState",
        "runtime.host",
        "runtime.bootTime",
        "datastore",
        "network",
        "config.instanceUuid",
    ),
    vim.HostSystem: ("name", "runtime.connectionState"),
    vim.Datastore: ("name", "summary.accessible", "host"),
}
Properties = dict[str, Any]


@pytest.fixture(scope="module")
def vcsim() -> Iterator[VcSim]:
    with VcSim(hosts=3, vms=6, datastores=2) as peer:
        yield peer


@dataclass
class Watch:
    """Every object's properties as WaitForUpdatesEx tells them, over one filter for each type."""

    collector: Any
    version: str = ""
    objects: dict[str, Properties] = field(default_factory=dict)
    pages: int = 0

    def read(self, wait_s: int) -> bool:
        """Read one set to its last page; False if nothing changed for so long."""
        options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=wait_s)
        while True:
            answer = self.collector.WaitForUpdatesEx(self.version, options)
            if answer is None:
                return False
            self.pages += 1
            self.version = answer.version
            for update in (update for part in answer.filterSet for update in part.objectSet):
                known = self.objects.setdefault(update.obj._moId, {})
                known.update((change.name, change.val) for change in update.changeSet)
            if not answer.truncated:
                return True

    def until(self, seen: Callable[[], bool]) -> None:
        while not seen():
            assert self.read(5), "no update for 5 s"

    def named(self, name: str) -> Properties:
        return next(known for known in self.objects.values() if known.get("name") == name)


@pytest.fixture
def watch(vcsim: VcSim) -> Iterator[Watch]:
    with logged_in(vcsim) as content:
        view = content.viewManager.CreateContainerView(content.rootFolder, list(PATHS), True)
        collector = content.propertyCollector.CreatePropertyCollector()
        for kind, paths in PATHS.items():
            collector.CreateFilter(filter_on(view, kind, paths), partialUpdates=False)
        watch = Watch(collector)
        watch.read(5)
        yield watch


def test_login_is_refused_with_a_wrong_password(vcsim: VcSim) -> None:
    with connected(vcsim) as instance:
        sessions = instance.RetrieveContent().sessionManager
        with pytest.raises(vim.fault.InvalidLogin):
            sessions.Login(vcsim.user, "not the password")


def test_it_claims_the_version_it_was_told(vcsim: VcSim) -> None:
    with connected(vcsim) as instance:
        assert instance.RetrieveContent().about.apiVersion == "8.0.3.0"


def test_vms_run_in_turn_on_hosts_and_on_datastores_that_all_hosts_mount(watch: Watch) -> None:
    hosts = [watch.named(f"DC0_C0_RP0_VM{i}")["runtime.host"]._moId for i in range(6)]
    assert hosts[:3] == hosts[3:]
    assert len(set(hosts)) == 3
    datastores = [watch.named(f"DC0_C0_RP0_VM{i}")["datastore"][0]._moId for i in range(6)]
    assert datastores[:2] * 3 == datastores
    assert len(set(datastores)) == 2
    for name in ("LocalDS_0", "LocalDS_1"):
        mounts = watch.named(name)["host"]
        assert {mount.key._moId for mount in mounts} == set(hosts)
        assert all(mount.mountInfo.accessible for mount in mounts)


def test_vms_have_identity_network_and_boot_time(watch: Watch) -> None:
    vms = [watch.named(f"DC0_C0_RP0_VM{i}") for i in range(6)]
    assert len({vm["config.instanceUuid"] for vm in vms}) == 6
    assert all(vm["runtime.powerState"] == "poweredOn" for vm in vms)
    assert all(vm["runtime.bootTime"] is not None for vm in vms)
    assert all(len(vm["network"]) == 1 for vm in vms)


def test_a_datastore_lost_to_one_host_stays_accessible_in_its_summary(vcsim: VcSim, watch: Watch) -> None:
    host = next(moid for moid, known in watch.objects.items() if known["name"] == "DC0_C0_H1")

    def on_host() -> Any:
        mounts = watch.named("LocalDS_0")["host"]
        return next(mount.mountInfo for mount in mounts if mount.key._moId == host)

    vcsim.set_datastore("LocalDS_0", host="DC0_C0_H1", accessible=False, reason="AllPathsDown_Start")
    watch.until(lambda: not on_host().accessible)
    assert on_host().inaccessibleReason == "AllPathsDown_Start"
    assert watch.named("LocalDS_0")["summary.accessible"]

    vcsim.set_datastore("LocalDS_0", accessible=False, reason="PermanentDeviceLoss")
    watch.until(lambda: not watch.named("LocalDS_0")["summary.accessible"])
    assert {mount.mountInfo.inaccessibleReason for mount in watch.named("LocalDS_0")["host"]} == {
        "PermanentDeviceLoss"
    }

    vcsim.set_datastore("LocalDS_0", accessible=True)
    watch.until(lambda: bool(watch.named("LocalDS_0")["summary.accessible"]))
    assert on_host().inaccessibleReason is None


def test_a_lost_host_takes_its_vms_connection_and_nothing_else(vcsim: VcSim, watch: Watch) -> None:
    vms = ("DC0_C0_RP0_VM2", "DC0_C0_RP0_VM5")

    def connections() -> set[str]:
        return {watch.named(vm)["runtime.connectionState"] for vm in vms}

    vcsim.lose_host("DC0_C0_H2")
    watch.until(lambda: connections() == {"disconnected"})
    assert watch.named("DC0_C0_H2")["runtime.connectionState"] == "notResponding"
    assert watch.named("DC0_C0_RP0_VM2")["runtime.powerState"] == "poweredOn"
    assert watch.named("DC0_C0_RP0_VM0")["runtime.connectionState"] == "connected"

    vcsim.regain_host("DC0_C0_H2")
    watch.until(lambda: connections() == {"connected"})
    assert watch.named("DC0_C0_H2")["runtime.connectionState"] == "connected"


def test_a_vm_restarts_elsewhere_with_a_new_boot_time_in_one_update(vcsim: VcSim, watch: Watch) -> None:
    vm = watch.named("DC0_C0_RP0_VM0")
    before = vm["runtime.host"]._moId
    booted_at = parse_instant("2026-03-01T12:00:05.250000Z")
    vcsim.set_vm("DC0_C0_RP0_VM0", host="DC0_C0_H1", booted_at=booted_at)
    watch.until(lambda: bool(vm["runtime.host"]._moId != before))
    assert vm["runtime.bootTime"].isoformat() == "2026-03-01T12:00:05.250000+00:00"
    vcsim.set_vm("DC0_C0_RP0_VM0", host="DC0_C0_H0")
    watch.until(lambda: bool(vm["runtime.host"]._moId == before))


def test_a_vm_that_is_switched_off_has_no_boot_time(vcsim: VcSim, watch: Watch) -> None:
    vm = watch.named("DC0_C0_RP0_VM1")
    vcsim.switch_off("DC0_C0_RP0_VM1")
    watch.until(lambda: bool(vm["runtime.powerState"] == "poweredOff"))
    assert vm["runtime.bootTime"] is None
    vcsim.set_vm("DC0_C0_RP0_VM1", power="poweredOn", booted_at=parse_instant("2026-03-01T12:00:00Z"))
    watch.until(lambda: bool(vm["runtime.powerState"] == "poweredOn"))
    assert vm["runtime.bootTime"] is not None


def test_power_by_the_api_moves_the_boot_time_too(vcsim: VcSim, watch: Watch) -> None:
    vm = watch.named("DC0_C0_RP0_VM3")
    moid = next(moid for moid, known in watch.objects.items() if known is vm)
    machine = vim.VirtualMachine(moid, watch.collector._stub)
    before = vm["runtime.bootTime"]
    machine.PowerOffVM_Task()
    watch.until(lambda: vm["runtime.bootTime"] is None)
    assert vm["runtime.powerState"] == "poweredOff"
    machine.PowerOnVM_Task()
    watch.until(lambda: vm["runtime.bootTime"] is not None)
    assert vm["runtime.powerState"] == "poweredOn"
    assert vm["runtime.bootTime"] > before


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda peer: peer.set_vm("no such VM", power="poweredOn"), 'no VirtualMachine "no such VM"'),
        (lambda peer: peer.set_vm("DC0_C0_RP0_VM0", power="on"), '"on" is none of'),
        (lambda peer: peer.set_host("DC0_C0_H0", connection="gone"), '"gone" is none of'),
        (lambda peer: peer.set_datastore("LocalDS_9", accessible=True), 'no Datastore "LocalDS_9"'),
        (
            lambda peer: peer.set_datastore("LocalDS_0", host="nowhere", accessible=True),
            'no HostSystem "nowhere"',
        ),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    vcsim: VcSim, change: Callable[[VcSim], None], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        change(vcsim)


def test_a_first_answer_of_more_than_100_objects_comes_in_pages() -> None:
    with VcSim(vms=250) as peer, logged_in(peer) as content:
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        collector = content.propertyCollector.CreatePropertyCollector()
        collector.CreateFilter(filter_on(view, vim.VirtualMachine, ["name"]), partialUpdates=False)
        watch = Watch(collector)
        watch.read(5)
        assert (len(watch.objects), watch.pages) == (250, 3)


def test_it_leaves_nothing_behind() -> None:
    with VcSim() as peer:
        directory = peer.cafile.parent
        assert len(list(directory.iterdir())) > 1
    assert not directory.exists()
    assert not Path(f"/proc/{peer.pid}").exists()


def test_it_ends_and_cleans_up_when_the_process_that_started_it_is_killed() -> None:
    binary()  # skips where it cannot be had
    script = (
        "from tests.peers.vcsim import VcSim\n"
        "with VcSim() as peer:\n"
        "    print(peer.pid, peer.cafile.parent, flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, directory = parent.stdout.readline().split()
        parent.kill()
    wait_until(lambda: not Path(directory).exists() and not alive(int(pid)), "the end of the simulator")


def alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
