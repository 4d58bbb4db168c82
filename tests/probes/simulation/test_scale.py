"""The simulation is cheap enough to be a peer of tens of thousands of machines; figures in bench."""

from __future__ import annotations

import time
from ipaddress import ip_address
from pathlib import Path

import pytest

from probes.simulation.building import build
from probes.simulation.collector import PropertyCollector
from probes.simulation.entities import Entity, Vm, VmConnection
from probes.simulation.filters import ContainerView, Filter, FilterSpec
from probes.simulation.soap import parse

from .client import Hand

VMS = 40_000
PATHS = [
    "name",
    "parent",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
    "runtime.bootTime",
    "runtime.cleanPowerOff",
    "config.template",
    "config.instanceUuid",
    "guest.ipAddress",
    "datastore",
]


async def test_40_000_machines_are_built_and_sent_within_seconds_and_changes_cost_what_changed() -> None:
    begin_peak()
    before_kib = kib_of("VmRSS")
    begun = time.process_time()
    inventory = build(now=Hand()(), servers=VMS)
    built = time.process_time()
    view = ContainerView(
        inventory=inventory, container=inventory.root, types=("VirtualMachine",), recursive=True
    )
    collector = PropertyCollector("propertyCollector")
    new = Filter("filter", specification(view), partial=False, omit_unset=False, notify=collector.notify)
    collector.add(new)
    inventory.listeners[new] = None
    sent, version = 0, ""
    while True:
        page = await collector.wait(version, 0, None)
        sent += page.count("<objectSet>")
        version = page[page.index("<version>") + 9 : page.index("</version>")]
        if "<truncated>" not in page:
            break
    synced = time.process_time()
    for vm in list(inventory.every(Vm))[:1_000]:
        with inventory.changing(vm):
            vm.connection = VmConnection.DISCONNECTED
        page = await collector.wait(version, 0, None)
        assert page.count("<objectSet>") == 1
        version = page[page.index("<version>") + 9 : page.index("</version>")]
    changed = time.process_time()
    assert sent == VMS
    # CPU seconds, several times what an idle machine needs: only growth with the inventory would exceed them.
    assert built - begun < 10
    assert synced - built < 10
    assert changed - synced < 5
    assert kib_of("VmHWM") - before_kib < 500_000


def begin_peak() -> None:
    """Forget what this process needed of memory so far."""
    Path("/proc/self/clear_refs").write_text("5")


def kib_of(what: str) -> int:
    """Memory of this process, by the name that proc(5) gives it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1])


def specification(view: ContainerView) -> FilterSpec:
    wanted = "".join(f"<pathSet>{path}</pathSet>" for path in PATHS)
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><CreateFilter><_this/><spec>'
        f"<propSet><type>VirtualMachine</type>{wanted}</propSet><objectSet><obj>view</obj><skip>true</skip>"
        "<selectSet><path>view</path></selectSet></objectSet></spec></CreateFilter></e:Body></e:Envelope>"
    )
    spec = parse(body.encode()).node.child("spec")
    assert spec is not None

    def find(kind: str, moid: str) -> ContainerView | Entity:
        return view

    return FilterSpec(spec, find)


def test_the_same_seed_builds_the_same_inventory() -> None:
    first, second = (build(now=0, servers=50, seed=7) for _ in range(2))
    names = [[(e.moid, e.name) for e in inventory.objects.values()] for inventory in (first, second)]
    assert names[0] == names[1]
    uuids = [[vm.instance_uuid for vm in inventory.every(Vm)] for inventory in (first, build(now=0, seed=8))]
    assert uuids[0] != uuids[1]


def test_every_machine_has_an_address_of_its_own_on_its_clients_network() -> None:
    inventory = build(now=0, servers=5_000)
    machines = list(inventory.every(Vm))
    assert len({ip_address(vm.address) for vm in machines}) == len(machines)
    for vm in machines:
        client = vm.name.partition("-")[0]
        assert vm.networks[0].name == f"{client}-net"
        assert (
            vm.address.split(".")[1] == {"acme": "1", "borealis": "2", "cobalt": "3", "dunmore": "4"}[client]
        )
    assert sum(len(vm.networks) == 2 for vm in machines) == 500


@pytest.mark.parametrize(
    ("servers", "hosts", "datastores"), [(0, 1, 1), (1, 1, 1), (10, 40, 2), (30, 17, 50)]
)
def test_odd_numbers_of_hosts_and_datastores_leave_no_machine_without_either(
    servers: int, hosts: int, datastores: int
) -> None:
    inventory = build(now=0, servers=servers, hosts=hosts, datastores=datastores)
    machines = list(inventory.every(Vm))
    assert len(machines) == servers
    for vm in machines:
        assert vm.moid in vm.host.vms
        assert all(vm.host.moid in store.mounts for store in vm.datastores)
