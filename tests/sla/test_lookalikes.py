"""What a window comes to on one of several lookalikes it comes to on all of them (spec §4.4)."""

import random

import pytest

from sla.announcement import Announcement, concerned
from sla.book import Book
from sla.exclusions import MAINTENANCE
from sla.instants import MINUTE, Instant, format_instant
from sla.lookalikes import Lookalike, Lookalikes, span_of
from sla.records import Exclusion, ServerId
from sla.statement import SharedWork
from tests.sla.stories import HOLIDAYS, Line, at, book_of, client, maintenance, server

NOW = "2026-03-10T12:00:00Z"
FIRST = at("2026-03-08T00:00:00Z")


def told(seed: int) -> list[Line]:
    """Servers of two clients that come, go and move, and windows that name anything."""
    chance = random.Random(seed)

    def some(low: int = 0, high: int = 20_000) -> str:
        return format_instant(Instant(FIRST + chance.randrange(low, high) * MINUTE))

    lines: list[Line] = [client("c"), client("d", zone="Europe/London")]
    for number in range(12):
        name, owner = f"s{number}", chance.choice("cd")
        solution = chance.choice((None, "shop", "mail"))
        since = chance.choice(("2026-03-01T05:00:00Z", some()))
        lines.append(
            server(name, client=owner, solution=solution, since=since, recorded_at="2026-03-01T00:00:00Z")
        )
        if chance.random() < 0.3:  # it moves, or is corrected
            lines.append(
                server(name, client=chance.choice("cd"), since=some(20_000, 40_000), recorded_at=NOW)
            )
    for number in range(8):
        start = chance.randrange(0, 30_000)
        span = (some(start, start + 1), some(start + 1, start + 900))
        scope = chance.choice(
            (
                {},
                {"clients": [chance.choice("cd")]},
                {"solutions": [chance.choice(("shop", "mail", "s1"))]},
                {"servers": [chance.choice(("s1", "s2"))]},
            )
        )
        lines.append(maintenance(f"w{number}", *span, recorded_at="2026-03-07T00:00:00Z", **scope))
    return lines


def what_it_comes_to(announcement: Announcement, server: ServerId) -> list[object]:
    return [
        (
            share.client,
            share.split.covered,
            share.split.weeks,
            [(p.reason, p.spans) for p in share.split.ineligible],
        )
        for share in announcement.shares_of(server)
    ]


def windows_of(book: Book) -> list[Exclusion]:
    return [window.record for window in book.windows(at(NOW)) if window.category in MAINTENANCE]


@pytest.mark.parametrize("seed", range(60))
def test_a_window_comes_to_the_same_on_lookalikes(seed: int) -> None:
    book, shared = book_of(told(seed)), SharedWork()
    records = windows_of(book)
    lookalikes = Lookalikes(book, *span_of(records), as_of=at(NOW))
    for record in records:
        announcement = Announcement(book, record.id, as_of=at(NOW), national_holidays=HOLIDAYS, shared=shared)
        alone = Announcement(book, record.id, as_of=at(NOW), national_holidays=HOLIDAYS)
        examples: dict[Lookalike, list[object]] = {}
        for each in book.servers:
            lookalike, found = lookalikes.of(each), what_it_comes_to(alone, each)
            assert examples.setdefault(lookalike, what_it_comes_to(announcement, each)) == found
            assert lookalike.may_be_in(record) or not found
            assert each in concerned(book, record) or not found


def test_servers_that_no_window_names_are_few_kinds() -> None:
    lines: list[Line] = [client(), client("d")]
    lines += [
        server(f"s{number}", client=owner, solution=f"x{number}", since=f"2026-03-02T00:00:{number:02}Z")
        for owner in "cd"
        for number in range(50)
    ]
    window = maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z")
    book = book_of([*lines, window])
    lookalikes = Lookalikes(book, *span_of(windows_of(book)), as_of=at(NOW))
    assert len({lookalikes.of(each) for each in book.servers}) <= 2
