"""`spec/causes.md`, Proposals: what is proposed, prolonged, let go of and made anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.book import Book
from sla.calendars import parse_month
from sla.instants import HOUR, MINUTE, Instant
from sla.outages import Run
from sla.proposals import Matter, due, known_of, not_excluded
from sla.records import (
    Category,
    Cause,
    CauseKind,
    Confidence,
    Decision,
    Proposal,
    ProposalDecided,
    ServerId,
)
from sla.spans import Spans, difference, normalized
from sla.statement import Judgement
from tests.sla.stories import HOLIDAYS, Line, at, book_of, client, exclusion, maintenance, server

S = ServerId("s")
START = at("2026-03-10T10:00:00Z")
BOB, EVE = "ACME\\bob", "EVE"
CLIENTS = (CauseKind.CLIENT_CHANGE, BOB)
GUEST = (CauseKind.GUEST, None)
OURS = (CauseKind.PROVIDER_CHANGE, "PROV\\ann")


def span(start: int, end: int) -> Spans:
    """Hours after the start of the outage."""
    return ((Instant(START + start * HOUR), Instant(START + end * HOUR)),)


HOUR_LONG = span(0, 1)


@dataclass
class Desk:
    """A book that keeps what is due, at another instant each time."""

    book: Book = field(default_factory=Book)
    now: Instant = START
    start: Instant = START
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def attribute(
        self, cause: CauseKind, user: str | None = None, *keys: str, text: str = "it did it"
    ) -> None:
        self.now = Instant(self.now + MINUTE)
        self.book.add(
            Cause(
                server=S,
                start=self.start,
                cause=cause,
                confidence=Confidence.LIKELY,
                user=user,
                because=keys,
                text=text,
                recorded_at=self.now,
            )
        )

    def look(self, left: Spans = HOUR_LONG, end: int | None = None) -> list[str]:
        """What is due, as it is put on record: a word each."""
        self.now = Instant(self.now + MINUTE)
        matter = Matter(
            server=S,
            end=None if end is None else Instant(START + end * HOUR),
            cause=self.book.cause(S, self.start),
            left=left,
            known=known_of(self.book, S, self.start),
        )
        made = list(due(matter, now=self.now, by="slad", new_id=lambda: f"p{next(self.numbers)}"))
        for record in made:
            self.book.add(record)
        return [self._told(record) for record in made]

    def decide(self, id_: str, decision: Decision) -> None:
        self.now = Instant(self.now + MINUTE)
        self.book.add(
            ProposalDecided(id=id_, decision=decision, exclusion=None, why="", recorded_at=self.now)
        )

    def _told(self, record: Proposal | ProposalDecided) -> str:
        if isinstance(record, ProposalDecided):
            return f"{record.id} {record.decision.value}"
        hours = [None if each is None else (each - START) // HOUR for each in (record.start, record.end)]
        return f"{record.id} {record.category.value} {hours[0]} to {hours[1]}"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("cause", CauseKind)
def test_a_cause_with_a_category_proposes_it_and_no_other_proposes_anything(
    desk: Desk, cause: CauseKind
) -> None:
    desk.attribute(cause)
    category = {
        CauseKind.CLIENT_CHANGE: Category.CLIENT_CHANGE,
        CauseKind.GUEST: Category.CLIENT_SYSTEM,
    }.get(cause)
    assert desk.look(end=1) == ([f"p1 {category.value} 0 to 1"] if category else [])


def test_an_outage_without_a_cause_proposes_nothing(desk: Desk) -> None:
    assert desk.look() == []


def test_it_says_what_the_cause_says(desk: Desk) -> None:
    desk.attribute(*CLIENTS, "7", "8", text="bob turned it off")
    desk.look()
    proposal = desk.book.proposals["p1"].record
    assert (proposal.because, proposal.text, proposal.servers) == (("7", "8"), "bob turned it off", (S,))
    assert (proposal.recorded_at, proposal.recorded_by) == (desk.now, "slad")


def test_it_is_open_while_the_outage_lasts_and_closed_under_the_same_id(desk: Desk) -> None:
    desk.attribute(*CLIENTS)
    assert desk.look() == ["p1 client_change 0 to None"]
    assert desk.look(span(0, 2)) == []
    assert desk.look(span(0, 3), end=3) == ["p1 client_change 0 to 3"]
    assert desk.look(span(0, 3), end=3) == []
    assert desk.look(span(0, 4), end=4) == ["p1 client_change 0 to 4"]


def test_it_is_for_what_is_not_excluded_already(desk: Desk) -> None:
    desk.attribute(*CLIENTS)
    assert desk.look(span(1, 2) + span(3, 4), end=5) == ["p1 client_change 1 to 4"]
    assert desk.look(span(3, 4), end=5) == ["p1 client_change 3 to 4"]


def test_it_lapses_where_all_is_excluded_and_comes_again_under_another_id(desk: Desk) -> None:
    desk.attribute(*CLIENTS)
    desk.look()
    assert desk.look(()) == ["p1 lapsed"]
    assert desk.look(()) == []
    assert desk.look() == ["p2 client_change 0 to None"]


def test_it_lapses_where_the_cause_has_no_category_any_more(desk: Desk) -> None:
    desk.attribute(*CLIENTS)
    desk.look()
    desk.attribute(*OURS)
    assert desk.look() == ["p1 lapsed"]
    desk.attribute(*CLIENTS)
    assert desk.look() == ["p2 client_change 0 to None"]


@pytest.mark.parametrize("other", [GUEST, (CauseKind.CLIENT_CHANGE, EVE)])
def test_another_cause_is_another_proposal(desk: Desk, other: tuple[CauseKind, str | None]) -> None:
    desk.attribute(*CLIENTS)
    desk.look()
    desk.attribute(*other)
    lapsed, made = desk.look()
    assert lapsed == "p1 lapsed"
    assert made.startswith("p2 ")


def test_the_same_cause_with_more_events_is_the_same_proposal(desk: Desk) -> None:
    desk.attribute(*CLIENTS, "1")
    desk.look()
    desk.attribute(*CLIENTS, "1", "2")
    assert desk.look() == ["p1 client_change 0 to None"]
    assert desk.book.proposals["p1"].record.because == ("1", "2")
    desk.attribute(*CLIENTS, "1", "2")
    assert desk.look() == []


@pytest.mark.parametrize("decision", [Decision.ACCEPTED, Decision.REJECTED])
def test_what_was_decided_is_not_proposed_again_unless_the_cause_changes(
    desk: Desk, decision: Decision
) -> None:
    desk.attribute(*CLIENTS, "1")
    desk.look()
    desk.decide("p1", decision)
    assert desk.look() == []
    assert desk.look(span(0, 5), end=5) == []
    desk.attribute(*CLIENTS, "1", "2")
    assert desk.look() == []
    desk.attribute(*GUEST)
    assert desk.look() == ["p2 client_system 0 to None"]
    desk.attribute(*CLIENTS)
    assert desk.look() == ["p2 lapsed"]
    assert desk.book.proposals["p1"].decided is not None
    assert desk.book.proposals["p1"].decided.decision is decision


def test_the_next_outage_has_a_proposal_of_its_own(desk: Desk) -> None:
    desk.attribute(*CLIENTS)
    desk.look(end=1)
    desk.decide("p1", Decision.REJECTED)
    desk.start = Instant(START + 2 * HOUR)
    desk.attribute(*CLIENTS)
    assert desk.look(span(2, 3), end=3) == ["p2 client_change 2 to 3"]
    assert desk.book.outage_of(desk.book.proposals["p2"].record) == desk.start


def test_a_proposal_of_somebody_else_that_names_several_servers_is_left_alone(desk: Desk) -> None:
    desk.attribute(*CLIENTS)
    desk.look(end=1)
    said = desk.book.proposals["p1"].record
    theirs = Proposal(
        id="x",
        category=said.category,
        start=START,
        end=None,
        servers=(ServerId("t"), S),
        because=(),
        text="",
        recorded_at=START,
    )
    desk.book.add(theirs)
    assert desk.look(end=1) == []
    assert desk.book.pending.keys() == {"p1", "x"}


STEPS = st.lists(
    st.one_of(
        st.sampled_from([CLIENTS, (CauseKind.CLIENT_CHANGE, EVE), GUEST, OURS, (CauseKind.UNKNOWN, None)]),
        st.sampled_from(list(Decision)),
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.booleans()),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_whatever_happens_one_waits_at_most_and_nothing_that_was_decided_comes_back(
    steps: Sequence[tuple[CauseKind, str | None] | Decision | tuple[int, int, bool]],
) -> None:
    desk = Desk()
    left, end = span(0, 1), None
    decided: dict[tuple[CauseKind, str | None], str] = {}
    made: dict[str, tuple[CauseKind, str | None]] = {}
    ground: tuple[CauseKind, str | None] | None = None
    for step in steps:
        match step:
            case Decision():
                for id_ in list(desk.book.pending):
                    desk.decide(id_, step)
                    if step is not Decision.LAPSED:
                        decided[made[id_]] = id_
            case (CauseKind() as cause, user):
                ground = (cause, user)
                desk.attribute(*step)
            case (int() as since, int() as until, bool() as is_over):
                left = difference(span(0, 4), normalized([*span(since, until)] if since < until else []))
                end = 4 if is_over else None
        desk.look(left, end)
        for id_ in desk.book.proposals.keys() - made.keys():
            assert ground is not None
            made[id_] = ground
            assert ground not in decided, "decided on this ground already"
        assert len(desk.book.pending) <= 1
        for pages in desk.book.pending.values():
            assert left
            assert ground == made[pages.record.id]
            assert pages.record.start == left[0][0]
            assert pages.record.end == (None if end is None else left[-1][1])
        assert desk.look(left, end) == [], "it is done once"
    ids = list(desk.book.proposals)
    assert len(set(ids)) == len(ids)


class TestWhatIsNotExcluded:
    """Of an outage from 10:00 to 12:00."""

    def left(self, *lines: Line, until: str | None = "12:00", by: str = "14:00") -> list[tuple[str, str]]:
        book = book_of([client(), client("d"), server(), *lines])
        as_of = at("2026-03-20T00:00:00Z")
        judgement = Judgement(book, month=parse_month("2026-03"), as_of=as_of, national_holidays=HOLIDAYS)
        run = Run(START, None if until is None else self.hour(until), ())
        spans = not_excluded(book, S, run, self.hour(by), judgement.rules, as_of)
        return [(self.text(start), self.text(end)) for start, end in spans]

    def hour(self, text: str) -> Instant:
        return at(f"2026-03-10T{text}:00Z")

    def text(self, instant: Instant) -> str:
        minutes = (instant - at("2026-03-10T00:00:00Z")) // MINUTE
        return f"{minutes // 60:02}:{minutes % 60:02}"

    def change(self, since: str, until: str | None, **scope: object) -> Line:
        end = None if until is None else f"2026-03-10T{until}:00Z"
        return exclusion("x", "client_change", f"2026-03-10T{since}:00Z", end, **scope)

    def test_is_all_of_it_where_nothing_is(self) -> None:
        assert self.left() == [("10:00", "12:00")]
        assert self.left(until=None) == [("10:00", "14:00")]

    def test_is_what_exclusions_leave(self) -> None:
        assert self.left(self.change("10:30", "11:00", servers=["s"])) == [
            ("10:00", "10:30"),
            ("11:00", "12:00"),
        ]
        assert self.left(self.change("09:00", None, clients=["c"]), until=None) == []

    def test_is_not_what_others_have(self) -> None:
        assert self.left(self.change("09:00", None, clients=["d"])) == [("10:00", "12:00")]

    def test_is_maintenance_that_is_not_eligible(self) -> None:
        by_day = maintenance("m", "2026-03-10T10:00:00Z", "2026-03-10T12:00:00Z", servers=["s"])
        assert self.left(by_day) == [("10:00", "12:00")]

    def test_is_what_each_owner_has_not_excluded(self) -> None:
        moved = server("s", since="2026-03-10T11:00:00Z", client="d", recorded_at="2026-03-10T11:00:00Z")
        assert self.left(moved, self.change("09:00", None, clients=["d"])) == [("10:00", "11:00")]
