"""The event log as clients read it, and whose names stand in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Host, Power, Vm

from .client import Client, Hand, kinds, raises
from .conftest import Connect

POWER = ["VmPoweredOffEvent", "VmPoweredOnEvent"]


def running(vcenter: ThreadedVCenter) -> list[str]:
    return [vm.moid for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.ON]


def collector(client: Client, **members: Any) -> Any:
    spec = vim.event.EventFilterSpec(**members)
    return client.content.eventManager.CreateCollectorForEvents(spec)


def test_a_collector_begins_at_the_oldest_event_and_goes_on_with_what_comes_later(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    first, second, third = running(vcenter)[:3]
    vcenter.do(vcenter.world.machines.power_off, first)
    vcenter.do(vcenter.world.machines.power_off, second)
    reader = collector(client, eventTypeId=POWER)
    assert [e.vm.vm._GetMoId() for e in reader.ReadNextEvents(1)] == [first]
    assert [e.vm.vm._GetMoId() for e in reader.ReadNextEvents(10)] == [second]
    assert reader.ReadNextEvents(10) == []
    vcenter.do(vcenter.world.machines.power_off, third)
    assert [e.vm.vm._GetMoId() for e in reader.ReadNextEvents(10)] == [third]


def test_keys_increase_by_one_while_instants_are_those_of_the_vcenters_clock(
    client: Client, vcenter: ThreadedVCenter, clock: Hand
) -> None:
    moid = running(vcenter)[0]
    vcenter.do(vcenter.world.machines.power_off, moid)
    vcenter.do(vcenter.world.clock_offset, offset_us=-90_000_000)
    vcenter.do(vcenter.world.machines.power_on, moid)
    off, starting, on = (e for e in client.events() if e.vm)
    assert (starting.key, on.key) == (off.key + 1, off.key + 2)
    assert (on.createdTime - off.createdTime).total_seconds() == -90
    assert on.createdTime == client.machine(moid).runtime.bootTime


def test_the_events_of_a_power_cycle_are_as_far_apart_as_it_took(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    moid = running(vcenter)[0]
    vcenter.do(vcenter.world.machines.power_cycle, moid, user="alice", down_us=7_000_000)
    off, on = client.events(eventTypeId=POWER)
    assert (on.createdTime - off.createdTime).total_seconds() == 7
    assert on.chainId == off.chainId


def test_an_event_of_a_class_that_pyvmomi_does_not_know_spoils_the_page_it_is_on(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    vcenter.do(vcenter.world.post_event, "VmFromTheFutureEvent", vm=running(vcenter)[0], user="alice")
    vcenter.do(vcenter.world.post_extended_event, "esx.problem.vm.kill.unexpected.x", vm=running(vcenter)[0])
    reader = collector(client)
    reader.ReadNextEvents(1)
    raises(KeyError, lambda: reader.ReadNextEvents(1))
    assert kinds(reader.ReadNextEvents(1)) == ["esx.problem.vm.kill.unexpected.x"]


def test_a_collector_reads_back_and_can_be_rewound_and_reset(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    for moid in running(vcenter)[:15]:
        vcenter.do(vcenter.world.machines.power_off, moid)
    reader = collector(client, eventTypeId=POWER)
    keys = [e.key for e in reader.ReadNextEvents(100)]
    assert len(keys) == 15
    assert [e.key for e in reader.ReadPreviousEvents(2)] == [keys[14], keys[13]]
    assert [e.key for e in reader.ReadNextEvents(1)] == [keys[13]]
    reader.RewindCollector()
    assert reader.ReadNextEvents(1)[0].key == keys[0]
    reader.ResetCollector()
    assert [e.key for e in reader.ReadNextEvents(100)] == keys[-10:]
    reader.SetCollectorPageSize(3)
    assert [e.key for e in reader.ReadNextEvents(100)] == keys[-3:]
    assert [e.key for e in reader.latestPage] == keys[:-4:-1]
    reader.DestroyCollector()
    raises(vmodl.fault.ManagedObjectNotFound, lambda: reader.ReadNextEvents(1))


@pytest.mark.parametrize("count", [0, 1001])
def test_a_page_of_no_events_or_of_too_many_is_refused(client: Client, count: int) -> None:
    reader = collector(client)
    raises(vmodl.fault.InvalidArgument, lambda: reader.ReadNextEvents(count))


def test_events_can_be_asked_for_by_time_user_chain_and_object(
    client: Client, vcenter: ThreadedVCenter, clock: Hand
) -> None:
    first, second = running(vcenter)[:2]
    vcenter.do(vcenter.world.machines.power_off, first, user="alice")
    later = datetime.fromtimestamp(clock.advance(60) / 1_000_000, UTC)
    vcenter.do(vcenter.world.machines.power_off, second)
    by = vim.event.EventFilterSpec
    since = client.events(time=by.ByTime(beginTime=later))
    assert kinds(since) == ["VmPoweredOffEvent"]
    theirs = client.events(userName=by.ByUsername(systemUser=False, userList=["alice"]))
    assert kinds(theirs) == ["TaskEvent", "VmStoppingEvent", "VmPoweredOffEvent"]
    nobodys = client.events(userName=by.ByUsername(systemUser=True))
    assert kinds(nobodys) == ["VmPoweredOffEvent"]
    assert kinds(client.events(eventChainId=theirs[0].key)) == kinds(theirs)
    about = client.events(entity=by.ByEntity(entity=client.machine(second), recursion="self"))
    assert kinds(about) == ["VmPoweredOffEvent"]
    whole = by.ByEntity(entity=client.content.rootFolder, recursion="all")
    assert kinds(client.events(entity=whole, eventTypeId=POWER)) == ["VmPoweredOffEvent"] * 2
    host = vcenter.world.machines.find(first).host.moid
    children = by.ByEntity(entity=vim.HostSystem(host, client.stub), recursion="children")
    assert first in {e.vm.vm._GetMoId() for e in client.events(entity=children)}


def test_an_extended_event_is_found_by_its_identifier(client: Client, vcenter: ThreadedVCenter) -> None:
    vcenter.do(vcenter.world.machines.mark_template, running(vcenter)[0])
    wanted = "com.vmware.vc.vm.VmConvertedToTemplateEvent"
    (event,) = client.events(eventTypeId=[wanted])
    assert isinstance(event, vim.event.EventEx)
    assert (event.eventTypeId, event.userName) == (wanted, "")
    assert client.events(eventTypeId=["EventEx"]) == []


def test_query_events_returns_the_newest_in_order(client: Client, vcenter: ThreadedVCenter) -> None:
    for moid in running(vcenter)[:4]:
        vcenter.do(vcenter.world.machines.power_off, moid)
    spec = vim.event.EventFilterSpec(eventTypeId=POWER, maxCount=3)
    found = client.content.eventManager.QueryEvents(spec)
    assert [e.vm.vm._GetMoId() for e in found] == running_before(vcenter)[1:4]


def running_before(vcenter: ThreadedVCenter) -> list[str]:
    events = vcenter.world.events.events
    return [e.entities[0].moid for e in events if e.type_id == "VmPoweredOffEvent"]


def test_what_a_user_does_over_the_api_carries_the_users_name_and_one_chain(
    client: Client, connect: Connect, vcenter: ThreadedVCenter
) -> None:
    moid = running(vcenter)[0]
    alice = connect(user="alice")
    task = alice.machine(moid).PowerOffVM_Task()
    assert task.info.state == "success"
    assert task.info.descriptionId == "VirtualMachine.powerOff"
    events = [e for e in client.events() if e.vm]
    assert kinds(events) == ["TaskEvent", "VmStoppingEvent", "VmPoweredOffEvent"]
    assert {e.userName for e in events} == {"alice"}
    assert {e.chainId for e in events} == {events[0].key}
    assert events[0].info.entity._GetMoId() == moid
    raises(vim.fault.InvalidPowerState, alice.machine(moid).PowerOffVM_Task)
    alice.machine(moid).PowerOnVM_Task()
    alice.machine(moid).SuspendVM_Task()
    alice.machine(moid).PowerOnVM_Task()
    alice.machine(moid).ResetVM_Task()
    named = [kind for kind in kinds(client.events()) if kind.startswith("Vm")]
    assert named[2:] == [
        "VmStartingEvent",
        "VmPoweredOnEvent",
        "VmSuspendingEvent",
        "VmSuspendedEvent",
        "VmResumingEvent",
        "VmPoweredOnEvent",
        "VmResettingEvent",
    ]


def test_a_guest_that_is_asked_to_shut_down_goes_off_without_a_name(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    asked, itself = running(vcenter)[:2]
    client.machine(asked).ShutdownGuest()
    vcenter.do(vcenter.world.machines.power_off, itself)
    events = [e for e in client.events() if e.vm]
    assert [(kind, e.userName) for kind, e in zip(kinds(events), events, strict=True)] == [
        ("VmGuestShutdownEvent", client.user),
        ("VmPoweredOffEvent", ""),
        ("VmPoweredOffEvent", ""),
    ]


def test_events_say_where_it_happened(client: Client, vcenter: ThreadedVCenter) -> None:
    host = next(host for host in vcenter.world.inventory.every(Host) if host.vms)
    vcenter.do(vcenter.world.outages.host_not_responding, host.moid)
    events = [e for e in client.events() if e.host]
    assert kinds(events) == ["HostConnectionLostEvent"] + ["VmDisconnectedEvent"] * len(host.vms)
    for event in events:
        assert (event.host.name, event.host.host._GetMoId()) == (host.name, host.moid)
        assert event.computeResource.name == "Cluster1"
        assert event.datacenter.name == "DC1"
        assert event.userName == ""
