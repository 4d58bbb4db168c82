"""What monitors say differently is kept up as lines arrive: as it is when all is looked at anew."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from daemon.book.disagreements import Disagreements
from sla.book import Book
from sla.calendars import calendar_of
from sla.disagreements import (
    Disagreement,
    DisagreementKind,
    disagreements_of_client,
    disagreements_of_server,
)
from sla.instants import DAY, SECOND, Instant, parse_instant
from sla.records import Client, Contract, ObserverRetired, Record
from tests.sla.defects import retired
from tests.sla.random_monitors import story_of_monitors
from tests.sla.stories import Line, client, records_of, server

NOON = parse_instant("2026-03-12T12:00:00Z")
OWNER, IDENTITY, CONFIGURATION, CLOCK = DisagreementKind


class Hub:
    """Who takes lines as a hub does."""

    def __init__(self) -> None:
        self.book = Book()
        self.kept = Disagreements(self.book)
        self.ledgers: dict[str, Book] = {}
        self.retired: set[str] = set()

    def take(self, ledger: str, record: Record) -> None:
        if isinstance(record, ObserverRetired):
            self.retired.add(record.observer)
        self.kept.take(ledger, record)
        self.book.add(record)
        if isinstance(record, Client | Contract):
            self.ledgers.setdefault(ledger, Book()).add(record)

    def take_lines(self, *lines: Line) -> None:
        """Lines that say in which ledger they are."""
        for line, record in zip(lines, records_of(lines), strict=True):
            self.take(line["ledger"], record)

    async def keep_up(self, now: Instant) -> list[Disagreement]:
        while not await self.kept.keep_up(now, self.retired):
            pass
        return in_order(each[1] for each in self.kept.candidates(None) if each is not None)

    def anew(self, now: Instant) -> list[Disagreement]:
        """All that there are, by looking at everything."""
        found: list[Disagreement] = []
        for name, pages in self.book.servers.items():
            if pages.records:
                found += disagreements_of_server(name, pages, now)
        for each in self.book.clients:
            month = calendar_of(self.book.zone_of(each, now)).month_of(now)
            found += disagreements_of_client(each, self.ledgers, self.book, month, now, self.retired)
        return in_order(found)


def in_order(found: Iterable[Disagreement]) -> list[Disagreement]:
    return sorted(found, key=lambda each: (each.point.value, each.about))


def of(ledger: str, line: Line, **keys: Any) -> Line:
    """A line of a monitor's own ledger."""
    observer = {"observer": ledger} if line["kind"] == "server" else {}
    return {**line, **observer, "ledger": ledger, **keys}


@pytest.mark.parametrize("seed", range(30))
async def test_however_lines_come_and_time_passes_it_is_what_a_look_at_everything_finds(seed: int) -> None:
    lines, chance = story_of_monitors(seed).lines, Random(seed)
    hub, now = Hub(), NOON
    for line, record in zip(lines, records_of(lines), strict=True):
        hub.take(line.get("ledger", ""), record)
        if chance.random() < 0.2:
            now = Instant(now + chance.choice((0, SECOND, DAY, 20 * DAY)))
            found = await hub.keep_up(now)
            assert found == hub.anew(now)
            assert hub.kept.counts == {
                kind: count
                for kind in DisagreementKind
                if (count := sum(each.point.kind is kind for each in found)) or kind in hub.kept.counts
            }
            since = {
                kind: [each.since for each in found if each.point.kind is kind] for kind in DisagreementKind
            }
            assert hub.kept.by_kind() == {
                kind: (len(those), min(those)) for kind, those in since.items() if those
            }


async def test_all_kinds_come_and_go() -> None:
    hub = Hub()
    hub.take_lines(of("a", client()), of("a", client("d")), of("a", server()))
    assert await hub.keep_up(NOON) == []
    hub.take_lines(
        of("b", client("d")),
        of("b", client(timezone="UTC")),
        of("b", server(client="d", name="x", legs=["san"])),
    )
    await hub.keep_up(NOON)
    assert hub.kept.counts == {OWNER: 1, IDENTITY: 1, CONFIGURATION: 1, CLOCK: 1}
    hub.take_lines(of("b", client()), of("b", server()))
    assert await hub.keep_up(NOON) == []
    assert hub.kept.counts == {OWNER: 0, IDENTITY: 0, CONFIGURATION: 0, CLOCK: 0}


async def test_who_is_retired_has_no_say_any_more() -> None:
    hub = Hub()
    hub.take_lines(of("b", client(timezone="UTC")), of("b", client("d")), of("b", server(client="d")))
    hub.take_lines(of("a", client()), of("a", server()))
    assert [each.point.kind for each in await hub.keep_up(NOON)] == [OWNER, CLOCK]
    hub.take_lines(
        {**retired("b", "2026-03-05T00:00:00Z", recorded_at="2026-03-06T00:00:00Z"), "ledger": "hub"}
    )
    assert await hub.keep_up(NOON) == []


async def test_what_begins_later_is_found_when_it_does_and_not_before() -> None:
    """Without a line that says so: the second monitor's service, and terms of the next month."""
    hub = Hub()
    terms = {"availability": {"target": "0.9"}}
    contract = {
        "kind": "contract",
        "terms": terms,
        "effective_from": "2026-04",
        "recorded_at": "2026-01-02T00:00:00Z",
    }
    later = server(since="2026-03-13T00:00:00Z", client="d")
    hub.take_lines(
        of("a", client()),
        of("a", server()),
        of("b", client()),
        of("b", client("d")),
        of("b", contract),
        of("b", later),
    )
    assert await hub.keep_up(NOON) == []
    assert await hub.keep_up(Instant(parse_instant("2026-03-13T00:00:00Z") - 1)) == []
    (owner,) = await hub.keep_up(parse_instant("2026-03-13T00:00:00Z"))
    assert owner.since == parse_instant("2026-03-13T00:00:00Z")
    first = calendar_of("America/Toronto").month_span(calendar_of("America/Toronto").month_of(NOON))[1]
    assert len(await hub.keep_up(Instant(first - 1))) == 1
    assert [each.point.kind for each in await hub.keep_up(first)] == [OWNER, CONFIGURATION]


async def test_terms_for_all_bear_on_every_client() -> None:
    hub = Hub()
    hub.take_lines(of("a", client()), of("a", client("d")), of("b", client("e")))
    assert await hub.keep_up(NOON) == []
    contract = {"kind": "contract", "terms": {"availability": {"target": "0.9"}}, "effective_from": "2026-01"}
    hub.take_lines(of("b", client("e")), of("b", contract, recorded_at="2026-01-02T00:00:00Z"))
    assert [each.about for each in await hub.keep_up(NOON)] == ["c", "d"]


async def test_what_is_nobodys_word_costs_nothing() -> None:
    """A quiet fleet is not looked at again, whatever time passes."""
    hub = Hub()
    hub.take_lines(of("a", client()), of("b", client()), of("a", server()), of("b", server(name="x")))
    (found,) = await hub.keep_up(NOON)
    for seconds in range(5):
        (again,) = await hub.keep_up(Instant(NOON + seconds * SECOND))
        assert again is found
