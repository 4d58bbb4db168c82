"""What a window would come to, which is what the statements say of it afterwards (spec §4.4, §4.5)."""

import json
import random
from collections.abc import Iterable

import pytest

from sla.announcement import Announcement, Share, Split, concerned
from sla.book import Declared
from sla.calendars import parse_month
from sla.exclusions import IneligibleReason
from sla.instants import DAY, HOUR, MINUTE, Instant, format_instant
from sla.reader import EvidenceReader
from sla.records import Category, ClientId, Exclusion, ExclusionId, ServerId
from sla.spans import length
from sla.statement import Judgement
from tests.sla.stories import (
    HOLIDAYS,
    Line,
    at,
    book_of,
    client,
    exclusion,
    in_order,
    maintenance,
    records_of,
    server,
)

NOW = "2026-03-10T12:00:00Z"


def shares(lines: Iterable[Line], window: str = "w", as_of: str = NOW) -> list[Share]:
    """The window's shares, by what is known at `as_of`."""
    announcement = Announcement(
        book_of(lines), ExclusionId(window), as_of=at(as_of), national_holidays=HOLIDAYS
    )
    return [share for share in announcement.shares() if share is not None]


def share(*lines: Line) -> Split:
    """The only share of a window on server s."""
    (only,) = shares([client(), server(), *lines])
    return only.split


