"""How servers and solutions stand, and until when. At every instant of random days: tests/daemon/live."""

from typing import Any

import pytest

from sla.accruals import Accrual, Attestation, JointAccrual
from sla.book import Book
from sla.calendars import parse_month
from sla.exclusions import IneligibleReason
from sla.instants import FOREVER, HOUR, Instant
from sla.records import Blind, Category, ClientId, Leg, ServerId, SolutionId, State, Witness
from sla.standing import Moment, ServerStanding, SolutionStanding, Standings
from sla.statement import Judgement
from sla.timeline import Sights
from tests.sla.defects import step
from tests.sla.stories import (
    HOLIDAYS,
    at,
    blind,
    client,
    exclusion,
    judgement,
    maintenance,
    records_of,
    says,
    seen,
    server,
)

UP = [says("up", "2026-03-01T05:00:00Z"), seen()]
WINDOW = ("2026-03-12T03:00:00Z", "2026-03-12T05:00:00Z")
WITNESS = Witness("o", "icmp")
DOWN = Attestation((Leg.INTERNET,), ((Leg.INTERNET, WITNESS, State.DOWN),))
NOON = "2026-03-12T12:00:00Z"


def standing(*lines: Any, as_of: str) -> ServerStanding:
    """How server s stands."""
    found = Standings(judgement([client(), *lines], as_of=as_of)).server(ServerId("s"))
    assert isinstance(found, ServerStanding)
    return found


def solution(*lines: Any, as_of: str, name: str = "s") -> SolutionStanding:
    """How its solution stands."""
    return Standings(judgement([client(), *lines], as_of=as_of)).solution((SolutionId(name), ClientId("c")))


@pytest.mark.parametrize("scope", [{}, {"servers": ["s"]}])
@pytest.mark.parametrize(
    ("as_of", "is_judged", "ineligible", "runs", "since", "until"),
    [
        ("03:00", False, (), True, "03:00", "04:00"),
        ("03:30", False, (), True, "03:00", "04:00"),
        ("04:00", True, (IneligibleReason.OVER_WEEKLY_CAP,), True, "04:00", "05:00"),
        ("04:30", True, (IneligibleReason.OVER_WEEKLY_CAP,), True, "04:00", "05:00"),
    ],
)
def test_a_frame_tells_what_runs_of_a_window_and_from_when_to_when(
    scope: dict[str, list[str]],
    as_of: str,
    is_judged: bool,
    ineligible: tuple[IneligibleReason, ...],
    runs: bool,
    since: str,
    until: str,
) -> None:
    found = standing(
        server(), *UP, maintenance("x", *WINDOW, **scope), as_of=f"2026-03-12T{as_of}:00Z"
    ).moment
    assert found == Moment(
        since=at(f"2026-03-12T{since}:00Z"),
        until=at(f"2026-03-12T{until}:00Z"),
        is_judged=is_judged,
        excluded=None if is_judged else Category.SCHEDULED_MAINTENANCE,
        ineligible=ineligible,
        maintenance_left=0,
        maintenance_runs=runs,
    )


