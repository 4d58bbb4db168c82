"""Lists of outages, incidents, servers and events: what is in them, and that each is told once while others come and go."""

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import islice, repeat
from typing import Any, TypeVar

import pytest

from daemon.answers.answers import Answers
from daemon.control.questions import Listed, OutagesAsked, Page, PageKey, ServersAsked
from daemon.control.routes import ServerOrder
from daemon.ledger import Batch, Chained, Entry
from daemon.records.refusals import AmbiguousNameError, NotFoundError
from daemon.replies.outages import ExcludedPart
from sla.calendars import Month
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant
from sla.outages import outages_of
from sla.records import (
    Blind,
    Category,
    Cause,
    CauseKind,
    Confidence,
    Event,
    Exclusion,
    ExclusionId,
    Leg,
    Record,
    ServerId,
    State,
    Witness,
)
from tests.daemon.answers.test_server import after, answers
from tests.daemon.monitor import Monitor, Source, Vm

_Row = TypeVar("_Row")


class Fleet:
    """Servers of two clients, and a monitor that is asked about them."""

    def __init__(self, *names: str) -> None:
        self.monitor = Monitor()
        self.source = Source(self.monitor)
        self.source.add(*(Vm(name, name) for name in names))
        self.lists = answers(self.monitor)
        self.ahead_us = 0
        self.look()
        self.look()

    @property
    def vms(self) -> dict[str, Vm]:
        return self.source.vms

    def turn(self, on: bool, *names: str, passed_us: int = MINUTE) -> None:
        for name in names:
            self.vms[name].on = on
        self.look(passed_us=passed_us)

    def look(self, *, passed_us: int = MINUTE) -> None:
        self.source.look(passed_us=passed_us - self.ahead_us)
        self.ahead_us = 0

    def settle(self) -> None:
        """Have settled what was said last."""
        if not self.ahead_us:
            self.look(passed_us=1)
            self.ahead_us = 1

    def down(self, *names: str, **keys: int) -> None:
        self.turn(False, *names, **keys)

    def up(self, *names: str, **keys: int) -> None:
        self.turn(True, *names, **keys)

    def record(self, *records: Record) -> None:
        self.monitor.commit(Batch(entries=[Entry(record=record) for record in records]))

    def cause(self, server: str, start: Instant, incident: str = "", **keys: Any) -> None:
        record = Cause(
            server=ServerId(server),
            start=start,
            cause=CauseKind.STORAGE,
            confidence=Confidence.PROVED,
            user=None,
            because=("7",),
            text="lost",
            incident=incident,
            recorded_at=self.monitor.now,
            recorded_by="slad",
        )
        self.record(replace(record, **keys))

    def now(self) -> Instant:
        return self.monitor.now

    @property
    def answers(self) -> Answers:
        self.settle()
        return self.lists

    def outages(self, **asked: Any) -> list[tuple[str, Instant, Instant | None]]:
        found = asyncio.run(self.answers.outages(OutagesAsked(**asked), Page(None, 1000)))
        assert found.next is None
        return [(row.server, row.start, row.end) for row in found.rows]

    def row(self, **asked: Any) -> Any:
        (row,) = asyncio.run(self.answers.outages(OutagesAsked(**asked), Page(None, 10))).rows
        return row

    def incidents(self, **asked: Any) -> Sequence[Any]:
        return asyncio.run(self.answers.incidents(OutagesAsked(**asked), Page(None, 1000))).rows

    def servers(self, **asked: Any) -> list[str]:
        return [
            row.server
            for row in asyncio.run(self.answers.servers(ServersAsked(**asked), Page(None, 1000))).rows
        ]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet("acme-1", "acme-web-1", "acme-web-2", "beta-1")


def test_outages_are_listed_by_when_they_began(fleet: Fleet) -> None:
    fleet.down("acme-1")
    fleet.down("beta-1")
    fleet.up("acme-1")
    told = [("beta-1", after(4), None), ("acme-1", after(3), after(5))]
    assert fleet.outages() == told
    assert fleet.outages(oldest_first=True) == told[::-1]


def test_an_outage_tells_all_that_is_on_record_of_it(fleet: Fleet) -> None:
    fleet.down("acme-web-1")
    fleet.cause("acme-web-1", after(3), "i1", host="esx1", datastore="san1", user="eve")
    fleet.record(
        Exclusion(
            id=ExclusionId("ex-1"),
            category=Category.CLIENT_CHANGE,
            start=after(3),
            end=after(4),
            servers=(ServerId("acme-web-1"),),
            recorded_at=fleet.now(),
        )
    )
    fleet.look()
    fleet.up("acme-web-1")
    row = fleet.row()
    assert (row.client, row.solution, row.name, row.timezone) == (
        "acme",
        "acme-web",
        "acme-web-1",
        "America/St_Johns",
    )
    assert (row.start, row.end, row.lasted_seconds, row.down_seconds) == (
        after(3),
        after(5),
        2 * MINUTE,
        2 * MINUTE,
    )
    assert row.legs == (Leg.RUNNING,)
    assert (row.incident, row.host, row.datastore, row.uplink) == ("i1", "esx1", "san1", "")
    assert (row.cause.cause, row.cause.user, row.cause.because) == (CauseKind.STORAGE, "eve", ("7",))
    assert (row.excluded, row.excluded_seconds, row.exclusions) == (ExcludedPart.PARTLY, MINUTE, ("ex-1",))


