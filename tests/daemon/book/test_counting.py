"""The counters: settled time counted once, the same live and from the ledger, and never more or less than there was."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.book.counting import HORIZON_US, NEVER
from daemon.book.live_book import LiveBook
from daemon.book.patterns import Counter
from sla.instants import SECOND, Instant
from sla.outages import runs_of
from sla.records import Blind, ClientId, Leg, Observation, Record, Server, ServerId, State, Witness
from sla.timeline import Segment

START = Instant(1_800_000_000 * SECOND)
VCENTER, INTERNET = Witness("mon", "vc"), Witness("mon", "internet")
RECOVERED = Witness("mon", "vc/recovered")
SERVERS = (ServerId("a"), ServerId("b"))
COUNTER_OF = {State.UP: Counter.UP, State.DOWN: Counter.DOWN, State.UNKNOWN: Counter.UNOBSERVED}


@dataclass
class Ledger:
    """What a ledger would hold, and the live book that it was committed to."""

    live: LiveBook = field(default_factory=lambda: LiveBook("mon"))
    records: list[tuple[Record, Instant | None]] = field(default_factory=list)
    lags: list[tuple[Witness, Instant, Instant]] = field(default_factory=list)
    watermarks: dict[Witness, Instant] = field(default_factory=dict)
    began: dict[ServerId, Instant] = field(default_factory=dict)
    now: Instant = START

    def write(self, record: Record, settled: Instant | None) -> None:
        self.records.append((record, settled))
        self.live.take_record(record, settled)

    def replayed(self) -> LiveBook:
        book = LiveBook("mon")
        blind = [record for record, _ in self.records if isinstance(record, Blind)]
        book.take_watermarks(self.watermarks, self.lags, blind)
        for record, settled in self.records:
            book.take_record(record, settled)
        book.settle(self.now)
        return book


def server(name: ServerId, *, until: Instant | None = None) -> Server:
    return Server(
        id=name,
        name=name,
        client=ClientId("c"),
        solution=None,
        in_service_from=START,
        in_service_until=until,
        legs=(Leg.RUNNING, Leg.INTERNET) if name == "b" else (Leg.RUNNING, Leg.SAN),
        recorded_at=START,
    )


states = st.sampled_from(State)
told = st.tuples(
    st.sampled_from(SERVERS),
    st.sampled_from(
        [(VCENTER, Leg.RUNNING), (VCENTER, Leg.SAN), (INTERNET, Leg.INTERNET), (RECOVERED, Leg.RUNNING)]
    ),
    states,
    st.integers(-90, 0),
)
looks = st.fixed_dictionaries(
    {
        "passed_s": st.integers(1, 100),
        "answers": st.sets(st.sampled_from([VCENTER, INTERNET])),
        "fresh": st.booleans(),
        "told": st.lists(told, max_size=5),
    }
)


def played(ticks: list[dict[str, object]], *, late: bool) -> Ledger:
    ledger = Ledger()
    for name in SERVERS:
        ledger.write(server(name), START)
    for tick in ticks:
        _play(ledger, tick, late=late)
    return ledger


def _play(ledger: Ledger, tick: dict[str, object], *, late: bool) -> None:
    live = ledger.live
    ledger.now = Instant(ledger.now + tick["passed_s"] * SECOND)  # type: ignore[operator]
    settled = {name: {w: live.settled(name, w) for w in (VCENTER, INTERNET, RECOVERED)} for name in SERVERS}
    lags, blind, entries = [], [], []
    watermarks = dict.fromkeys(tick["answers"], ledger.now)  # type: ignore[call-overload]
    for witness in sorted(watermarks):
        seen = ledger.watermarks.get(witness)
        if seen is not None and tick["fresh"]:
            blind.append(Blind(witness=witness, start=seen, end=ledger.now))
        elif seen is not None and seen < live.horizon:
            lags.append((witness, seen, live.horizon))
    for name, (witness, leg), state, ago_s in tick["told"]:  # type: ignore[attr-defined]
        at = Instant(ledger.now + ago_s * SECOND)
        if not late:
            counted = max(settled[name][witness], ledger.watermarks.get(witness, START))
            at = max(at, Instant(counted + 1))
        if at >= START and (witness is RECOVERED or witness in watermarks):
            record = Observation(witness=witness, server=name, leg=leg, state=state, at=at)
            entries.append((record, settled[name][witness]))
    ledger.watermarks |= watermarks | {RECOVERED: ledger.now}
    ledger.lags += lags
    ledger.records += [(record, None) for record in blind]
    live.take_watermarks(watermarks | {RECOVERED: ledger.now}, lags, blind)
    for record, at in entries:
        if record.witness is not RECOVERED:
            ledger.began.setdefault(record.server, max(at, START))
        ledger.write(record, at)
    live.settle(ledger.now)


@settings(max_examples=100, deadline=None)
@given(st.lists(looks, min_size=1, max_size=12))
def test_the_ledger_gives_the_same_counters_as_the_live_book(ticks: list[dict[str, object]]) -> None:
    ledger = played(ticks, late=True)
    replayed = ledger.replayed()
    for name in SERVERS:
        assert replayed.counts(name) == ledger.live.counts(name)
        assert replayed.state(name) == ledger.live.state(name)


@settings(max_examples=100, deadline=None)
@given(st.lists(looks, min_size=1, max_size=12))
def test_up_down_and_unobserved_are_all_the_settled_time_in_service(ticks: list[dict[str, object]]) -> None:
    ledger = played(ticks, late=True)
    for name in SERVERS:
        place = ledger.live.places.get(name)
        if place is None:
            continue
        us = ledger.live.counts(name).us
        counted = us[Counter.UP] + us[Counter.DOWN] + us[Counter.UNOBSERVED]
        assert counted == place.group.settled - ledger.began[name]


@settings(max_examples=100, deadline=None)
@given(st.lists(looks, min_size=1, max_size=12))
def test_no_counter_falls(ticks: list[dict[str, object]]) -> None:
    ledger = Ledger()
    for name in SERVERS:
        ledger.write(server(name), START)
    before = {name: (0,) * len(Counter) for name in SERVERS}
    for tick in ticks:
        _play(ledger, tick, late=True)
        for name in SERVERS:
            counts = ledger.live.counts(name).us
            assert all(now >= then for now, then in zip(counts, before[name], strict=True))
            before[name] = counts


@settings(max_examples=100, deadline=None)
@given(st.lists(looks, min_size=1, max_size=12))
def test_without_late_news_the_counters_are_what_the_evidence_says(ticks: list[dict[str, object]]) -> None:
    for tick in ticks:
        tick["answers"] = {VCENTER, INTERNET}
        tick["passed_s"] = min(50, tick["passed_s"])  # type: ignore[call-overload]
        tick["told"] = [item for item in tick["told"] if item[1][0] is not RECOVERED]  # type: ignore[attr-defined]
    ledger = played(ticks, late=False)
    for name in SERVERS:
        place = ledger.live.places.get(name)
        if place is None:
            continue
        segments = ledger.live.segments(name, ledger.began[name], place.group.settled)
        for state, counter in (
            (State.UP, Counter.UP),
            (State.DOWN, Counter.DOWN),
            (State.UNKNOWN, Counter.UNOBSERVED),
        ):
            lasted = sum(part.end - part.start for part in segments if part.state is state)
            assert ledger.live.counts(name).us[counter] == lasted


@dataclass
class CountedLedger(Ledger):
    """A ledger, and the states of each server as they were known when their time was counted."""

    counted: dict[ServerId, list[Segment]] = field(default_factory=dict)
    until: dict[ServerId, Instant] = field(default_factory=dict)

    def begin(self) -> None:
        """One witness speaks of all servers: from here on they are counted."""
        for name in SERVERS:
            self.write(server(name), START)
        said = [(name, (VCENTER, Leg.RUNNING), State.UP, 0) for name in SERVERS]
        self.play(tick_of(1, said), late=False)

    def play(self, tick: dict[str, object], *, late: bool) -> None:
        tick["told"] = [item for item in tick["told"] if item[1][0] is not RECOVERED]  # type: ignore[attr-defined]
        _play(self, tick, late=late)
        for name, place in self.live.places.items():
            since, until = self.until.get(name, self.began[name]), place.group.settled
            self.counted.setdefault(name, []).extend(self.live.segments(name, since, until))
            self.until[name] = until

    def lasted(self, name: ServerId) -> list[int]:
        """The time in each state, by its counter."""
        return [
            sum(part.end - part.start for part in self.counted[name] if part.state is state)
            for state in (State.UP, State.DOWN, State.UNKNOWN)
        ]


@settings(max_examples=100, deadline=None)
@given(st.lists(looks, min_size=1, max_size=12))
def test_6_2_without_late_news_the_outages_counted_are_those_of_the_evidence(
    ticks: list[dict[str, object]],
) -> None:
    ledger = CountedLedger()
    ledger.begin()
    for tick in ticks:
        tick["answers"] = {VCENTER, INTERNET}
        ledger.play(tick, late=False)
        for name, place in ledger.live.places.items():
            runs = runs_of(ledger.live.segments(name, ledger.began[name], place.group.settled))
            began_at = runs[-1].start if runs and runs[-1].end is None else NEVER
            counts = ledger.live.counts(name)
            assert (counts.outages, counts.outage_at) == (len(runs), began_at)


@settings(max_examples=100, deadline=None)
@given(st.lists(looks, min_size=1, max_size=12))
def test_6_2_late_news_moves_no_counter_but_all_that_is_counted_later_is_by_it(
    ticks: list[dict[str, object]],
) -> None:
    ledger = CountedLedger()
    ledger.begin()
    for tick in ticks:
        ledger.play(tick, late=True)
        for name in SERVERS:
            counts, runs = ledger.live.counts(name), runs_of(ledger.counted[name])
            assert list(counts.us[:3]) == ledger.lasted(name)
            began_at = runs[-1].start if runs and runs[-1].end is None else NEVER
            assert (counts.outages, counts.outage_at) == (len(runs), began_at)


@settings(max_examples=100, deadline=None)
@given(st.lists(looks, min_size=1, max_size=12))
def test_the_counters_and_what_was_corrected_are_together_what_the_evidence_says(
    ticks: list[dict[str, object]],
) -> None:
    ledger = CountedLedger()
    ledger.begin()
    for tick in ticks:
        tick["answers"] = {VCENTER, INTERNET}
        tick["passed_s"] = min(50, tick["passed_s"])  # type: ignore[call-overload]
        ledger.play(tick, late=True)
        lasted = dict.fromkeys(State, 0)
        for name, place in ledger.live.places.items():
            for part in ledger.live.segments(name, ledger.began[name], place.group.settled):
                lasted[part.state] += part.end - part.start
        for (then, now), us in ledger.live.corrected.items():
            lasted[then] += us
            lasted[now] -= us
        for state, counter in COUNTER_OF.items():
            assert sum(ledger.live.counts(name).us[counter] for name in SERVERS) == lasted[state]


def test_6_2_what_is_said_of_one_instant_counts_as_one() -> None:
    def said(leg: Leg, state: State, ago_s: int) -> tuple[str, tuple[Witness, Leg], State, int]:
        return "a", (VCENTER, leg), state, ago_s

    up = [said(Leg.RUNNING, State.UP, 0), said(Leg.SAN, State.UP, 0)]
    turned = [
        said(Leg.RUNNING, State.DOWN, -8),
        said(Leg.RUNNING, State.UP, -5),
        said(Leg.SAN, State.DOWN, -5),
    ]
    again = [said(Leg.SAN, State.UP, -5), said(Leg.RUNNING, State.DOWN, -3), said(Leg.RUNNING, State.UP, -3)]
    for told, outages, outage_at in ((turned, 1, START + 3 * SECOND), ([*turned, *again], 1, NEVER)):
        ledger = played([tick_of(1, up), tick_of(10, told), tick_of(10, [])], late=False)
        counts = ledger.live.counts(SERVERS[0])
        assert (counts.outages, counts.outage_at) == (outages, outage_at)


def test_6_2_a_down_that_lasts_for_no_time_is_no_outage_live_or_replayed() -> None:
    down = [("a", (VCENTER, Leg.RUNNING), State.DOWN, 0)]
    late = [("a", (VCENTER, Leg.RUNNING), State.UNKNOWN, -60)]
    ledger = played([tick_of(1, down), tick_of(60, late)], late=True)
    assert ledger.live.counts(SERVERS[0]).outages == 0
    assert ledger.replayed().counts(SERVERS[0]) == ledger.live.counts(SERVERS[0])


def test_2_2_what_comes_late_and_is_older_than_the_newest_changes_nothing_from_then_on() -> None:
    up = [("a", (VCENTER, Leg.RUNNING), State.UP, 0), ("a", (VCENTER, Leg.SAN), State.UP, 0)]
    down = [("a", (VCENTER, Leg.RUNNING), State.DOWN, 0)]
    cycle = [
        ("a", (VCENTER, Leg.RUNNING), state, ago_s) for state, ago_s in ((State.DOWN, -25), (State.UP, -22))
    ]
    ledger = played(
        [tick_of(1, up), tick_of(30, down), tick_of(20, cycle), tick_of(10, [])],
        late=True,
    )
    counts = ledger.live.counts(SERVERS[0])
    assert ledger.live.state(SERVERS[0]) is State.DOWN
    assert (counts.us[Counter.DOWN], counts.outages) == (30 * SECOND, 1)
    assert counts.outage_at == START + 31 * SECOND
    assert ledger.live.corrected == {(State.UP, State.DOWN): 3 * SECOND}


def test_a_group_tells_its_members_in_service_their_states_and_the_outages_under_way() -> None:
    up = [(name, (VCENTER, leg), State.UP, 0) for name in SERVERS for leg in (Leg.RUNNING, Leg.SAN)]
    down = [("a", (VCENTER, Leg.RUNNING), State.DOWN, 0)]
    ledger = played([tick_of(1, up), tick_of(10, down), tick_of(10, [])], late=False)
    (group,) = ledger.live.groups.values()
    assert [row.server for row in group.members_in_service()] == [*SERVERS]
    assert group.states() == {State.DOWN: 1, State.UNKNOWN: 1}
    assert [*group.ongoing_outages()] == [(0, SERVERS[0], START + 11 * SECOND)]
    assert [*group.ongoing_outages(1)] == [*group.ongoing_outages(0, 0)] == []
    gone = server(SERVERS[0], until=ledger.now)
    ledger.write(gone, ledger.live.settled(SERVERS[0], VCENTER))
    _play(ledger, tick_of(10, []), late=False)
    assert [row.server for row in group.members_in_service()] == [SERVERS[1]]
    assert (group.states(), [*group.ongoing_outages()]) == ({State.UNKNOWN: 1}, [])


def tick_of(passed_s: int, told: Sequence[tuple[str, tuple[Witness, Leg], State, int]]) -> dict[str, object]:
    """A look of the vCenter's witness."""
    return {"passed_s": passed_s, "answers": {VCENTER}, "fresh": False, "told": list(told)}


