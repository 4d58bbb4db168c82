"""Where servers were, and what happened to what they stand on: by reports, and again after a restart."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from daemon.causes.traces import Traces
from daemon.ledger import Trace
from probes.facts import NOT_KNOWN
from probes.report import Departed, ListedServer, Report, SourceEvent
from sla.cause_events import Component
from sla.causes import HostSpan, LostMount, Placement, UplinkSpan
from sla.instants import MINUTE, Instant
from sla.records import ServerId, State

NOON = Instant(1_773_144_000_000_000)
U, ESX1, ESX2 = ServerId("u"), Component("vc1", "esx1"), Component("vc1", "esx2")
SAN1, SAN2 = Component("vc1", "san1"), Component("vc1", "san2")
LISTED = ListedServer(server=U, name="u", host="esx1", datastores=("san1",))
EVENT = SourceEvent(key="1", type="DasHostFailedEvent", at=NOON, server=None, user="", text="", host="esx1")


def at(minutes: int) -> Instant:
    return Instant(NOON + minutes * MINUTE)


class Kept:
    """Traces, and what a ledger keeps of them."""

    def __init__(self) -> None:
        self.traces = Traces()
        self._kept: Mapping[tuple[str, Instant], Trace] = {}

    def take(self, minutes: int = 0, *, source: str = "vc1", **keys: object) -> None:
        report = replace(Report(source=source, observed_until=at(minutes)), **keys)  # type: ignore[arg-type]
        for _ in self.traces.take(report, lambda _, uuid: None if uuid == "stranger" else uuid, at(minutes)):
            pass
        self.keep()

    def keep(self) -> None:
        self._kept = {**self._kept, **{(each.about, each.start): each for each in self.traces.new_traces()}}

    def both(self) -> list[Traces]:
        """The traces, and those of a process that begins with what was kept."""
        again = Traces()
        again.remember(sorted(self._kept.values()))
        return [self.traces, again]

    def restart(self) -> None:
        self.traces = self.both()[1]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_a_server_is_where_it_was_told_to_be(kept: Kept) -> None:
    kept.take(0, listed=(LISTED,))
    kept.take(1, listed=(replace(LISTED, name="another"),))
    kept.take(2, listed=(replace(LISTED, host="esx2", datastores=("san1", "san2")),))
    kept.take(3, listed=(replace(LISTED, host=NOT_KNOWN),))
    kept.take(4, departed=(Departed(server=U, at=at(4)),))
    for traces in kept.both():
        assert traces.placements(U, at(-1)) == [
            Placement(ESX1, frozenset({SAN1}), at(0), at(2)),
            Placement(ESX2, frozenset({SAN1, SAN2}), at(2), at(4)),
        ]
        assert [each.host for each in traces.placements(U, at(2))] == [ESX2]


def test_one_that_is_listed_again_after_a_restart_stays_where_it_was(kept: Kept) -> None:
    kept.take(0, listed=(LISTED,))
    kept.restart()
    kept.take(5, listed=(LISTED,))
    assert kept.traces.placements(U, at(0)) == [Placement(ESX1, frozenset({SAN1}), at(0), None)]


def test_hosts_that_do_not_respond(kept: Kept) -> None:
    kept.take(0, hosts={"esx1": State.UP, "esx2": State.DOWN})
    kept.take(1, hosts={"esx1": State.DOWN})
    kept.restart()
    kept.take(3, hosts={"esx1": State.UNKNOWN}, gone_hosts=("esx2",))
    for traces in kept.both():
        assert traces.silent(ESX1, at(0)) == [HostSpan(ESX1, at(1), at(3))]
        assert traces.silent(ESX2, at(0)) == [HostSpan(ESX2, at(0), at(3))]
        assert traces.silent(Component("vc2", "esx1"), at(0)) == []


def test_mounts_that_are_lost(kept: Kept) -> None:
    kept.take(0, lost_mounts=frozenset({("esx1", "san1"), ("esx1", "san2")}))
    kept.take(1)
    kept.restart()
    kept.take(2, lost_mounts=frozenset({("esx1", "san2")}))
    for traces in kept.both():
        assert traces.lost_mounts(ESX1, SAN1, at(0)) == [LostMount(ESX1, SAN1, at(0), at(2))]
        assert traces.lost_mounts(ESX1, SAN2, at(0)) == [LostMount(ESX1, SAN2, at(0), None)]


def test_maintenance_lasts_from_its_entering_to_its_end(kept: Kept) -> None:
    for minute, kind in enumerate(("Entering", "Entered", "Exit")):
        event = replace(EVENT, key=str(minute), type=f"{kind}MaintenanceModeEvent", at=at(minute))
        kept.take(9, events=(event,))
    for traces in kept.both():
        assert traces.in_maintenance(ESX1, at(0)) == [
            HostSpan(ESX1, at(0), at(1)),
            HostSpan(ESX1, at(1), at(2)),
        ]


def test_maintenance_of_which_no_event_was_read(kept: Kept) -> None:
    kept.take(0, in_maintenance=frozenset({"esx1", "esx2"}))
    kept.take(1)
    kept.restart()
    kept.take(2, in_maintenance=frozenset({"esx2"}))
    for traces in kept.both():
        assert traces.in_maintenance(ESX1, at(0)) == [HostSpan(ESX1, at(0), at(2))]


def test_a_host_that_is_not_in_maintenance_mode_yet_is_entering_it_all_the_same(kept: Kept) -> None:
    kept.take(0, in_maintenance=frozenset())
    kept.take(1, events=(replace(EVENT, type="EnteringMaintenanceModeEvent", at=at(1)),))
    kept.restart()
    kept.take(2, in_maintenance=frozenset())
    for traces in kept.both():
        assert traces.in_maintenance(ESX1, at(0)) == [HostSpan(ESX1, at(1), None)]


def test_uplinks_that_are_down(kept: Kept) -> None:
    kept.traces.follow_uplinks({"a": at(0)}, at(1))
    kept.traces.follow_uplinks({"a": at(0), "b": at(2)}, at(3))
    kept.keep()
    kept.restart()
    kept.traces.follow_uplinks({"b": at(2)}, at(4))
    kept.keep()
    for traces in kept.both():
        assert traces.uplink_down("a", at(0)) == [UplinkSpan("a", at(0), at(4))]
        assert traces.uplink_down("b", at(0)) == [UplinkSpan("b", at(2), None)]


def test_events_are_filed_under_their_server_or_else_their_host(kept: Kept) -> None:
    late = replace(EVENT, key="2", at=at(2), reason="r")
    off = replace(
        EVENT, key="3", type="VmPoweredOffEvent", server=U, user=" eve ", datastore="san1", at=at(1)
    )
    kept.take(3, events=(late, off, EVENT))
    assert set(kept.traces.spoken_of()) == {U, ESX1}
    assert not kept.traces.spoken_of()
    for traces in kept.both():
        assert [each.key for each in traces.events(ESX1, at(0), at(2))] == ["1", "2"]
        assert [each.key for each in traces.events(ESX1, at(1), at(2))] == ["2"]
        (event,) = traces.events(U, at(0), at(9))
        assert (event.user, event.server, event.host, event.datastore) == ("eve", U, ESX1, SAN1)
        assert traces.events(ESX2, at(0), at(9)) == []


@pytest.mark.parametrize(
    "event",
    [
        replace(EVENT, type="VmMigratedEvent"),
        replace(EVENT, server=ServerId("stranger")),
        replace(EVENT, host=""),
    ],
)
def test_an_event_that_no_rule_asks_for_or_that_is_about_nobody_costs_nothing(
    kept: Kept, event: SourceEvent
) -> None:
    kept.take(0, events=(event,))
    assert kept.traces.events(ESX1, at(-9), at(9)) == []
    assert not kept.traces.spoken_of()


def test_what_is_over_is_let_go_and_what_lasts_is_kept(kept: Kept) -> None:
    kept.take(0, listed=(LISTED,), hosts={"esx1": State.DOWN, "esx2": State.DOWN}, events=(EVENT,))
    kept.take(1, hosts={"esx1": State.UP})
    for _ in kept.traces.forget(at(2)):
        pass
    assert kept.traces.placements(U, at(-9))
    assert kept.traces.silent(ESX2, at(-9))
    assert kept.traces.silent(ESX1, at(-9)) == []
    assert kept.traces.events(ESX1, at(-9), at(9)) == []
