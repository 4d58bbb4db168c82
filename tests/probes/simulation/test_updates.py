"""Filters and WaitForUpdatesEx: pages, versions, deltas."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from probes.simulation import SimulatedVCenter, ThreadedVCenter, build
from probes.simulation.entities import Datastore, Folder, Host, Power, Vm
from tests.waiting import wait_until

from .client import Client, Collector, Hand, raises
from .conftest import SERVERS, Connect


def a_machine(vcenter: ThreadedVCenter, power: Power = Power.ON) -> str:
    return next(vm.moid for vm in vcenter.world.inventory.every(Vm) if vm.power is power)


def test_the_first_set_comes_in_pages_of_100_with_the_versions_that_vpxd_gives(client: Client) -> None:
    client.watch(vim.VirtualMachine, "name")
    pages = [client.next(), client.next(), client.next()]
    assert [(page.version, page.truncated, len(page.updates)) for page in pages] == [
        ("0_1", True, 100),
        ("0_2", True, 100),
        ("1", False, 50),
    ]
    assert {update.kind for page in pages for update in page.updates} == {"enter"}
    assert len({update.moid for page in pages for update in page.updates}) == SERVERS


def test_a_client_may_ask_for_smaller_pages_but_not_for_larger(client: Client) -> None:
    client.watch(vim.VirtualMachine, "name")
    small = client.wait("", objects=7)
    assert small is not None
    assert len(small.updates) == 7
    large = client.wait("", objects=500)
    assert large is not None
    assert len(large.updates) == 100


def test_a_page_may_span_filters_of_several_types(client: Client) -> None:
    client.watch(vim.VirtualMachine, "name")
    client.watch(vim.HostSystem, "name", "runtime.connectionState", "runtime.powerState", "parent")
    client.watch(vim.Datastore, "name", "summary.type", "host")
    found = client.sync()
    prefixes = {moid.partition("-")[0] for moid in found}
    assert prefixes == {"vm", "host", "datastore"}
    assert len(found) == SERVERS + 8 + 4


def test_nothing_comes_back_when_nothing_changed_in_the_longest_wait(client: Client) -> None:
    client.watch(vim.HostSystem, "name")
    client.sync()
    assert client.wait(seconds=0) is None
    assert client.wait(seconds=0) is None


def test_a_change_brings_only_the_properties_that_changed(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "name", "runtime.powerState", "runtime.bootTime", "guest.ipAddress")
    client.sync()
    moid = a_machine(vcenter)
    vcenter.do(vcenter.world.machines.suspend, moid)
    update = client.next().only()
    assert (update.kind, update.moid) == ("modify", moid)
    assert update.values == {"runtime.powerState": "suspended", "guest.ipAddress": None}


def test_what_was_cleared_is_assigned_without_a_value(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "runtime.bootTime", "runtime.cleanPowerOff")
    client.sync()
    vcenter.do(vcenter.world.machines.power_off, a_machine(vcenter))
    update = client.next().only()
    assert update.values == {"runtime.bootTime": None, "runtime.cleanPowerOff": True}
    assert set(update.ops.values()) == {"assign"}


def test_many_changes_of_one_machine_come_as_one_with_the_last_values(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.VirtualMachine, "runtime.powerState", "name")
    client.sync()
    moid = a_machine(vcenter)

    def off_and_renamed() -> None:
        vcenter.world.machines.power_off(moid)
        vcenter.world.machines.rename(moid, name="first")
        vcenter.world.machines.rename(moid, name="second")

    vcenter.do(off_and_renamed)
    assert client.next().only().values == {"runtime.powerState": "poweredOff", "name": "second"}


def test_a_blocked_call_wakes_when_something_changes(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "runtime.powerState")
    client.sync()
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(client.wait, None, seconds=30)
        until_blocked(vcenter)
        vcenter.do(vcenter.world.machines.suspend, a_machine(vcenter))
        page = blocked.result(5)
    assert page is not None
    assert page.only().values == {"runtime.powerState": "suspended"}


def until_blocked(vcenter: ThreadedVCenter) -> None:
    """Until a WaitForUpdatesEx is blocked; each look is a round trip through the serving loop."""

    def blocked() -> bool:
        sessions = vcenter.world.sessions.by_cookie.values()
        return any(each.blocked for session in sessions for each in session.collectors.values())

    wait_until(lambda: vcenter.do(blocked), "a call that is blocked")


def test_a_complete_version_may_be_passed_again_and_delivers_again(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.VirtualMachine, "runtime.powerState", "name")
    client.sync()
    known, moid = client.version, a_machine(vcenter)
    vcenter.do(vcenter.world.machines.suspend, moid)
    assert client.next().only().values == {"runtime.powerState": "suspended"}
    vcenter.do(vcenter.world.machines.rename, moid, name="other")
    again = client.wait(known)
    assert again is not None
    assert again.only().values == {"runtime.powerState": "suspended", "name": "other"}


def test_a_truncated_version_may_be_passed_only_once(client: Client) -> None:
    client.watch(vim.VirtualMachine, "name")
    first = client.next()
    client.next()
    raises(vmodl.query.InvalidCollectorVersion, lambda: client.wait(first.version))


def test_a_version_older_than_the_acknowledged_one_is_refused(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.VirtualMachine, "name")
    client.sync()
    stale = client.version
    moid = a_machine(vcenter)
    for name in ("one", "two"):
        vcenter.do(vcenter.world.machines.rename, moid, name=name)
        client.next()
    raises(vmodl.query.InvalidCollectorVersion, lambda: client.wait(stale))


@pytest.mark.parametrize("version", ["7", "0_1", "nonsense", "1_", "0"])
def test_a_version_that_was_never_given_is_refused(client: Client, version: str) -> None:
    client.watch(vim.HostSystem, "name")
    raises(vmodl.query.InvalidCollectorVersion, lambda: client.wait(version))


def test_a_truncated_delta_is_paged_like_the_first_set(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "customValue")
    client.sync()

    def everything() -> None:
        for vm in list(vcenter.world.inventory.every(Vm))[:150]:
            vcenter.world.machines.set_custom_value(vm.moid, field=101, value="sold")

    vcenter.do(everything)
    first, second = client.next(), client.next()
    assert (first.version, first.truncated, len(first.updates)) == ("1_1", True, 100)
    assert (second.version, second.truncated, len(second.updates)) == ("2", False, 50)


def test_partial_updates_name_the_part_and_whole_updates_the_property(
    connect: Connect, vcenter: ThreadedVCenter
) -> None:
    narrow, whole = connect(), connect()
    narrow.watch(vim.Datastore, "host", "summary.accessible", partial=True)
    whole.watch(vim.Datastore, "host", "summary.accessible")
    narrow.sync()
    whole.sync()
    store = next(vcenter.world.inventory.every(Datastore))
    host = next(iter(store.mounts))
    vcenter.do(vcenter.world.outages.mount, host, datastore=store.moid, accessible=False)
    info = f'host["{host}"].mountInfo'
    assert narrow.next().only().values == {
        f"{info}.accessible": False,
        f"{info}.inaccessibleReason": "AllPathsDown_Start",
    }
    values = whole.next().only().values
    assert list(values) == ["host"]
    lost = {
        m.key._GetMoId(): m.mountInfo.inaccessibleReason for m in values["host"] if not m.mountInfo.accessible
    }
    assert lost == {host: "AllPathsDown_Start"}


def test_a_data_object_is_reported_whole_or_by_its_changed_member(
    connect: Connect, vcenter: ThreadedVCenter
) -> None:
    narrow, whole = connect(), connect()
    narrow.watch(vim.HostSystem, "runtime", partial=True)
    whole.watch(vim.HostSystem, "summary.runtime")
    narrow.sync()
    whole.sync()
    host = next(vcenter.world.inventory.every(Host)).moid
    vcenter.do(vcenter.world.outages.maintenance, host, on=True, user="alice")
    assert narrow.next().only().values == {"runtime.inMaintenanceMode": True}
    assert whole.next().only().values["summary.runtime"].inMaintenanceMode is True


def test_a_new_machine_enters_without_config_which_follows(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "name", "config.instanceUuid", "config.template")
    client.sync()
    machines = vcenter.world.machines
    new = vcenter.do(machines.add_vm, "brand-new", like=a_machine(vcenter), config_known=False)
    entered = client.next().only()
    assert (entered.kind, entered.values["name"]) == ("enter", "brand-new")
    assert entered.ops["config.instanceUuid"] == "indirectRemove"
    vcenter.do(machines.reveal_config, new.moid)
    later = client.next().only()
    assert (later.kind, later.values) == (
        "modify",
        {"config.instanceUuid": new.instance_uuid, "config.template": False},
    )


def test_a_machine_that_is_removed_leaves_and_returns_under_a_new_id_with_its_uuid(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.VirtualMachine, "config.instanceUuid")
    before = client.sync()
    moid = a_machine(vcenter)
    gone = vcenter.do(vcenter.world.machines.remove_vm, moid)
    left = client.next().only()
    assert (left.kind, left.moid, left.values) == ("leave", moid, {})
    vcenter.do(vcenter.world.machines.register_vm, gone.name)
    entered = client.next().only()
    assert entered.kind == "enter"
    assert entered.moid != moid
    assert entered.values == before[moid].values


def test_a_filter_below_a_folder_sees_machines_enter_and_leave_it(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    acme = vcenter.world.inventory.find(Folder, "acme")
    client.watch(vim.VirtualMachine, "name", container=vim.Folder(acme.moid, client.stub))
    inside = client.sync()
    assert 0 < len(inside) < SERVERS
    moid = next(iter(inside))
    vcenter.do(vcenter.world.machines.move, moid, folder="borealis")
    assert (client.next().only().kind, client.version) == ("leave", "2")
    vcenter.do(vcenter.world.machines.move, moid, folder="acme")
    assert client.next().only().kind == "enter"


def test_a_view_of_a_host_follows_the_machines_that_are_on_it(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    first, second = list(vcenter.world.inventory.every(Host))[:2]
    client.watch(vim.VirtualMachine, "name", container=vim.HostSystem(first.moid, client.stub))
    inside = client.sync()
    assert set(inside) == set(first.vms)
    moid = next(iter(inside))
    vcenter.do(vcenter.world.machines.vmotion, moid, host=second.moid)
    assert (client.next().only().kind, moid in second.vms) == ("leave", True)


def test_unset_properties_can_be_left_out_instead(clock: Hand) -> None:
    def make() -> SimulatedVCenter:
        return SimulatedVCenter(build(now=clock.now_us, servers=60), now_us=clock, omit_unset=True)

    with ThreadedVCenter(make) as vcenter:
        client = Client(vcenter.port)
        client.watch(vim.VirtualMachine, "name", "runtime.bootTime")
        off = next(vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.OFF)
        assert client.sync()[off.moid].values == {"name": off.name}
        client.close()


def test_what_no_account_may_read_is_missing_and_not_unset(client: Client, vcenter: ThreadedVCenter) -> None:
    moid = a_machine(vcenter)
    vcenter.do(vcenter.world.machines.unreadable, moid, paths=("config.instanceUuid",))
    client.watch(vim.VirtualMachine, "name", "config.instanceUuid")
    update = client.sync()[moid]
    assert set(update.values) == {"name"}
    assert isinstance(update.missing["config.instanceUuid"], vim.fault.NoPermission)
    vcenter.do(vcenter.world.machines.unreadable, moid)
    update = client.next().only()
    assert (update.values, set(update.missing)) == ({}, {"name", "config.instanceUuid"})
    vcenter.do(vcenter.world.machines.unreadable, moid, paths=())
    update = client.next().only()
    assert (set(update.values), update.missing) == ({"name", "config.instanceUuid"}, {})


def test_a_path_that_the_type_does_not_have_is_refused_at_create_filter(client: Client) -> None:
    fault = raises(vmodl.query.InvalidProperty, lambda: client.watch(vim.VirtualMachine, "runtime.mood"))
    assert fault.name == "runtime.mood"


def test_a_blocked_call_can_be_cancelled_from_a_second_stub_of_the_session(
    client: Client, connect: Connect, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.HostSystem, "name")
    client.sync()
    second = connect(session=client.stub.GetSessionId())
    collector = Collector(client.collector._GetMoId(), second.stub)
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(client.wait, None, seconds=30)
        until_blocked(vcenter)
        collector.CancelWaitForUpdates()
        raises(vmodl.fault.RequestCanceled, lambda: blocked.result(5))


def test_a_newer_call_ends_an_older_one_that_is_blocked(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.HostSystem, "name")
    client.sync()
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(client.wait, None, seconds=30)
        until_blocked(vcenter)
        assert client.wait(client.version, seconds=0) is None
        raises(vmodl.fault.RequestCanceled, lambda: blocked.result(5))


def test_a_destroyed_filter_reports_nothing_more(client: Client, vcenter: ThreadedVCenter) -> None:
    watched = client.watch(vim.VirtualMachine, "runtime.powerState")
    client.sync()
    watched.DestroyPropertyFilter()
    vcenter.do(vcenter.world.machines.suspend, a_machine(vcenter))
    assert client.wait(seconds=0) is None
    assert list(client.collector.filter) == []
    raises(vmodl.fault.ManagedObjectNotFound, watched.DestroyPropertyFilter)


def test_a_power_cycle_between_two_answers_shows_only_a_newer_boot_time(
    client: Client, vcenter: ThreadedVCenter, clock: Hand
) -> None:
    client.watch(vim.VirtualMachine, "runtime.powerState", "runtime.bootTime")
    moid = a_machine(vcenter)
    before: Any = client.sync()[moid].values["runtime.bootTime"]
    clock.advance(60)
    vcenter.do(vcenter.world.machines.power_cycle, moid)
    update = client.next().only()
    assert set(update.values) == {"runtime.bootTime"}
    assert update.values["runtime.bootTime"] > before