def test_of_one_that_lasts_it_is_told_how_long_so_far(fleet: Fleet) -> None:
    fleet.down("acme-1")
    assert fleet.row().down_seconds == 1
    fleet.look()
    fleet.look()
    row = fleet.row()
    lasted = 2 * MINUTE + 1
    assert (row.end, row.lasted_seconds, row.down_seconds) == (None, lasted, lasted)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"client": "acme"}, ["acme-web-1", "acme-1"]),
        ({"solution": "acme-web"}, ["acme-web-1"]),
        ({"solution": "acme-1"}, ["acme-1"]),
        ({"client": "acme", "solution": "acme-web"}, ["acme-web-1"]),
        ({"server": "beta-1"}, ["beta-1"]),
        ({"is_open": True}, ["beta-1"]),
        ({"cause": CauseKind.STORAGE}, ["acme-1"]),
        ({"cause": CauseKind.GUEST}, []),
        ({"until": after(4)}, ["acme-1"]),
        ({"since": after(4)}, ["beta-1", "acme-web-1"]),
        ({"since": after(3), "until": after(5)}, ["acme-web-1", "acme-1"]),
    ],
)
def test_each_filter_leaves_what_it_says(fleet: Fleet, asked: dict[str, Any], found: list[str]) -> None:
    fleet.down("acme-1")
    fleet.cause("acme-1", after(3))
    fleet.vms["acme-web-1"].on = False
    fleet.up("acme-1")
    fleet.down("beta-1")
    fleet.up("acme-web-1")
    assert [server for server, *_ in fleet.outages(**asked)] == found


def test_a_month_is_each_clients_own(fleet: Fleet) -> None:
    to_march_31 = 21 * DAY + 10 * HOUR
    fleet.down("acme-1", "beta-1", passed_us=to_march_31)  # 23:00 in London
    assert {server for server, *_ in fleet.outages(month=Month(2026, 3))} == {"acme-1", "beta-1"}
    fleet.up("acme-1", "beta-1")
    fleet.down("acme-1", "beta-1", passed_us=2 * HOUR)  # midnight is past in London alone
    late = fleet.monitor.now
    assert {s for s, start, _ in fleet.outages(month=Month(2026, 3)) if start == late} == {"acme-1"}
    assert {s for s, start, _ in fleet.outages(month=Month(2026, 4)) if start == late} == {"acme-1", "beta-1"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"client": "nobody"}, 'there is no client "nobody"'),
        ({"solution": "none"}, 'there is no solution "none"'),
        ({"client": "beta", "solution": "acme-web"}, 'there is no solution "acme-web" of client "beta"'),
        ({"server": "none"}, 'there is no server "none"'),
    ],
)
def test_what_is_not_on_record_is_not_found(fleet: Fleet, asked: dict[str, str], message: str) -> None:
    for listed in (fleet.outages, fleet.incidents):
        with pytest.raises(NotFoundError, match=message):
            listed(**asked)


def test_a_name_of_several_is_none(fleet: Fleet) -> None:
    fleet.vms["beta-1"].name = "acme-1"
    fleet.vms["acme-1"].name = "twin-1"
    fleet.vms["beta-1"].name = "twin-1"
    fleet.look()
    with pytest.raises(AmbiguousNameError, match="2 servers"):
        fleet.outages(server="twin-1")


# Incidents


def storm(fleet: Fleet) -> None:
    fleet.down("acme-1", "beta-1")
    fleet.down("acme-web-1")
    fleet.down("acme-web-2")
    for server, minute in (("acme-1", 3), ("beta-1", 3), ("acme-web-1", 4)):
        fleet.cause(server, after(minute), "i1", host="esx1")
    fleet.up("beta-1")


def test_servers_of_an_incident_stand_by_their_names(fleet: Fleet) -> None:
    fleet.vms["acme-1"].name = "Acme-z"
    storm(fleet)
    _, together = fleet.incidents()
    assert together.names == ("acme-web-1", "Acme-z", "beta-1")


