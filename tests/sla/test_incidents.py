"""Outages as they are told: whose they were, what excluded them, and which were one incident (`spec/statement.md`, 4)."""

from collections.abc import Iterable
from typing import Any

import pytest

from sla.book import Book
from sla.calendars import Month, calendar_of
from sla.excluding import excluding
from sla.incidents import Incident, incident_of
from sla.instants import HOUR, Instant
from sla.outages import Outage, outages_of, with_cause
from sla.records import ExclusionId, Leg, ServerId
from sla.spans import Spans, intersection, union
from sla.statement import Judgement
from sla.terms import Terms
from tests.sla.random_evidence import story_of
from tests.sla.stories import (
    HOLIDAYS,
    Line,
    at,
    blind,
    book_of,
    client,
    exclusion,
    maintenance,
    says,
    seen,
    server,
    terms_of,
)

NOW = "2026-03-20T00:00:00Z"
S = ServerId("s")


def told(lines: list[Line], name: str = "s", *, until: str = NOW, since: str | None = None) -> list[Outage]:
    book = book_of([*lines, seen(NOW)])
    start = at("2026-01-01T00:00:00Z") if since is None else at(since)
    return [with_cause(outage, book) for outage in outages_of(book, ServerId(name), at(until), since=start)]


def cause(name: str, start: str, incident: str = "", **keys: Any) -> Line:
    line = {"kind": "cause", "server": name, "from": start, "cause": "storage", "confidence": "proved"}
    more = {"because": [], "text": "lost", "incident": incident, "recorded_at": NOW}
    return {**line, **more, **keys}


DOWN, UP, AGAIN = "2026-03-10T10:00:00Z", "2026-03-10T11:00:00Z", "2026-03-12T10:00:00Z"
ONE = [client(), server(), says("up", "2026-03-01T05:00:00Z"), says("down", DOWN)]


def test_an_outage_tells_whose_it_was_when_and_by_which_legs() -> None:
    ended, open_ = told([*ONE, says("up", UP), says("down", AGAIN)])
    assert (ended.server, ended.client, ended.solution, ended.legs) == (S, "c", None, (Leg.INTERNET,))
    assert (ended.start, ended.end, ended.down) == (at(DOWN), at(UP), ((at(DOWN), at(UP)),))
    assert (open_.start, open_.end, open_.down) == (at(AGAIN), None, ((at(AGAIN), at(NOW)),))
    assert ended.cause is None


def test_unknown_time_in_it_is_no_down_time() -> None:
    (outage,) = told([*ONE, blind("2026-03-10T10:20:00Z", "2026-03-10T10:30:00Z"), says("up", UP)])
    assert (outage.start, outage.end) == (at(DOWN), at(UP))
    assert outage.down == (
        (at(DOWN), at("2026-03-10T10:20:00Z")),
        (at("2026-03-10T10:30:00Z"), at(UP)),
    )


def test_6_2_a_move_ends_one_and_begins_another_but_a_correction_does_not() -> None:
    moved = server(since="2026-03-10T10:30:00Z", client="d", recorded_at="2026-03-10T10:30:00Z")
    renamed = server(name="Other", recorded_at="2026-03-10T10:10:00Z")
    former, present = told([client(), client("d"), *ONE[1:], renamed, moved, says("up", UP)])
    assert [(each.client, each.start, each.end) for each in (former, present)] == [
        ("c", at(DOWN), at("2026-03-10T10:30:00Z")),
        ("d", at("2026-03-10T10:30:00Z"), at(UP)),
    ]
    touching = [
        server(in_service_until="2026-03-10T10:30:00Z"),
        server(since="2026-03-10T10:30:00Z", recorded_at="2026-03-10T10:30:00Z"),
    ]
    (one,) = told([client(), *touching, *ONE[2:], says("up", UP)])
    assert (one.start, one.end) == (at(DOWN), at(UP))


def test_it_ends_where_the_server_leaves_service() -> None:
    left = server(in_service_until="2026-03-11T00:00:00Z")
    (outage,) = told([client(), left, *ONE[2:]])
    assert outage.end == at("2026-03-11T00:00:00Z")


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [(UP, NOW, 1), (DOWN, UP, 1), (DOWN, NOW, 2), ("2026-03-01T00:00:00Z", DOWN, 0)],
)
def test_only_a_span_is_looked_at(since: str, until: str, found: int) -> None:
    lines = [*ONE, says("up", UP), says("down", AGAIN)]
    assert len(told(lines, since=since, until=until)) == found


def test_the_newest_record_of_its_cause_holds() -> None:
    (outage,) = told([*ONE, cause("s", DOWN), cause("s", DOWN, cause="guest"), cause("s", AGAIN)])
    assert outage.cause is not None
    assert outage.cause.cause.value == "guest"


def test_the_cause_of_one_that_goes_on_in_another_solution_holds_but_not_with_another_client() -> None:
    """What brought about an outage that began with another client is that one's."""
    began = [client(), client("d"), *ONE[1:], cause("s", DOWN)]
    moved = {"since": "2026-03-10T10:30:00Z", "recorded_at": "2026-03-10T10:30:00Z"}
    causes = [
        [each.cause is not None for each in told([*began, server(**moved, **to), says("up", UP)])]
        for to in ({"solution": "web"}, {"client": "d"})
    ]
    assert causes == [[True, True], [True, False]]


# What excluded it


def taken(lines: list[Line], outage: Outage) -> dict[ExclusionId, Spans]:
    return taken_from(book_of([*lines, seen(NOW)]), outage, at(NOW))