def test_unobserved_time_is_counted_a_minute_late_and_stays_counted() -> None:
    ledger = played(
        [
            {
                "passed_s": 1,
                "answers": {VCENTER},
                "fresh": False,
                "told": [("a", (VCENTER, Leg.RUNNING), State.UP, 0), ("a", (VCENTER, Leg.SAN), State.UP, 0)],
            },
            {"passed_s": 100, "answers": set(), "fresh": False, "told": []},
            {"passed_s": 10, "answers": {VCENTER}, "fresh": False, "told": []},
        ],
        late=False,
    )
    us = ledger.live.counts(SERVERS[0]).us
    assert us[Counter.UNOBSERVED] == 101 * SECOND - HORIZON_US
    assert us[Counter.UP] == 111 * SECOND - us[Counter.UNOBSERVED]


def test_an_outage_stays_open_while_nobody_can_say_and_counts_once() -> None:
    ledger = played(
        [
            {
                "passed_s": 1,
                "answers": {VCENTER},
                "fresh": False,
                "told": [("a", (VCENTER, Leg.RUNNING), State.UP, 0), ("a", (VCENTER, Leg.SAN), State.UP, 0)],
            },
            {
                "passed_s": 10,
                "answers": {VCENTER},
                "fresh": False,
                "told": [("a", (VCENTER, Leg.RUNNING), State.DOWN, -5)],
            },
            {"passed_s": 30, "answers": {VCENTER}, "fresh": True, "told": []},
            {"passed_s": 10, "answers": {VCENTER}, "fresh": False, "told": []},
        ],
        late=False,
    )
    counts = ledger.live.counts(SERVERS[0])
    assert counts.outages == 1
    assert counts.outage_at == START + 6 * SECOND
    assert counts.us[Counter.UNOBSERVED] == 31 * SECOND