def test_what_is_left_of_the_weekly_cap_is_what_no_window_on_record_draws() -> None:
    half = maintenance("x", "2026-03-12T03:00:00Z", "2026-03-12T03:30:00Z")
    change = exclusion("y", "client_change", "2026-03-13T03:00:00Z", "2026-03-13T04:00:00Z")
    for as_of, left in (("2026-03-11", HOUR // 2), ("2026-03-14", HOUR // 2), ("2026-03-17", HOUR)):
        assert (
            standing(server(), *UP, half, change, as_of=f"{as_of}T12:00:00Z").moment.maintenance_left == left
        )


def test_an_exclusion_that_is_no_maintenance_is_no_window() -> None:
    change = exclusion("y", "client_change", *WINDOW)
    found = standing(server(), *UP, change, as_of="2026-03-12T04:00:00Z").moment
    assert (found.excluded, found.is_judged, found.maintenance_runs) == (Category.CLIENT_CHANGE, False, False)
    later = standing(server(), *UP, change, as_of="2026-03-12T06:00:00Z").moment
    assert (later.excluded, later.is_judged, later.maintenance_runs) == (None, True, False)


def test_after_its_service_nothing_is_excluded_of_a_server() -> None:
    gone = server(in_service_until="2026-03-12T04:00:00Z")
    found = standing(gone, *UP, exclusion("y", "client_change", *WINDOW), as_of="2026-03-12T04:30:00Z").moment
    assert (found.excluded, found.is_judged) == (None, False)


def test_servers_that_stand_alike_have_one_standing() -> None:
    second = [server("t"), says("up", "2026-03-01T05:00:00Z", server="t")]
    standings = Standings(judgement([client(), server(), *second, *UP], as_of="2026-03-12T12:00:00Z"))
    first = standings.server(ServerId("s"))
    assert isinstance(first, ServerStanding)
    assert first.is_shared
    assert standings.server(ServerId("t")) is first
    changed = says("down", "2026-03-12T11:00:00Z")
    own = standing(server(), *UP, changed, as_of="2026-03-12T12:00:00Z")
    assert (own.is_shared, own.since) == (False, at("2026-03-12T11:00:00Z"))


def test_solutions_that_stand_alike_have_one_process_and_one_counting() -> None:
    one, other = (solution(server(), *UP, as_of=NOON) for _ in range(2))
    assert one.state is not None
    assert other.state is not None
    assert one.counting is other.counting
    assert one.state.observed is one.state.documented is other.state.observed


def test_where_the_part_of_one_of_two_monitors_ends_other_legs_are_considered() -> None:
    """Spec §3.4."""
    lines = [
        server(observer="a"),
        server(observer="b", legs=["san"], in_service_until="2026-03-12T14:00:00Z"),
        *UP,
        says("up", "2026-03-01T05:00:00Z", leg="san"),
    ]
    before, after = (standing(*lines, as_of=f"2026-03-12T{hour}:00:00Z") for hour in (12, 15))
    assert (before.attestation.legs, before.until) == ((Leg.SAN, Leg.INTERNET), at("2026-03-12T14:00:00Z"))
    assert (after.attestation.legs, after.since) == ((Leg.INTERNET,), at("2026-03-12T14:00:00Z"))


def test_a_server_before_its_service_has_no_month_until_it_begins() -> None:
    asked = Standings(judgement([client(), server(since="2026-03-20T00:00:00Z"), *UP], as_of=WINDOW[0]))
    assert asked.server(ServerId("s")) == at("2026-03-20T00:00:00Z")


def test_a_quiet_solution_stands_until_the_local_midnight() -> None:
    found = solution(server(), *UP, as_of="2026-03-12T12:00:00Z")
    assert (found.until, found.counting, found.ongoing) == (at("2026-03-13T04:00:00Z"), frozenset(), None)


def test_an_outage_that_goes_on_counts_until_something_changes() -> None:
    down = says("down", "2026-03-12T10:00:00Z")
    lines = [server(), *UP, down]
    going_on = solution(*lines, as_of="2026-03-12T12:00:00Z")
    assert going_on.counting == {DOWN}
    assert going_on.ongoing is not None
    assert (going_on.since, going_on.until) == (
        at("2026-03-12T10:00:00.000001Z"),
        at("2026-03-13T04:00:00Z"),
    )
    at_once = solution(*lines, as_of="2026-03-12T10:00:00Z")
    assert at_once.until == at("2026-03-12T10:00:00Z")
    for scope in ({}, {"servers": ["s"]}):
        window = exclusion("y", "client_change", "2026-03-12T11:00:00Z", "2026-03-12T14:00:00Z", **scope)
        excluded = solution(*lines, window, as_of="2026-03-12T12:00:00Z")
        assert (excluded.counting, excluded.until) == (frozenset(), at("2026-03-12T14:00:00Z"))
    soon_up = solution(*lines, says("up", "2026-03-12T13:00:00Z"), as_of="2026-03-12T12:00:00Z")
    assert soon_up.until == at("2026-03-12T13:00:00Z")
    unseen = blind("2026-03-12T11:00:00Z", "2026-03-12T13:00:00Z")
    assert solution(*lines, unseen, as_of="2026-03-12T12:00:00Z").until == at("2026-03-12T13:00:00Z")


def test_an_outage_that_goes_on_counts_since_the_last_thing_that_changed() -> None:
    lines = [server(), *UP, says("down", "2026-03-12T10:00:00Z")]
    before = [says("down", "2026-03-11T10:00:00Z"), says("up", "2026-03-11T11:00:00Z")]
    excluded = exclusion("y", "client_change", "2026-03-12T09:00:00Z", "2026-03-12T11:00:00Z")
    assert solution(*lines, *before, as_of=NOON).since == at("2026-03-12T10:00:00.000001Z")
    assert solution(*lines, excluded, as_of=NOON).since == at("2026-03-12T11:00:00.000001Z")
    begins = [server(since="2026-03-12T11:00:00Z"), *lines[1:]]
    assert solution(*begins, as_of="2026-03-12T11:00:00Z").counting == {DOWN}


def test_an_outage_counts_for_the_solution_that_the_server_is_in() -> None:
    """It moves from one solution to the other at 11:00 while it is down, and on the 14th into the third."""
    moves = [server(solution="old"), server(since="2026-03-12T11:00:00Z", solution="new", legs=["san"])]
    moves += [server(since="2026-03-14T11:00:00Z", solution="next")]
    down = [says("down", "2026-03-12T10:00:00Z"), says("down", "2026-03-12T10:00:00Z", leg="san")]
    for as_of in ("2026-03-12T11:00:00Z", NOON):
        old, new, future = (
            solution(*moves, *UP, *down, as_of=as_of, name=name) for name in ("old", "new", "next")
        )
        assert (old.since, old.counting) == (at("2026-03-12T11:00:00Z"), frozenset())
        assert new.counting == {Attestation((Leg.SAN,), ((Leg.SAN, WITNESS, State.DOWN),))}
        assert (future.counting, future.ongoing) == (frozenset(), None)


def test_a_server_that_returns_with_other_legs_is_down_by_those() -> None:
    back = [
        server(in_service_until="2026-03-11T00:00:00Z", legs=["san"]),
        server(since="2026-03-12T00:00:00Z"),
    ]
    lines = [
        *back,
        *UP,
        says("down", "2026-03-12T10:00:00Z"),
        says("down", "2026-03-10T10:00:00Z", leg="san"),
    ]
    assert solution(*lines, as_of=NOON).counting == {DOWN}


def test_a_deadline_of_a_solution_is_an_edge_of_its_standing() -> None:
    """Due at the midnight of Toronto, three hours before the client's own."""
    ordered = step(event="order_accepted", at="2026-03-05T15:00:00Z", recorded_at="2026-03-05T15:00:00Z")
    west = client(zone="America/Vancouver")
    assert solution(west, server(), *UP, ordered, as_of=NOON).until == at("2026-03-13T04:00:00Z")
    assert solution(west, server(), *UP, as_of=NOON).until == at("2026-03-13T07:00:00Z")


def test_where_the_record_of_its_client_was_left_out_a_server_has_no_month() -> None:
    book = Book()
    for record in records_of([client(), server()])[1:]:
        book.add(record)
    month = parse_month("2026-03")
    asked = Standings(Judgement(book, month=month, as_of=at(NOON), national_holidays=HOLIDAYS))
    assert asked.server(ServerId("s")) == FOREVER
    assert asked.solution((SolutionId("s"), ClientId("c"))).state is None


def accrual(sights: Sights, *said: tuple[Witness, State]) -> Accrual:
    """The accrual of a server of which this is said of its way to the Internet."""
    return Accrual(
        Attestation((Leg.INTERNET,), tuple((Leg.INTERNET, who, state) for who, state in said)), sights
    )


def test_a_tail_adds_up_step_by_step_what_it_adds_at_once() -> None:
    sights = Sights()
    by_step, at_once = (accrual(sights, (WITNESS, State.DOWN)) for _ in range(2))
    joint = JointAccrual([by_step])
    assert (by_step.tally.down, joint.down) == (0, 0)
    start = at("2026-03-12T00:00:00Z")
    before = 0
    for hour in range(1, 6):
        now = Instant(start + hour * HOUR)
        sights.of(WITNESS).observed_until(Instant(now - HOUR // 2))
        if hour == 3:
            unseen = Blind(witness=WITNESS, start=Instant(start + HOUR), end=Instant(start + 2 * HOUR))
            sights.of(WITNESS).blind(unseen)
            for each in (by_step, joint):
                each.rewind(unseen.start)
        by_step.advance(now)
        joint.advance(now)
        assert by_step.seen_until(now) == now - HOUR // 2
        assert joint.down == by_step.tally.down
        # what is not seen yet is unknown; of the third hour on, an hour was not seen at all
        assert by_step.tally.down - before == (HOUR if hour in (2, 4, 5) else by_step.tally.down - before)
        before = by_step.tally.down
    at_once.advance(now)
    assert at_once.tally == by_step.tally


def test_servers_that_are_down_together_count_once() -> None:
    sights, other = Sights(), Witness("p", "icmp")
    for who in (WITNESS, other):
        sights.of(who).observed_until(at("2026-03-12T10:00:00Z"))
    sights.of(WITNESS).blind(
        Blind(witness=WITNESS, start=at("2026-03-12T01:00:00Z"), end=at("2026-03-12T03:00:00Z"))
    )
    sights.of(other).blind(
        Blind(witness=other, start=at("2026-03-12T02:00:00Z"), end=at("2026-03-12T04:00:00Z"))
    )
    accruals = [accrual(sights, (WITNESS, State.DOWN)), accrual(sights, (other, State.DOWN))]
    start = at("2026-03-12T00:00:00Z")
    counted = []
    for now in (start, at("2026-03-12T05:00:00Z"), FOREVER):
        joint = JointAccrual(accruals)
        joint.advance(now)
        counted.append(joint.down)
    assert [(each - counted[0]) // HOUR for each in counted] == [0, 4, 9]