def test_an_incident_is_one_row_and_what_stands_alone_another(fleet: Fleet) -> None:
    storm(fleet)
    alone, together = fleet.incidents()
    assert (alone.incident, alone.servers, alone.names) == ("", 1, ("acme-web-2",))
    assert (together.incident, together.servers, together.servers_down) == ("i1", 3, 2)
    assert (together.clients, together.host) == (("acme", "beta"), "esx1")
    assert (together.start, together.end) == (after(3), None)


def test_of_an_incident_only_what_was_asked_for_is_told(fleet: Fleet) -> None:
    storm(fleet)
    (together,) = fleet.incidents(client="beta")
    assert (together.servers, together.clients, together.end) == (1, ("beta",), after(6))
    _, together = fleet.incidents(client="acme")
    assert together.servers == 2
    (together,) = fleet.incidents(server="acme-web-1")
    assert (together.servers, together.start) == (1, after(4))


def test_an_outage_that_is_of_another_incident_now_counts_there(fleet: Fleet) -> None:
    storm(fleet)
    fleet.cause("acme-1", after(3), "i2")
    assert {row.incident: row.servers for row in fleet.incidents()} == {"": 1, "i1": 2, "i2": 1}


def test_an_incident_is_told_though_its_outage_is_known_to_have_begun_later(fleet: Fleet) -> None:
    fleet.down("acme-1")
    fleet.cause("acme-1", after(3), "i1")
    begun_at = Instant(after(3) + 30 * SECOND)
    blind = Blind(witness=Witness("mon", "vc1"), start=Instant(after(2) + 1), end=begun_at)
    fleet.look()
    fleet.monitor.book.take_watermarks({}, (), [blind])
    assert [(row.incident, row.servers, row.start) for row in fleet.incidents()] == [("i1", 1, begun_at)]


# Servers


def test_servers_are_listed_by_name(fleet: Fleet) -> None:
    assert fleet.servers() == ["acme-1", "acme-web-1", "acme-web-2", "beta-1"]
    assert fleet.servers(client="beta") == ["beta-1"]
    assert fleet.servers(solution="acme-web") == ["acme-web-1", "acme-web-2"]


def test_a_name_fits_a_pattern_whatever_its_case(fleet: Fleet) -> None:
    fleet.source.add(Vm("odd", "acme-[1] X"))
    fleet.look()
    assert fleet.servers(name="ACME-*-?") == ["acme-web-1", "acme-web-2"]
    assert fleet.servers(name="acme-[1] x") == ["odd"]
    assert fleet.servers(name="acme") == []
    assert fleet.servers(name="*a" * 50 + "b") == []


def test_the_worst_are_those_that_are_down_the_longest_and_then_were(fleet: Fleet) -> None:
    fleet.down("acme-web-2")
    fleet.look()
    fleet.up("acme-web-2")
    fleet.down("beta-1")
    fleet.down("acme-web-1")
    fleet.look()
    lists = fleet.answers
    figures = lists._figures
    assert asyncio.run(figures.catch_up(fleet.monitor.book.settled_at(), 10))
    asked = ServersAsked(order=ServerOrder.WORST)
    rows = asyncio.run(lists.servers(asked, Page(None, 10))).rows
    assert [row.server for row in rows] == ["beta-1", "acme-web-1", "acme-web-2", "acme-1"]
    assert [row.state for row in rows] == [State.DOWN, State.DOWN, State.UP, State.UP]
    assert rows[3].availability == "1.000000000"
    lost, whole = rows[2].budget_left_seconds, rows[3].budget_left_seconds
    assert lost is not None
    assert whole is not None
    assert whole - lost == 2 * MINUTE


def test_those_that_changed_last_come_first(fleet: Fleet) -> None:
    fleet.down("beta-1")
    fleet.look()
    fleet.down("acme-web-1")
    fleet.look()
    assert fleet.servers(order=ServerOrder.SINCE)[:2] == ["acme-web-1", "beta-1"]


def test_a_server_tells_why_it_is_down(fleet: Fleet) -> None:
    fleet.down("beta-1")
    fleet.cause("beta-1", after(3))
    fleet.look()
    (row,) = asyncio.run(fleet.answers.servers(ServersAsked(state=State.DOWN), Page(None, 10))).rows
    assert (row.since, row.cause and row.cause.cause) == (after(3), CauseKind.STORAGE)


def test_servers_out_of_service_are_not_listed(fleet: Fleet) -> None:
    del fleet.vms["beta-1"]
    fleet.look()
    fleet.look(passed_us=10 * MINUTE)
    fleet.look()
    assert "beta-1" not in fleet.servers()


# Events


