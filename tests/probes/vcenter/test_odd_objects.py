"""An object that vCenter fails for, tells in part, or tells in another form costs itself, and is known again once it is told."""

import re
from collections.abc import Callable

import pytest

from probes.simulation import methods, soap
from probes.simulation.entities import ResourcePool
from probes.simulation.methods import SessionCall
from probes.vcenter import chain
from sla.records import Leg, State
from tests.probes.vcenter.harness import Watched, watching
from tests.probes.vcenter.peers import Simulated
from tests.probes.vcenter.test_bad_items import each_item, of_server, rewritten

UP, DOWN = State.UP, State.DOWN


def not_closed(update: str) -> str:
    return update.replace("</changeSet>", "", 1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "ODD_AGAIN_S", 0.0)


def fails_for(monkeypatch: pytest.MonkeyPatch, moid: str, fault: str) -> None:
    """A fault for whatever is read that has this object among others."""

    def told_or_fault(_: SessionCall, told: str) -> str:
        if f">{moid}</obj>" in told:
            raise soap.FaultError(fault, "one machine cannot be told")
        return told

    rewritten(monkeypatch, "RetrievePropertiesEx", told_or_fault)


@pytest.mark.parametrize("is_odd", [False, True])
@pytest.mark.parametrize("fault", ["RuntimeFault", "SystemError", "NoPermission", "ManagedObjectNotFound"])
def test_an_object_for_which_reading_fails_costs_nobody_else(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, fault: str, is_odd: bool
) -> None:
    """Of its files, and of itself where it was told in no form."""
    if is_odd:
        change = of_server(simulation, not_closed, spoilt=[True])
        rewritten(monkeypatch, "WaitForUpdatesEx", each_item("objectSet", change))
    fails_for(monkeypatch, simulation.vm(simulation.server).moid, fault)
    with watching(simulation.endpoint) as watched:
        other = watched.server(simulation.neighbour)
        watched.looks(2)
        simulation.power_off(simulation.neighbour)
        watched.until_state(other, DOWN)
    assert watched.failures == []