def reasons(of: Split) -> dict[IneligibleReason, int]:
    """The minutes that are not eligible, by reason."""
    return {part.reason: length(part.spans) // MINUTE for part in of.ineligible}


def test_a_window_with_notice_in_the_band_within_the_cap_is_eligible_whole() -> None:
    found = share(maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T03:40:00Z"))
    assert (length(found.covered), length(found.eligible)) == (40 * MINUTE, 40 * MINUTE)
    assert found.ineligible == ()
    (week,) = found.weeks
    assert format_instant(week.start) == "2026-03-16T04:00:00Z"
    assert (week.cap, week.used) == (HOUR, 40 * MINUTE)


def test_each_reason_has_its_time() -> None:
    late = maintenance("w", "2026-03-12T03:00:00Z", "2026-03-12T04:00:00Z", recorded_at=NOW, announced_at=NOW)
    for scope in ({}, {"servers": ["s"]}):
        assert reasons(share({**late, **scope})) == {IneligibleReason.LATE_NOTICE: 60}
    early = share(maintenance("w", "2026-03-17T02:30:00Z", "2026-03-17T04:30:00Z"))
    assert reasons(early) == {IneligibleReason.OUTSIDE_BAND: 30, IneligibleReason.OVER_WEEKLY_CAP: 30}
    assert {part.exclusion for part in early.ineligible} == {"w"}


def test_the_windows_of_a_week_share_its_cap_in_order_of_time() -> None:
    tuesday = maintenance("t", "2026-03-17T03:00:00Z", "2026-03-17T03:45:00Z")
    thursday = maintenance("w", "2026-03-19T03:00:00Z", "2026-03-19T03:45:00Z")
    found = share(tuesday, thursday)
    assert (length(found.eligible), reasons(found)) == (15 * MINUTE, {IneligibleReason.OVER_WEEKLY_CAP: 30})
    assert [week.used for week in found.weeks] == [HOUR]


def test_a_window_over_the_end_of_a_week_draws_on_both() -> None:
    found = share(maintenance("w", "2026-03-16T03:00:00Z", "2026-03-16T05:30:00Z"))
    assert [(week.used // MINUTE, format_instant(week.start)[:10]) for week in found.weeks] == [
        (60, "2026-03-09"),
        (60, "2026-03-16"),
    ]
    assert reasons(found) == {IneligibleReason.OVER_WEEKLY_CAP: 30}
    to_its_end = share(maintenance("w", "2026-03-16T03:00:00Z", "2026-03-16T04:00:00Z"))
    assert [format_instant(week.start)[:10] for week in to_its_end.weeks] == ["2026-03-09"]


def test_an_emergency_counts_in_the_cap_unless_the_terms_say_otherwise() -> None:
    night = maintenance("n", "2026-03-17T03:00:00Z", "2026-03-17T03:40:00Z")
    patch = exclusion("w", "emergency_security_update", "2026-03-17T15:00:00Z", "2026-03-17T16:00:00Z")
    found = share(night, patch)
    assert (reasons(found), found.weeks[0].used) == ({IneligibleReason.OVER_WEEKLY_CAP: 40}, HOUR)
    exempt: Line = {
        "kind": "contract",
        "client": None,
        "effective_from": "2026-01",
        "terms": {"scheduled_maintenance": {"emergency_in_cap": False}},
        "recorded_at": "2026-01-01T00:00:00Z",
    }
    found = share(exempt, night, patch)
    assert (reasons(found), found.weeks[0].used) == ({}, 40 * MINUTE)


def test_each_month_judges_its_part_by_its_terms() -> None:
    april: Line = {
        "kind": "contract",
        "client": None,
        "effective_from": "2026-04",
        "terms": {"scheduled_maintenance": {"between": ["01:00", "06:00"]}},
        "recorded_at": "2026-01-01T00:00:00Z",
    }
    found = share(april, maintenance("w", "2026-04-01T03:30:00Z", "2026-04-01T04:20:00Z"))
    assert (length(found.eligible), reasons(found)) == (30 * MINUTE, {IneligibleReason.OUTSIDE_BAND: 20})
    just = share(april, maintenance("w", "2026-04-01T03:30:00Z", "2026-04-01T04:00:00.000001Z"))
    assert (length(just.covered), length(just.eligible)) == (30 * MINUTE + 1, 30 * MINUTE)


def test_a_server_that_moves_has_a_share_with_each_client() -> None:
    moved = server(
        client="d",
        since="2026-03-17T03:30:00Z",
        recorded_at="2026-03-09T00:00:00Z",
    )
    lines = [
        client(),
        client("d"),
        server(),
        moved,
        maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z"),
    ]
    assert [(part.client, length(part.split.covered)) for part in shares(lines)] == [
        ("c", 30 * MINUTE),
        ("d", 30 * MINUTE),
    ]


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({}, ["a", "b", "x"]),
        ({"clients": ["c"]}, ["a", "b"]),
        ({"solutions": ["shop"]}, ["a"]),
        ({"solutions": ["b"]}, ["b"]),
        ({"servers": ["x", "gone"]}, ["x"]),
        ({"servers": ["x"], "solutions": ["shop"]}, ["a", "x"]),
    ],
)
def test_only_servers_in_its_scope_and_in_service_have_a_share(
    scope: dict[str, list[str]], covered: list[str]
) -> None:
    lines = [
        client(),
        client("d"),
        server("a", solution="shop"),
        server("b"),
        server("x", client="d"),
        server("gone", in_service_until="2026-03-09T00:00:00Z"),
        maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z", **scope),
    ]
    assert [part.server for part in shares(lines)] == covered


def test_a_scope_concerns_what_it_names_and_where_it_names_clients_or_nothing_every_server() -> None:
    book = book_of([client(), server("a", solution="shop"), server("b"), server("x")])
    for scope, those in (
        ({"servers": ["x"]}, ["x"]),
        ({"solutions": ["shop"]}, ["a"]),
        ({"servers": ["x"], "solutions": ["shop", "b"]}, ["a", "b", "x"]),
        ({"servers": ["x"], "clients": ["c"]}, ["a", "b", "x"]),
        ({}, ["a", "b", "x"]),
    ):
        window = maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z", **scope)
        (record,) = records_of([client(), server("a", solution="shop"), server("b"), server("x"), window])[4:]
        assert isinstance(record, Exclusion)
        assert list(concerned(book, record)) == those


def test_servers_that_a_window_means_the_same_for_have_one_split() -> None:
    lines = [client(), server("a"), server("b"), server("x", since="2026-03-17T03:30:00Z")]
    a, b, x = shares([*lines, maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z")])
    assert a.split is b.split
    assert a.split is not x.split


@pytest.mark.parametrize("seed", range(40))
def test_the_statements_say_the_same_afterwards(seed: int) -> None:
    chance = random.Random(seed)
    windows = [_window(chance, f"w{number}") for number in range(6)]
    lines = [
        client("c", zone=chance.choice(["America/Toronto", "Europe/London", "Asia/Kathmandu"])),
        server(),
        *windows,
    ]
    book, last = book_of(lines), at("2026-07-01T00:00:00Z")
    for window in windows:
        announcement = Announcement(
            book, ExclusionId(window["id"]), as_of=at("2026-04-04T00:00:00Z"), national_holidays=HOLIDAYS
        )
        (said,) = [part.split for part in announcement.shares() if part is not None]
        months = [
            each
            for month in ("2026-03", "2026-04", "2026-05")
            for each in Judgement(
                book, month=parse_month(month), as_of=last, national_holidays=HOLIDAYS
            ).windows(ServerId("s"), ClientId("c"))
            if each.window.id == window["id"]
        ]
        assert length(said.covered) == sum(each.time for each in months)
        for reason in IneligibleReason:
            assert sum(length(part.spans) for part in said.ineligible if part.reason is reason) == sum(
                length(part.spans) for each in months for part in each.ineligible if part.reason is reason
            )


def _window(chance: random.Random, name: str) -> Line:
    start = Instant(at("2026-03-24T00:00:00Z") + chance.randrange(0, 10 * DAY, MINUTE))
    end = Instant(start + chance.randrange(MINUTE, 9 * HOUR, MINUTE))
    category = chance.choice(["scheduled_maintenance", "scheduled_maintenance", "emergency_security_update"])
    noticed = format_instant(Instant(start - chance.randrange(0, 8 * DAY)))
    return exclusion(
        name, category, format_instant(start), format_instant(end), recorded_at=noticed, announced_at=noticed
    )


def test_a_supposed_record_is_in_the_supposed_book_alone() -> None:
    book = book_of([client(), server(), maintenance("old", "2026-03-17T03:00:00Z", "2026-03-17T03:30:00Z")])
    before = book.windows(at(NOW))
    record = Exclusion(
        id=ExclusionId("w"),
        category=Category.SCHEDULED_MAINTENANCE,
        start=at("2026-03-18T03:00:00Z"),
        end=at("2026-03-18T04:00:00Z"),
        announced_at=at(NOW),
        recorded_at=at(NOW),
    )
    supposed = book.supposing(record)
    assert [window.id for window in supposed.windows(at(NOW))] == ["old", "w"]
    assert book.windows(at(NOW)) == before
    announcement = Announcement(supposed, record.id, as_of=at(NOW), national_holidays=HOLIDAYS)
    assert [length(part.split.eligible) for part in announcement.shares() if part is not None] == [
        30 * MINUTE
    ]


PEOPLE = [
    exclusion("new", "client_change", "2026-03-01T00:00:00Z", None, recorded_at=NOW),
    {"kind": "exclusion_ended", "id": "x", "at": "2026-03-02T00:00:00Z", "recorded_at": NOW},
    {"kind": "exclusion_withdrawn", "id": "x", "why": "no", "recorded_at": NOW},
    {
        "kind": "service_request",
        "id": "new",
        "client": "c",
        "solution": "s",
        "opened_at": NOW,
        "opened_by": "ann",
        "channel": "phone",
        "recorded_at": NOW,
    },
    {"kind": "service_request_responded", "id": "r", "at": NOW, "recorded_at": NOW},
    {"kind": "service_request_closed", "id": "r", "at": NOW, "recorded_at": NOW},
    {"kind": "cancellation_notice", "client": "c", "solution": "s", "given_at": NOW, "recorded_at": NOW},
    {
        "kind": "lifecycle",
        "client": "c",
        "solution": "s",
        "event": "activated",
        "at": NOW,
        "recorded_at": NOW,
    },
]


@pytest.mark.parametrize("line", PEOPLE, ids=lambda line: str(line["kind"]))
def test_a_supposed_book_says_what_the_book_says_once_it_is_recorded(line: Line) -> None:
    earlier = [
        client(),
        server(),
        exclusion("x", "client_change", "2026-03-01T00:00:00Z", None),
        {**PEOPLE[3], "id": "r", "opened_at": "2026-03-09T15:00:00Z", "recorded_at": "2026-03-09T15:00:00Z"},
        {**PEOPLE[6], "given_at": "2026-03-05T00:00:00Z", "recorded_at": "2026-03-09T15:00:00Z"},
    ]
    book, untouched, after = book_of(earlier), book_of(earlier), book_of([*earlier, line])
    supposed = book.supposing(_record(earlier, line))
    for one, other in ((supposed, after), (book, untouched)):
        assert one.exclusions == other.exclusions
        assert one.requests == other.requests
        assert one.requests_of == other.requests_of
        assert one.notices == other.notices
        assert one.lifecycles == other.lifecycles
        assert len(one.windows(at(NOW))) == len(other.windows(at(NOW)))


def _record(earlier: Iterable[Line], line: Line) -> Declared:
    reader = EvidenceReader()
    for each in in_order([*earlier, line]):
        record = reader.read(json.dumps(each).encode())
        if each is line:
            assert isinstance(record, Declared)
            return record
    raise AssertionError("it is among the lines")