def test_the_events_of_a_server_are_read_from_the_ledger(fleet: Fleet) -> None:
    def event(key: str, server: str | None, **keys: Any) -> Event:
        record = Event(
            source="vc1",
            key=key,
            type="VmPoweredOffEvent",
            at=after(1),
            server=None if server is None else ServerId(server),
            user="eve",
            text=key,
            recorded_at=fleet.now(),
        )
        return replace(record, **keys)

    fleet.record(event("1", "beta-1"), event("2", "acme-1"), event("3", None))
    fleet.record(event("4", "beta-1"), event("5", "beta-1", shown_to="beta"))
    fleet.monitor.restart()
    told = list(fleet.monitor.replay())

    async def read(after_seq: int, limit: int) -> Any:
        return [Chained(seq, body, b"") for seq, body, _ in told[after_seq : after_seq + limit]]

    lists = answers(fleet.monitor, read=read)
    first = asyncio.run(lists.events("beta-1", Page(None, 1)))
    assert first[0] == "beta-1"
    assert [row.key for row in first[1].rows] == ["4"]
    second = asyncio.run(lists.events("beta-1", Page(first[1].next, 1)))[1]
    assert ([row.key for row in second.rows], second.next) == (["1"], None)
    assert asyncio.run(lists.events("acme-web-1", Page(None, 1)))[1].rows == ()


# Page by page


def paged(ask: Callable[[Page], Listed[_Row]], meanwhile: Callable[[], None], limit: int) -> list[_Row]:
    """All rows, with something happening between two pages."""
    rows: list[_Row] = []
    after_key: PageKey | None = None
    while True:
        page = ask(Page(after_key, limit))
        assert len(page.rows) <= limit
        rows += page.rows
        if page.next is None:
            return rows
        after_key = page.next
        meanwhile()


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_every_outage_is_told_once_while_others_come_and_go(seed: int, oldest_first: bool) -> None:
    chance = random.Random(seed)
    names = [f"{client}-{number}" for client in ("acme", "beta") for number in range(12)]
    fleet = Fleet(*names)

    def something(those: Collection[str]) -> None:
        for name in chance.sample(sorted(those), 5):
            vm = fleet.vms[name]
            vm.on = not vm.on
        fleet.look()

    for _ in range(12):
        something(names)
    before, steady = set(fleet.outages()), names[:12]
    asked, times = OutagesAsked(oldest_first=oldest_first), repeat(1, 20)
    rows = paged(
        lambda page: asyncio.run(fleet.answers.outages(asked, page)),
        lambda: something(names[12:]) if next(times, 0) else None,
        chance.randrange(1, 7),
    )
    told = [(row.server, row.start) for row in rows]
    assert len(told) == len(set(told))
    assert {key for key in told if key[0] in steady} == {(s, start) for s, start, _ in before if s in steady}
    evidence = fleet.monitor.book.evidence
    expected = {
        (server, each.start, each.end)
        for server in evidence.servers
        for each in outages_of(evidence, server, fleet.monitor.book._settled_of(server))
    }
    assert set(fleet.outages()) == expected


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("order", ServerOrder)
def test_every_server_is_told_once_while_others_come_and_go(seed: int, order: ServerOrder) -> None:
    chance = random.Random(seed)
    names = [f"acme-{number}" for number in range(20)]
    fleet = Fleet(*names)
    for number in range(10):
        fleet.vms[chance.choice(names)].on = number % 2 == 0
        fleet.look()
    steady = names[:10]
    fresh = (f"acme-{number}" for number in range(100, 120))

    def something() -> None:
        for name in chance.sample(names[10:], 3):
            fleet.vms[name].on = not fleet.vms[name].on
        for name in islice(fresh, 1):
            fleet.source.add(Vm(name, name))
        fleet.look()

    lists = fleet.answers

    def ask(page: Page) -> Listed[Any]:
        assert asyncio.run(lists._figures.catch_up(fleet.monitor.book.settled_at(), 10))
        return asyncio.run(lists.servers(ServersAsked(order=order), page))

    told = [row.server for row in paged(ask, something, chance.randrange(1, 6))]
    assert sorted(name for name in told if name in steady) == sorted(steady)


@pytest.mark.parametrize("seed", range(8))
def test_every_incident_is_told_once_on_whatever_pages(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"acme-{number}" for number in range(12)]
    fleet = Fleet(*names)
    for _ in range(6):
        fleet.turn(False, *chance.sample(names, 4), passed_us=30 * SECOND)
        fleet.turn(True, *chance.sample(names, 4), passed_us=30 * SECOND)
    for server, start, _ in fleet.outages():
        fleet.cause(server, start, chance.choice(("", "i1", "i2", "i3")))
    whole = fleet.incidents()
    rows = paged(
        lambda page: asyncio.run(fleet.answers.incidents(OutagesAsked(), page)),
        lambda: None,
        chance.randrange(1, 4),
    )
    assert rows == list(whole)
    assert sum(row.servers for row in whole) >= len({s for s, *_ in fleet.outages()})
    assert len({row.incident for row in whole if row.incident}) == sum(bool(row.incident) for row in whole)