def test_an_outage_that_began_while_the_witness_was_blind_begins_when_it_sees_again() -> None:
    ledger = played(
        [
            {
                "passed_s": 1,
                "answers": {VCENTER},
                "fresh": False,
                "told": [("a", (VCENTER, Leg.RUNNING), State.UP, 0), ("a", (VCENTER, Leg.SAN), State.UP, 0)],
            },
            {
                "passed_s": 30,
                "answers": {VCENTER},
                "fresh": True,
                "told": [("a", (VCENTER, Leg.RUNNING), State.DOWN, 0)],
            },
            {"passed_s": 10, "answers": {VCENTER}, "fresh": False, "told": []},
        ],
        late=False,
    )
    assert ledger.live.counts(SERVERS[0]).outage_at == START + 31 * SECOND


def test_a_server_that_left_service_counts_no_more() -> None:
    ledger = played(
        [
            {
                "passed_s": 1,
                "answers": {VCENTER},
                "fresh": False,
                "told": [
                    ("a", (VCENTER, Leg.RUNNING), State.DOWN, 0),
                    ("a", (VCENTER, Leg.SAN), State.UP, 0),
                ],
            },
            {"passed_s": 10, "answers": {VCENTER}, "fresh": False, "told": []},
        ],
        late=False,
    )
    end = ledger.now
    ledger.write(server(SERVERS[0], until=end), ledger.live.settled(SERVERS[0], VCENTER))
    _play(ledger, {"passed_s": 30, "answers": {VCENTER}, "fresh": False, "told": []}, late=False)
    counts = ledger.live.counts(SERVERS[0])
    assert counts.us[Counter.DOWN] == 10 * SECOND
    assert counts.outage_at == NEVER