def taken_from(
    book: Book, outage: Outage, as_of: Instant, terms: Terms | None = None
) -> dict[ExclusionId, Spans]:
    record = book.client(outage.client, as_of)
    assert record is not None

    def judgement_of(month: Month) -> Judgement:
        return Judgement(book, month=month, as_of=as_of, national_holidays=HOLIDAYS, terms=terms)

    shares: dict[ExclusionId, Spans] = {}
    for name, spans in excluding(outage, calendar_of(record.timezone), judgement_of):
        shares[name] = union(shares.get(name, ()), spans)
    return shares


def test_what_excluded_it_is_named_with_what_it_takes() -> None:
    lines = [
        *ONE,
        says("up", UP),
        exclusion("whole", "force_majeure", "2026-03-10T09:00:00Z", None),
        exclusion("part", "client_change", "2026-03-10T10:30:00Z", "2026-03-10T12:00:00Z", servers=["s"]),
        exclusion("before", "client_change", "2026-03-10T09:00:00Z", DOWN),
        exclusion("of others", "client_change", DOWN, UP, clients=["d"]),
    ]
    (outage,) = told([client("d"), *lines])
    assert taken([client("d"), *lines], outage) == {
        "part": ((at("2026-03-10T10:30:00Z"), at(UP)),),
        "whole": ((at(DOWN), at(UP)),),
    }


def test_4_5_what_is_not_eligible_excludes_nothing() -> None:
    night = [("2026-03-10T04:00:00Z", "2026-03-10T06:00:00Z")]  # midnight to 02:00 in Toronto
    lines = [
        client(),
        server(),
        says("up", "2026-03-01T05:00:00Z"),
        says("down", night[0][0]),
        says("up", night[0][1]),
        maintenance("mw", "2026-03-10T04:00:00Z", "2026-03-10T06:00:00Z"),
        maintenance(
            "late", *night[0], announced_at="2026-03-09T00:00:00Z", recorded_at="2026-03-09T00:00:00Z"
        ),
    ]
    (outage,) = told(lines)
    assert taken(lines, outage) == {"mw": ((outage.start, Instant(outage.start + HOUR)),)}


@pytest.mark.parametrize("seed", range(40))
def test_what_exclusions_take_of_it_is_what_its_months_exclude(seed: int) -> None:
    story = story_of(seed)
    book, as_of, terms = book_of(story.lines), at(story.as_of), terms_of(story.tables())
    for name in book.servers:
        for outage in outages_of(book, name, as_of, as_of=as_of):
            if book.client(outage.client, as_of) is not None:
                shares = union(*taken_from(book, outage, as_of, terms).values())
                assert shares == intersection(outage.down, excluded_of(book, outage, as_of, terms))


def excluded_of(book: Book, outage: Outage, as_of: Instant, terms: Terms | None) -> Spans:
    """The excluded time of its server in the months that it touches, as statements work it out."""
    record = book.client(outage.client, as_of)
    assert record is not None
    calendar, excluded = calendar_of(record.timezone), []
    for month in {calendar.month_of(edge) for span in outage.down for edge in span}:
        judged = Judgement(book, month=month, as_of=as_of, national_holidays=HOLIDAYS, terms=terms)
        rules = judged.rules(outage.client)
        assert rules is not None
        parts = [part for part in book.servers[outage.server].parts(as_of) if part.client == outage.client]
        excluded.append(intersection(rules.excluded(outage.server, parts).total, (rules.month,)))
    return union(*excluded)


# Incidents


STORM = [
    client(),
    client("d"),
    *(server(name, client=whose) for name, whose in (("a", "c"), ("b", "d"), ("e", "c"))),
    *(says("up", "2026-03-01T05:00:00Z", server=name) for name in "abe"),
    says("down", DOWN, server="a"),
    says("down", "2026-03-10T10:01:00Z", server="b"),
    says("down", "2026-03-10T10:01:00Z", server="e"),
    says("up", UP, server="b"),
]


def incidents_of(outages: Iterable[Outage]) -> list[Incident]:
    """The incidents that outages come to, by when each began first, and then by server."""
    found: dict[object, list[Outage]] = {}
    for outage in sorted(outages, key=lambda each: (each.start, each.server)):
        found.setdefault(incident_of(outage) or (outage.start, outage.server), []).append(outage)
    return [Incident(id=incident_of(those[0]), outages=tuple(those)) for those in found.values()]


def storm(*causes: Line) -> list[Incident]:
    lines = [*STORM, *causes]
    return incidents_of(outage for name in "eab" for outage in told(lines, name))


def test_outages_that_share_an_id_are_one_incident_and_the_others_stand_alone() -> None:
    together, alone = storm(cause("a", DOWN, "i1"), cause("b", "2026-03-10T10:01:00Z", "i1"))
    assert (together.id, together.servers, together.clients) == ("i1", ("a", "b"), ("c", "d"))
    assert (together.start, together.end) == (at(DOWN), None)
    assert together.cause is not None
    assert (alone.id, alone.servers, alone.cause) == ("", ("e",), None)


def test_an_incident_ends_with_the_last_of_its_outages() -> None:
    lines = [*STORM, says("up", "2026-03-10T12:00:00Z", server="a"), cause("a", DOWN, "i1")]
    lines.append(cause("b", "2026-03-10T10:01:00Z", "i1"))
    (found,) = incidents_of(outage for name in "ab" for outage in told(lines, name))
    assert found.end == at("2026-03-10T12:00:00Z")


def test_the_newest_id_holds() -> None:
    one, other, _ = storm(cause("a", DOWN, "i1"), cause("b", "2026-03-10T10:01:00Z", "i1"), cause("a", DOWN))
    assert (one.id, one.servers, other.id, other.servers) == ("", ("a",), "i1", ("b",))
