"""Counters by the witnesses of several monitors: what `sla` says of the service and the states that all of them tell."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.book.counting import MOST_WITNESSES, SILENT_US
from daemon.book.live_book import LiveBook
from daemon.book.patterns import Counter
from sla.instants import FOREVER, SECOND, Instant
from sla.records import (
    ALL_LEGS,
    Client,
    ClientId,
    Leg,
    Observation,
    ObserverRetired,
    Record,
    Server,
    ServerId,
    State,
    Witness,
)

START = Instant(1_800_000_000 * SECOND)
SERVER = ServerId("a")
LASTS = 40
END = Instant(START + LASTS * SECOND)
seconds = st.integers(0, LASTS - 1).map(lambda second: Instant(START + second * SECOND))
observers = st.sampled_from(["mon1", "mon2"])
COUNTED = {State.UP: Counter.UP, State.DOWN: Counter.DOWN, State.UNKNOWN: Counter.UNOBSERVED}


def server(observer: str, start: Instant, until: Instant | None, legs: tuple[Leg, ...] = ALL_LEGS) -> Server:
    return Server(
        id=SERVER,
        name="a",
        client=ClientId("acme"),
        solution=None,
        in_service_from=start,
        in_service_until=until,
        legs=legs,
        observer=observer,
        recorded_at=START,
    )


def said(observer: str, at: Instant, state: State, leg: Leg = Leg.RUNNING, source: str = "vc") -> Observation:
    return Observation(
        witness=Witness(observer, source), server=SERVER, leg=leg, state=state, at=at, noticed_at=at
    )


def book_of(records: list[Record]) -> LiveBook:
    book = LiveBook("hub", counts_by_all=True)
    acme = Client(id=ClientId("acme"), name="acme", timezone="UTC", tech_admins=(), recorded_at=START)
    for record in (acme, server("mon1", START, None), *records):
        book.take_record(record, None)
    witnesses = {each.witness for each in records if isinstance(each, Observation)}
    book.take_watermarks(dict.fromkeys(witnesses, END), (), ())
    book.settle(END)
    return book


services = st.builds(
    lambda observer, start, lasts, legs: server(
        observer, start, None if lasts is None else Instant(start + lasts * SECOND), legs
    ),
    observers,
    seconds,
    st.one_of(st.none(), st.integers(1, 10)),
    st.sampled_from([ALL_LEGS, (Leg.RUNNING,), (Leg.SAN, Leg.INTERNET)]),
)
observations = st.builds(
    said,
    observers,
    seconds,
    st.sampled_from(State),
    st.sampled_from(ALL_LEGS),
    st.sampled_from(["vc", "internet"]),
)
retirements = st.builds(
    lambda observer, at: ObserverRetired(observer=observer, at=at, recorded_at=START), observers, seconds
)


@given(st.lists(st.one_of(services, observations, observations, retirements), max_size=15))
def test_the_counters_are_what_all_monitors_say_of_service_and_states(told: list[Record]) -> None:
    # Somebody spoke of it from the beginning: what nobody ever spoke of is not counted.
    book = book_of([said("mon1", START, State.UP), server("mon2", START, END), *told])
    pages, expected = book.evidence.servers[SERVER], dict.fromkeys(Counter, 0)
    for part in pages.parts(FOREVER):
        for start, end, legs in part.legs(ALL_LEGS, part.start, min(part.end, END)):
            for segment in pages.timeline.segments(legs, start, end):
                expected[COUNTED[segment.state]] += segment.end - segment.start
    counts = book.counts(SERVER).us
    assert {counter: counts[counter] for counter in COUNTED.values()} == {
        counter: expected[counter] for counter in COUNTED.values()
    }


def test_what_one_monitor_does_not_see_another_does() -> None:
    is_up = [said("mon2", START, State.UP, leg) for leg in ALL_LEGS]
    book = book_of([said("mon1", START, State.DOWN), server("mon2", START, None), *is_up])
    assert book.counts(SERVER).us[Counter.UP] == END - START


def test_of_more_monitors_than_can_be_counted_by_those_that_saw_last_are() -> None:
    names = [f"mon{number}" for number in range(MOST_WITNESSES + 3)]
    book = book_of([said(name, START, State.DOWN) for name in names])
    assert len(book.places[SERVER].group.witnesses) == MOST_WITNESSES
    book.take_record(said(names[0], END, State.UP), END)
    book.settle(END)
    assert Witness(names[0], "vc") in book.places[SERVER].group.witnesses
    assert book.counts(SERVER).us[Counter.DOWN] == END - START


def test_a_monitor_that_is_silent_keeps_nobody_waiting_who_sees() -> None:
    book = book_of([said("mon1", START, State.UP), said("mon2", START, State.UP)])
    for second in range(LASTS, LASTS + 30):
        at = Instant(START + second * SECOND)
        book.take_watermarks({Witness("mon2", "vc"): at}, (), ())
        book.settle(at)
        behind = at - book.places[SERVER].group.settled
        assert behind == (0 if at - END > SILENT_US else at - END)


def test_a_witness_is_waited_for_while_another_of_its_monitor_sees() -> None:
    book = book_of([said("mon1", START, State.UP), said("mon1", START, State.UP, source="internet")])
    at = Instant(END + 30 * SECOND)
    book.take_watermarks({Witness("mon1", "vc"): at}, (), ())
    book.settle(at)
    assert book.places[SERVER].group.settled == END


def test_a_server_goes_on_while_any_monitor_has_it_that_is_not_retired() -> None:
    left = Instant(START + 10 * SECOND)
    pages = book_of([server("mon2", START, left)]).evidence.servers[SERVER]
    assert pages.goes_on, "the other monitor has it"
    ended = ObserverRetired(observer="mon1", at=left, recorded_at=START)
    assert not book_of([server("mon2", START, left), ended]).evidence.servers[SERVER].goes_on
    assert not book_of([ended]).evidence.servers[SERVER].goes_on
    assert not book_of([server("mon1", START, left)]).evidence.servers[SERVER].goes_on