def test_6_2_an_outage_that_is_over_is_not_begun_again_while_one_of_the_witnesses_is_silent() -> None:
    """One says down and one up; while the latter did not see, the server was down. The third never saw anything."""
    other, silent = Witness("mon", "vc2"), Witness("mon", "vc3")
    ledger, (name, _) = Ledger(), SERVERS
    ledger.write(server(name), START)
    ledger.now = Instant(START + 300 * SECOND)
    ledger.watermarks = {VCENTER: ledger.now, other: ledger.now, silent: START}
    blind = Blind(witness=other, start=Instant(START + 10 * SECOND), end=Instant(START + 40 * SECOND))
    ledger.records.append((blind, None))
    ledger.live.take_watermarks(ledger.watermarks, (), [blind])
    for witness, leg, state in (
        (VCENTER, Leg.RUNNING, State.DOWN),
        (other, Leg.RUNNING, State.UP),
        (other, Leg.SAN, State.UP),
        (silent, Leg.RUNNING, State.UNKNOWN),
    ):
        said = Observation(witness=witness, server=name, leg=leg, state=state, at=START)
        ledger.write(said, START)
    for _ in range(3):
        ledger.live.settle(ledger.now)
        assert ledger.live.counts(name).outages == 1
        ledger.now = Instant(ledger.now + 60 * SECOND)
    assert ledger.replayed().counts(name).outages == 1
