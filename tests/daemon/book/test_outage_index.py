"""The index of outages is what the evidence says, in whatever order that comes, and tells why legs were down."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from daemon.book.counting import NEVER
from daemon.book.live_book import LiveBook
from daemon.book.outage_index import OutageIndex, OutageKey
from sla.instants import MINUTE, SECOND, Instant, parse_instant
from sla.outages import outages_of
from sla.reasons import DetailedReason, PlainReason
from sla.records import (
    Blind,
    Cause,
    CauseKind,
    Client,
    ClientId,
    Confidence,
    Leg,
    Observation,
    Server,
    ServerId,
    State,
    Witness,
)

START = parse_instant("2026-03-10T12:00:00Z")
ONE, OTHER = Witness("mon", "vc1"), Witness("mon", "vc2")
NAMES = [ServerId(f"s{number}") for number in range(4)]


class Site:
    """Servers of which two vCenters speak."""

    def __init__(self) -> None:
        self.book, self.now = LiveBook("mon"), START
        self.book.take_record(
            Client(id=ClientId("c"), name="C", timezone="UTC", tech_admins=(), recorded_at=START), None
        )
        for name in NAMES:
            record = Server(
                id=name,
                name=name,
                client=ClientId("c"),
                solution=None,
                in_service_from=START,
                in_service_until=None,
                legs=(Leg.RUNNING,),
                recorded_at=START,
            )
            self.book.take_record(record, None)
        self.see(ONE, OTHER)

    def say(
        self, server: ServerId, state: State, at: Instant, witness: Witness = ONE, reason: str = ""
    ) -> None:
        said = Observation(witness=witness, server=server, leg=Leg.RUNNING, state=state, at=at, reason=reason)
        self.book.take_record(said, self.book.settled(server, witness))

    def blind(self, witness: Witness, start: Instant, end: Instant) -> None:
        self.book.take_watermarks({}, (), [Blind(witness=witness, start=start, end=end)])

    def see(self, *witnesses: Witness) -> None:
        self.book.take_watermarks(dict.fromkeys(witnesses, self.now), (), ())
        self.book.settle(self.now)
        for _ in self.book.outages.read():
            pass

    def pass_(self, us: int) -> None:
        self.now = Instant(self.now + us)


def indexed(index: OutageIndex) -> list[tuple[ServerId, Instant, Instant | None]]:
    found = [(key.server, index.get(key)) for key in index.walk(None, oldest_first=True)]
    return [(server, outage.start, outage.end) for server, outage in found if outage is not None]


def by_evidence(site: Site) -> list[tuple[ServerId, Instant, Instant | None]]:
    found = [
        outage
        for name in NAMES
        for outage in outages_of(site.book.evidence, name, site.book._settled_of(name))
    ]
    return [(each.server, each.start, each.end) for each in sorted(found, key=lambda o: (o.start, o.server))]


def lived(seed: int) -> Site:
    """A site of which much was said, some of it late, and whose witnesses did not always see."""
    chance, site = random.Random(seed), Site()
    for _ in range(40):
        seen = site.now
        site.pass_(chance.randrange(1, 5) * 10 * SECOND)
        for _ in range(chance.randrange(4)):
            late = chance.random() < 0.2
            since = chance.randrange(START, seen + 1) if late else chance.randrange(seen, site.now)
            witness = chance.choice((ONE, ONE, OTHER))
            state = chance.choice((State.UP, State.DOWN, State.DOWN, State.UNKNOWN))
            site.say(chance.choice(NAMES), state, Instant(since // SECOND * SECOND), witness)
        if chance.random() < 0.2:
            start = chance.randrange(START, seen + 1)
            end = Instant(min(start + MINUTE, site.now))
            site.blind(chance.choice((ONE, OTHER)), Instant(start), end)
        site.see(ONE, OTHER)
    site.pass_(MINUTE)
    site.see(ONE, OTHER)
    return site


@pytest.mark.parametrize("seed", range(100))
def test_whatever_is_said_however_late_and_whoever_did_not_see(seed: int) -> None:
    site = lived(seed)
    assert indexed(site.book.outages) == by_evidence(site)
    keys = list(site.book.outages.walk(None, oldest_first=True))
    assert all(before < after for before, after in pairwise(keys))
    assert keys[::-1] == list(site.book.outages.walk(None, oldest_first=False))
    lasting = [key for key in keys if site.book.outages._outages[key].end is None]
    assert lasting == list(site.book.outages.walk(None, oldest_first=True, only_open=True))
    assert lasting[::-1] == list(site.book.outages.walk(None, oldest_first=False, only_open=True))
    for name in NAMES:
        assert list(site.book.outages.of_server(name)) == [key for key in keys if key.server == name]


def test_an_outage_under_way_has_its_cause_wherever_the_counters_have_it_begin() -> None:
    compared = moved = 0
    for seed in range(100):
        site = lived(seed)
        for server, start, _ in by_evidence(site):
            site.book.take_record(cause(server, start), None)
        under_way = {server: start for server, start, end in by_evidence(site) if end is None}
        for server, start in under_way.items():
            place = site.book.places[server]
            began_at = place.group.outage_at[place.index]
            if began_at != NEVER:
                found = site.book.cause_of_outage(server, Instant(began_at))
                assert (found and found.start) == start, (seed, server)
                compared, moved = compared + 1, moved + (began_at != start)
    assert compared > 2 * moved > 20


def test_an_outage_under_way_has_no_cause_of_one_that_is_over() -> None:
    site = Site()
    site.say(NAMES[0], State.DOWN, START)
    site.pass_(MINUTE)
    site.say(NAMES[0], State.UP, site.now)
    site.book.take_record(cause(NAMES[0], START), None)
    site.pass_(MINUTE)
    began_at = site.now
    site.say(NAMES[0], State.DOWN, began_at)
    site.pass_(MINUTE)
    site.see(ONE, OTHER)
    assert site.book.cause_of_outage(NAMES[0], began_at) is None
    assert site.book.cause_of_outage(NAMES[1], began_at) is None


def cause(server: ServerId, start: Instant) -> Cause:
    return Cause(
        server=server,
        start=start,
        cause=CauseKind.UNKNOWN,
        confidence=Confidence.NONE,
        user=None,
        because=(),
        text="",
        recorded_at=START,
    )


def test_it_tells_why_each_leg_was_down_as_evidence_says_it() -> None:
    site = Site()
    site.say(NAMES[0], State.UP, START)
    down_at = Instant(START + MINUTE)
    detailed = DetailedReason(PlainReason.POWERED_OFF, "powered off by eve on esx1")
    site.say(NAMES[0], State.DOWN, down_at, reason=detailed)
    site.say(NAMES[0], State.DOWN, Instant(down_at + SECOND), reason=PlainReason.SUSPENDED)
    site.pass_(5 * MINUTE)
    site.see(ONE, OTHER)
    outage = site.book.outages.get(OutageKey(down_at, NAMES[0]))
    assert outage is not None
    assert site.book.outages.reasons(outage) == {Leg.RUNNING: "powered off"}


def test_an_outage_ends_where_its_server_leaves_though_that_is_settled_later() -> None:
    site = Site()
    site.say(NAMES[0], State.UP, START)
    site.say(NAMES[0], State.DOWN, Instant(START + MINUTE))
    site.pass_(3 * MINUTE)
    site.see(ONE)
    left_at = Instant(site.now + SECOND)
    record = replace(site.book.record_of(NAMES[0]), in_service_until=left_at, recorded_at=left_at)
    site.book.take_record(record, None)
    site.see(ONE)
    assert indexed(site.book.outages) == [(NAMES[0], Instant(START + MINUTE), None)]
    site.pass_(MINUTE)
    site.see(ONE)
    assert indexed(site.book.outages) == [(NAMES[0], Instant(START + MINUTE), left_at)]


def test_an_outage_is_in_it_once_it_is_settled() -> None:
    site = Site()
    site.say(NAMES[0], State.UP, START)
    site.say(NAMES[0], State.DOWN, Instant(START + MINUTE))
    site.pass_(MINUTE)
    site.see(ONE)
    assert indexed(site.book.outages) == []
    site.pass_(SECOND)
    site.see(ONE)
    assert indexed(site.book.outages) == [(NAMES[0], Instant(START + MINUTE), None)]


def test_one_that_is_told_late_is_read_once_all_is_settled_that_was_said_before_it() -> None:
    """A server is looked at from its first down on: what was said before that, and of later, ends its outage too."""
    site, (server, *_) = Site(), NAMES
    site.say(server, State.UP, Instant(START + 50 * SECOND), OTHER)
    site.say(server, State.DOWN, Instant(START + 10 * SECOND), ONE)
    for _ in range(3):
        site.pass_(30 * SECOND)
        site.see(ONE, OTHER)
    assert indexed(site.book.outages) == by_evidence(site)
    assert [end for *_, end in by_evidence(site)] == [START + 50 * SECOND]
