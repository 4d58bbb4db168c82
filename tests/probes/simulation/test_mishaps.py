"""Clocks and histories that go wrong on demand, as clients see them."""

from __future__ import annotations

from pyVmomi import vim

from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Host, Power, Vm

from .client import Client

POWER = ["VmPoweredOffEvent", "VmPoweredOnEvent"]


def machine(vcenter: ThreadedVCenter) -> Vm:
    return next(vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.ON)


def cycle(vcenter: ThreadedVCenter, vm: Vm) -> None:
    vcenter.do(vcenter.world.machines.power_off, vm.moid)
    vcenter.do(vcenter.world.machines.power_on, vm.moid)


def test_boot_times_are_by_the_clock_of_the_host(client: Client, vcenter: ThreadedVCenter) -> None:
    vm = machine(vcenter)
    vcenter.do(vcenter.world.mishaps.host_clock, vm.host.name, ahead_us=-3_600_000_000)
    cycle(vcenter, vm)
    (on,) = client.events(eventTypeId=["VmPoweredOnEvent"])
    assert (on.createdTime - client.machine(vm.moid).runtime.bootTime).total_seconds() == 3_600


def test_ha_starts_a_machine_by_the_clock_of_the_host_that_it_comes_to(vcenter: ThreadedVCenter) -> None:
    vm = machine(vcenter)
    failed = vm.host
    for host in list(vcenter.world.inventory.every(Host)):
        if host is not failed:
            vcenter.do(vcenter.world.mishaps.host_clock, host.moid, ahead_us=15_000_000)
    vcenter.do(vcenter.world.outages.ha_restart, failed.name)
    assert vm.host is not failed
    assert vm.booted_at == vcenter.world.now() + 15_000_000


def test_a_boot_time_may_be_of_any_year_or_unset(client: Client, vcenter: ThreadedVCenter) -> None:
    vm = machine(vcenter)
    for year in (1, 1970, 9999):
        vcenter.do(vcenter.world.mishaps.boot_time, vm.moid, at=f"{year:04}-01-01T00:00:00Z")
        assert client.machine(vm.moid).runtime.bootTime.year == year
    vcenter.do(vcenter.world.mishaps.boot_time, vm.moid, at="")
    assert client.machine(vm.moid).runtime.bootTime is None


def test_the_next_events_are_dated_as_one_likes(client: Client, vcenter: ThreadedVCenter) -> None:
    vm = machine(vcenter)
    vcenter.do(vcenter.world.mishaps.date_events, at="9999-12-31T00:00:00Z", count=2)
    cycle(vcenter, vm)
    vcenter.do(vcenter.world.mishaps.date_events, ahead_us=86_400_000_000)
    cycle(vcenter, vm)
    events = client.events(eventTypeId=["VmPoweredOffEvent", "VmStartingEvent", "VmPoweredOnEvent"])
    days = [(event.createdTime.year, event.createdTime.day) for event in events]
    assert days[:2] == [(9999, 31)] * 2
    assert days[3] != days[2] == days[4] == days[5]


def test_keys_that_start_again_hide_no_event_from_a_collector(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    vm = machine(vcenter)
    reader = client.content.eventManager.CreateCollectorForEvents(
        vim.event.EventFilterSpec(eventTypeId=POWER)
    )
    cycle(vcenter, vm)
    first = [event.key for event in reader.ReadNextEvents(10)]
    vcenter.do(vcenter.world.mishaps.restart_keys, first=first[0])
    cycle(vcenter, vm)
    assert [event.key for event in reader.ReadNextEvents(10)] == first


def test_a_history_that_was_forgotten_or_restored_lacks_events(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    vm = machine(vcenter)
    for _ in range(3):
        cycle(vcenter, vm)
    keys = [event.key for event in client.events()]
    assert vcenter.do(vcenter.world.mishaps.forget_events, kept=4) == len(keys) - 4
    assert [event.key for event in client.events()] == keys[-4:]
    vcenter.do(vcenter.world.mishaps.restore_events, lost=3)
    cycle(vcenter, vm)
    assert [event.key for event in client.events()] == keys[-4:]


def test_it_becomes_another_vcenter(client: Client, vcenter: ThreadedVCenter) -> None:
    before = client.content.about.instanceUuid
    vcenter.do(vcenter.world.become_another, name="new")
    assert vcenter.world.instance_uuid != before