@pytest.mark.parametrize("fault", ["RuntimeFault", "NoPermission"])
def test_where_reading_fails_for_every_object_states_are_watched_on(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def fails(_: SessionCall, __: str) -> str:
        raise soap.FaultError(fault, "nothing can be told")

    rewritten(monkeypatch, "RetrievePropertiesEx", fails)
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.mount(simulation.host, simulation.datastore, accessible=False)
        watched.until(lambda: watched.state(server, Leg.SAN) is not UP)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
    assert watched.failures == []


def test_a_machine_that_is_deleted_before_its_files_are_read_costs_no_session(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = [simulation.server]
    found = methods.METHODS["RetrievePropertiesEx"]

    async def deleted(call: SessionCall) -> str:
        while victims:
            call.world.machines.remove_vm(victims.pop())
        told = found(call)
        return told if isinstance(told, str) else await told

    monkeypatch.setitem(methods.METHODS, "RetrievePropertiesEx", deleted)
    with watching(simulation.endpoint) as watched:
        watched.until(lambda: watched.departures)
    assert watched.failures == []


def test_update_sets_that_hold_nothing_are_not_asked_for_without_a_pause(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def nothing(call: SessionCall, told: str) -> str:
        nonlocal asked
        version = call.request.node.text("version")
        asked += 1
        return told if version == "" else f"<returnval><version>{version}</version></returnval>"

    rewritten(monkeypatch, "WaitForUpdatesEx", nothing)
    with watching(simulation.endpoint, poll_s=10) as watched:
        watched.looks(3)
        assert asked <= 5
    assert watched.failures == []


def test_a_restored_vcenter_that_shows_a_server_late_tells_it_anew(simulation: Simulated) -> None:
    """What was told of it before was another vCenter's, and is taken back meanwhile."""
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.do(simulation.world.become_another, name="new")
        simulation.do(simulation.machines.unreadable, simulation.server, paths=("config.instanceUuid",))
        simulation.kill_sessions()
        watched.until(lambda: _sessions(watched) > 1)
        fresh = [report for report in watched.reports if report.fresh][-1]
        assert fresh.partial, "it shows an object that does not say which server it is"
        assert server not in {each.server for each in fresh.listed}
        looks = len(watched.reports)
        simulation.do(simulation.machines.unreadable, simulation.server, paths=())
        told = watched.until(
            lambda: [
                each
                for report in watched.reports[looks:]
                for each in report.observations
                if each.server == server
            ]
        )
    assert {(each.leg, each.state) for each in told} == {(Leg.RUNNING, UP), (Leg.SAN, UP)}


def damaged_tag(told: str, moid: str) -> str:
    """An update set of which the opening tag of one object's update is broken, behind that of another."""
    first, *others = re.split(r"(?=<objectSet[ >])", told)
    return first + "".join(
        "<objectSet\x01" + part[len("<objectSet") :] if number and f">{moid}</obj>" in part else part
        for number, part in enumerate(others)
    )


@pytest.mark.parametrize("is_full", [False, True])
def test_an_update_whose_tag_is_damaged_does_not_go_unseen(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    moid = simulation.vm(simulation.server).moid
    spoilt: list[bool] = []
    rewritten(monkeypatch, "WaitForUpdatesEx", lambda _, told: damaged_tag(told, moid) if spoilt else told)
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        spoilt.append(True)
        if is_full:
            simulation.kill_sessions()
            watched.until(lambda: len(watched.failures) > 1 or _sessions(watched) > 1)
            spoilt.clear()
            watched.until(lambda: _sessions(watched) > 1)
        simulation.do(
            lambda: [
                simulation.world.machines.power_off(each, user="x")
                for each in (simulation.neighbour, simulation.server)
            ]
        )
        watched.until_state(server, DOWN)
    assert watched.departures == []


def odd_folder(update: str) -> str:
    return re.sub(r"(<name>name</name>(?:<op>\w+</op>)?)<val.*?</val>", r"\1<val><x>1</x></val>", update)


def test_a_folder_whose_name_was_odd_has_its_path_again_once_it_is_told(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = simulation.vm(simulation.server).parent
    assert folder is not None
    spoilt = [True]

    def change(update: str) -> str:
        return odd_folder(update) if spoilt and f">{folder.moid}</obj>" in update else update

    for method, item in (("WaitForUpdatesEx", "objectSet"), ("RetrievePropertiesEx", "objects")):
        rewritten(monkeypatch, method, each_item(item, change))

    def rename() -> None:
        with simulation.world.inventory.changing(folder):
            folder.name = "Renamed"

    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        spoilt.clear()
        simulation.do(rename)
        watched.until(lambda: str(watched.listed(server).folder).endswith("/Renamed"))


@pytest.mark.parametrize("form", ["host['{}']", "host[{}]", 'host["HostSystem:{}"]', 'Host["{}"]'])
def test_a_part_of_the_mounts_in_another_form_has_them_all_read_again(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def change(update: str) -> str:
        put: Callable[[re.Match[str]], str] = lambda found: form.format(found[1]).replace('"', "&quot;")  # noqa: E731
        return re.sub(r'host\[(?:&quot;|")([^<]*?)(?:&quot;|")\]', put, update)

    rewritten(monkeypatch, "WaitForUpdatesEx", each_item("objectSet", change))
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.mount(simulation.host, simulation.datastore, accessible=False)
        watched.until_state(server, DOWN, Leg.SAN)
        simulation.mount(simulation.host, simulation.datastore, accessible=True)
        watched.until_state(server, UP, Leg.SAN)


def test_a_refused_login_in_the_middle_of_a_session_is_no_wrong_password(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(range(5))

    def refused(_: SessionCall, told: str) -> str:
        if next(answers, 0) == 3:
            raise soap.FaultError("InvalidLogin", "once")
        return told

    rewritten(monkeypatch, "WaitForUpdatesEx", refused)
    with watching(simulation.endpoint) as watched:
        failure = watched.failure()
    assert failure.reason == "session_lost"
    assert failure.retry_in_us < 1_000_000


def test_what_has_become_unset_is_so_when_it_is_read_again(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a vApp a machine has no parent: the folder that it had is another client's."""
    spoilt: list[bool] = []
    change = of_server(simulation, not_closed, spoilt=spoilt)
    rewritten(monkeypatch, "WaitForUpdatesEx", each_item("objectSet", change))
    world = simulation.world
    pool = simulation.do(lambda: next(each.name for each in world.inventory.every(ResourcePool)))
    simulation.do(lambda: world.oddities.add_vapp("theirs", pool=pool, folder="borealis"))
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        assert watched.listed(server).folder == "/DC1/vm/acme"
        spoilt.append(True)
        simulation.do(lambda: world.oddities.move_into_vapp(simulation.server, vapp="theirs"))
        watched.until(lambda: watched.listed(server).folder == "/DC1/vm/borealis")


def test_what_is_read_again_and_names_no_object_is_counted_once(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = of_server(simulation, not_closed, spoilt=[True])
    rewritten(monkeypatch, "WaitForUpdatesEx", each_item("objectSet", change))
    nameless = of_server(simulation, lambda told: re.sub(r"<obj .*?</obj>", "", told), spoilt=[True])
    rewritten(monkeypatch, "RetrievePropertiesEx", each_item("objects", nameless))
    with watching(simulation.endpoint) as watched:
        watched.looks(8)
    assert {report.unreadable for report in watched.reports} == {1}
    assert watched.failures == []


def test_updates_of_nobody_again_and_again_cost_no_growing_pauses(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = (simulation.power_off, simulation.power_on) * 4
    spoilt: list[bool] = []
    nameless = of_server(simulation, lambda update: re.sub(r"<obj .*?</obj>", "", update), spoilt=spoilt)

    def change(call: SessionCall, told: str) -> str:
        return (
            told if call.request.node.text("version") == "" else each_item("objectSet", nameless)(call, told)
        )

    rewritten(monkeypatch, "WaitForUpdatesEx", change)
    with watching(simulation.endpoint, retry_s=(0.05, 30.0)) as watched:
        watched.looks(2)
        spoilt.append(True)
        for number, change_it in enumerate(changes, 1):
            change_it(simulation.server)
            watched.until(lambda number=number: len(watched.failures) >= number)  # type: ignore[misc]
            watched.until(lambda number=number: _sessions(watched) > number)  # type: ignore[misc]
    assert {failure.reason for failure in watched.failures} == {"bad_reply"}
    assert max(failure.retry_in_us for failure in watched.failures) < 100_000


def _sessions(watched: Watched) -> int:
    return sum(report.fresh for report in watched.reports)
