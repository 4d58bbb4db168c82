"""The SAN leg rests on every file that a server needs, on its own host (design: watching vCenter)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from probes.simulation.entities import Datastore, Host, Vm
from probes.vcenter import watch
from probes.vcenter.faults import ReplyError
from probes.vcenter.file_reading import FileReading
from probes.vcenter.session import Session
from probes.vcenter.settings import Portions
from sla.records import Leg, State
from tests.probes.vcenter.harness import Watched, watching
from tests.probes.vcenter.peers import Simulated
from tests.probes.vcenter.test_faults import recovered

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


class Site(Simulated):
    """The simulation with a server whose files can be put elsewhere, and `other` for where to put them."""

    def __enter__(self) -> "Site":
        super().__enter__()
        host = self.find(Host, self.host)
        stores: list[Datastore] = self.do(lambda: list(self.world.inventory.every(Datastore)))
        self.other, self.third = (
            each.name for each in stores if host.moid in each.mounts and each.name != self.datastore
        )
        return self

    @property
    def storage(self) -> Any:
        return self.world.storage

    def put(self, act: Callable[..., None], **where: Any) -> None:
        self.do(act, self.server, **where)

    def lose(self, datastore: str, *, lost: bool = True) -> None:
        """Every host loses its paths to a datastore."""

        def everywhere() -> None:
            for moid in self.world.inventory.find(Datastore, datastore).mounts:
                self.outages.mount(moid, datastore=datastore, accessible=not lost)

        self.do(everywhere)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


ELSEWHERE: dict[str, Callable[[Site], None]] = {
    "base disk": lambda site: site.put(site.storage.continue_disks, parents=[site.other]),
    "base disk of its base disk": lambda site: site.put(
        site.storage.continue_disks, parents=[site.datastore, site.other]
    ),
    "base disk, not listed": lambda site: site.put(
        site.storage.continue_disks, parents=[site.other], listed=False
    ),
    "raw device mapping": lambda site: site.put(site.storage.map_lun, lun="020001", datastore=site.other),
    "swap file": lambda site: site.put(site.storage.place_swap, datastore=site.other),
    "configuration": lambda site: site.put(site.storage.place_configuration, datastore=site.other),
}
"""What can lie on another datastore than the disk, in the words of the reason."""


def san_of(watched: Watched, site: Site) -> State:
    return watched.state(watched.server(site.server), Leg.SAN)


def reason(watched: Watched, site: Site) -> str:
    server = watched.server(site.server)
    said = [each for each in watched.observations if (each.server, each.leg) == (server, Leg.SAN)]
    return said[-1].reason


@pytest.mark.parametrize("moved", ["before", "while watched", "before another session"])
@pytest.mark.parametrize("what", ELSEWHERE)
def test_a_server_is_down_with_any_datastore_that_holds_a_file_which_it_needs(
    site: Site, what: str, moved: str
) -> None:
    if moved == "before":
        ELSEWHERE[what](site)
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        if moved == "before another session":
            site.kill_sessions()
        if moved != "before":
            ELSEWHERE[what](site)
        if moved == "before another session":
            recovered(watched)
        used = (site.datastore, site.other)
        watched.until(lambda: watched.listed(server).datastores == tuple(sorted(used)))
        assert watched.state(server, Leg.SAN) is UP
        site.lose(site.other)
        watched.until_state(server, DOWN, Leg.SAN)
        role = what.partition(",")[0].partition(" of")[0]
        assert reason(watched, site) == (
            f"datastore {site.other} with its {role} is not accessible (AllPathsDown_Start)"
        )
        assert watched.datastores[site.other] is DOWN
        site.lose(site.other, lost=False)
        watched.until_state(server, UP, Leg.SAN)
        assert watched.datastores[site.other] is UP


@pytest.mark.parametrize("what", ELSEWHERE)
def test_a_datastore_that_is_lost_before_the_first_look_is_seen_with_it(site: Site, what: str) -> None:
    ELSEWHERE[what](site)
    site.lose(site.other)
    with watching(site.endpoint) as watched:
        assert watched.report().datastores[site.other] is DOWN
        assert san_of(watched, site) is DOWN
        assert watched.states(watched.server(site.server), Leg.SAN) == [DOWN]


def test_what_a_server_does_not_need_does_not_stop_it(site: Site) -> None:
    site.put(site.storage.insert_iso, datastore=site.other)
    site.put(site.storage.snapshot, memory=site.third)
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        watched.until(lambda: watched.listed(server).datastores == (site.datastore,))
        site.lose(site.other)
        site.lose(site.third)
        watched.until(lambda: watched.datastores[site.third] is DOWN)
        watched.looks(1)
        assert watched.states(server, Leg.SAN) == [UP]
        site.lose(site.datastore)
        watched.until_state(server, DOWN, Leg.SAN)


def test_a_server_without_disks_rests_on_its_configuration(site: Site) -> None:
    site.put(site.storage.remove_disks)
    site.put(site.storage.insert_iso, datastore=site.other)
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        site.lose(site.other)
        watched.until(lambda: watched.datastores[site.other] is DOWN)
        watched.looks(1)
        assert watched.states(server, Leg.SAN) == [UP]
        site.lose(site.datastore)
        watched.until_state(server, DOWN, Leg.SAN)


def test_a_swap_file_comes_with_the_power_and_moves_with_the_host(site: Site) -> None:
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        site.power_off(site.server)
        watched.until_state(server, DOWN)
        site.put(site.storage.place_swap, datastore=site.other)
        site.power_on(site.server)
        watched.until(
            lambda: watched.listed(server).datastores == tuple(sorted((site.datastore, site.other)))
        )
        site.put(site.storage.place_swap, datastore=site.third)
        site.vmotion(site.server, site.elsewhere)
        watched.until(
            lambda: watched.listed(server).datastores == tuple(sorted((site.datastore, site.third)))
        )
        site.lose(site.other)
        watched.until(lambda: watched.datastores[site.other] is DOWN)
        watched.looks(1)
        assert watched.states(server, Leg.SAN) == [UP]
        site.lose(site.third)
        watched.until_state(server, DOWN, Leg.SAN)


def test_a_swap_file_beside_an_image_is_needed_and_the_image_is_not(site: Site) -> None:
    """No property but the boot time tells that there is something to read."""
    site.put(site.storage.insert_iso, datastore=site.other)
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        watched.until(lambda: watched.listed(server).datastores == (site.datastore,))
        site.power_off(site.server)
        watched.until_state(server, DOWN)
        site.put(site.storage.place_swap, datastore=site.other)
        site.power_on(site.server)
        watched.until(
            lambda: watched.listed(server).datastores == tuple(sorted((site.datastore, site.other)))
        )


def test_a_loss_on_its_host_makes_a_reading_due_at_once_whatever_the_server_lists(site: Site) -> None:
    site.put(site.storage.continue_disks, parents=[site.other], listed=False)
    with watching(site.endpoint, portions=Portions(places_a_look=0)) as watched:
        server = watched.server(site.server)
        assert watched.listed(server).datastores == (site.datastore,)
        assert watched.state(server, Leg.SAN) is UP
        site.lose(site.other)
        watched.until_state(server, DOWN, Leg.SAN)
    assert watched.states(server, Leg.SAN) == [UP, DOWN]


def test_an_old_layout_is_read_anew_before_it_counts(site: Site) -> None:
    """vCenter announces no change of a layout."""
    site.put(site.storage.place_swap, datastore=site.other)
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        watched.until(lambda: site.other in watched.listed(server).datastores)

        def unannounced() -> None:
            site.world.inventory.find(Vm, site.server).swap = None

        site.do(unannounced)
        site.lose(site.other)
        watched.until(lambda: watched.listed(server).datastores == (site.datastore,))
    assert watched.states(server, Leg.SAN) == [UP]


@pytest.mark.parametrize(("mode", "expected"), [("inMaintenance", UNKNOWN), ("enteringMaintenance", DOWN)])
def test_a_datastore_in_maintenance_mode_is_no_outage_and_one_that_enters_it_is_in_use(
    site: Site, mode: str, expected: State
) -> None:
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        site.do(site.outages.datastore_maintenance, site.datastore, mode=mode)
        watched.looks(2)
        assert watched.states(server, Leg.SAN) == [UP], "by itself it says nothing"
        assert watched.datastores[site.datastore] is UP
        site.lose(site.datastore)
        watched.until_state(server, expected, Leg.SAN)
        assert watched.datastores[site.datastore] is expected
        site.do(site.outages.datastore_maintenance, site.datastore, mode="normal")
        watched.until_state(server, DOWN, Leg.SAN)
        assert watched.datastores[site.datastore] is DOWN


def test_a_datastore_that_a_person_unmounts_from_a_host_is_unknown_there_alone(site: Site) -> None:
    with watching(site.endpoint) as watched:
        server, neighbour = watched.server(site.server), watched.server(site.neighbour)
        site.do(site.outages.unmount, site.elsewhere, datastore=site.datastore)
        watched.until_state(neighbour, UNKNOWN, Leg.SAN)
        assert watched.states(server, Leg.SAN) == [UP]
        assert watched.datastores[site.datastore] is UP


@pytest.mark.parametrize("what", ELSEWHERE)
def test_a_datastore_that_may_not_be_seen_leaves_the_leg_unknown(site: Site, what: str) -> None:
    ELSEWHERE[what](site)
    store = site.find(Datastore, site.other)
    site.do(site.storage.hide, site.other)
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        watched.until_state(server, UNKNOWN, Leg.SAN)
        assert reason(watched, site).endswith("is not readable")
        site.do(site.world.inventory.add, store)
        watched.until_state(server, UP, Leg.SAN)


@pytest.mark.parametrize("paths", [("host",), ("*",)])
def test_mounts_that_may_no_longer_be_read_are_unknown(site: Site, paths: tuple[str, ...]) -> None:
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        assert watched.state(server, Leg.SAN) is UP
        site.do(site.storage.unreadable, site.datastore, paths=paths)
        watched.until_state(server, UNKNOWN, Leg.SAN)
        assert watched.datastores[site.datastore] is UNKNOWN
        site.do(site.storage.unreadable, site.datastore, paths=())
        watched.until_state(server, UP, Leg.SAN)


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("what", ELSEWHERE)
def test_files_on_an_ignored_datastore_do_not_count(site: Site, what: str, hidden: bool) -> None:
    ELSEWHERE[what](site)
    if hidden:
        site.do(site.storage.hide, site.other)
    with watching(site.endpoint, ignored_datastores=(site.other,)) as watched:
        server = watched.server(site.server)
        watched.until_state(server, UP, Leg.SAN)
        if not hidden:
            site.lose(site.other)
        watched.looks(2)
        assert watched.state(server, Leg.SAN) is UP
        assert watched.listed(server).san
        site.lose(site.datastore)
        watched.until_state(server, DOWN, Leg.SAN)


@pytest.mark.parametrize("state", ["invalid", "orphaned", "disconnected"])
def test_a_server_that_vcenter_cannot_speak_for_is_unknown(site: Site, state: str) -> None:
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        site.connection(site.server, state)
        watched.until_state(server, UNKNOWN, Leg.SAN)
        assert reason(watched, site) == f"vCenter calls it {state}"
        site.connection(site.server, "connected")
        watched.until_state(server, UP, Leg.SAN)


@pytest.mark.parametrize("paths", [("config.hardware.device",), ("layoutEx.file",)])
def test_files_that_may_not_be_read_leave_the_leg_unknown(site: Site, paths: tuple[str, ...]) -> None:
    site.do(site.machines.unreadable, site.server, paths=paths)
    with watching(site.endpoint) as watched:
        server, neighbour = watched.server(site.server), watched.server(site.neighbour)
        watched.until_state(server, UNKNOWN, Leg.SAN)
        assert reason(watched, site) == "vCenter does not tell which files it needs"
        watched.looks(1)
        assert watched.states(neighbour, Leg.SAN) == [UP]


def test_files_that_cannot_be_parsed_are_those_of_one_server(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    moid, asked = site.vm(site.server).moid, []
    retrieve = Session.retrieve

    def spoilt(session: Session, kind: str, paths: Any, moids: list[str]) -> Any:
        asked.append(len(moids))
        if moid in moids:
            raise ReplyError("the answer is no XML document")
        return retrieve(session, kind, paths, moids)

    monkeypatch.setattr(Session, "retrieve", spoilt)
    with watching(site.endpoint) as watched:
        server = watched.server(site.server)
        watched.until_state(server, UNKNOWN, Leg.SAN)
        others = {each.server for each in watched.sightings} - {server}
        assert {watched.state(other, Leg.SAN) for other in others} == {UP}
        watched.looks(2)
    assert len(asked) < 16
    assert not watched.failures


def test_a_chain_deeper_than_any_reply_may_be_is_that_of_one_server(site: Site) -> None:
    site.put(site.storage.continue_disks, parents=[site.datastore] * 100)
    with watching(site.endpoint) as watched:
        server, neighbour = watched.server(site.server), watched.server(site.neighbour)
        watched.until(lambda: watched.states(server, Leg.SAN))
        watched.looks(2)
        assert watched.states(neighbour, Leg.SAN) == [UP]
        site.lose(site.datastore)
        watched.until_state(server, DOWN, Leg.SAN)
    assert not watched.failures


def test_where_more_verdicts_wait_than_a_look_reads_the_others_are_unknown_and_no_look_waits(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "FileReading", partial(FileReading, at_once=5, a_look=0))
    site.lose(site.other)
    with watching(site.endpoint, poll_s=60) as watched:
        first = watched.report()
        legs = [each.state for each in first.observations if each.leg is Leg.SAN]
        assert legs.count(UNKNOWN) > 5
        vms = [vm for vm in site.vms() if not vm.template]

        def expected(vm: Vm) -> State:
            return DOWN if site.other in {disk.datastore.name for disk in vm.disks} else UP

        watched.until(
            lambda: all(watched.state(watched.server(vm.name), Leg.SAN) is expected(vm) for vm in vms),
            timeout_s=20,
        )
