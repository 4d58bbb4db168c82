"""What of the reports becomes evidence: transitions, blind spans, watermarks, events, steps of the clock."""

from dataclasses import replace

import pytest

from daemon.believed_clock import ClockStep
from daemon.book.counting import HORIZON_US
from daemon.recording.transitions import BLIND_BECAUSE
from probes.report import (
    INTERNET,
    KnownEvent,
    ListedServer,
    ManagedObject,
    Report,
    SourceEvent,
    SourceFailure,
)
from probes.vcenter.faults import VcenterError
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.people import People
from sla.records import Blind, ClientId, Event, Leg, Observation, Record, ServerId, State, Witness
from tests.daemon.monitor import START, Monitor, Source, Vm, finished

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
MAIN, RECOVERED = Witness("mon", "vc1"), Witness("mon", "vc1/recovered")
U1 = ServerId("u1")


def watched(monitor: Monitor | None = None) -> tuple[Monitor, Source]:
    monitor = monitor or Monitor()
    source = Source(monitor)
    source.add(Vm("u1", "acme-1"))
    source.look(passed_us=0)
    return monitor, source


def report(
    until: Instant | None,
    *observations: Observation,
    fresh: bool = False,
    events: tuple[SourceEvent, ...] = (),
    listed: tuple[ListedServer, ...] = (),
) -> Report:
    return Report(
        source="vc1",
        fresh=fresh,
        observed_until=until,
        observations=observations,
        events=events,
        listed=listed,
    )


def said(state: State, at: int, witness: Witness = MAIN, leg: Leg = Leg.RUNNING) -> Observation:
    return Observation(witness=witness, server=U1, leg=leg, state=state, at=Instant(at), reason="why")


def happened(key: str, at: int) -> SourceEvent:
    return SourceEvent(key=key, type="VmPoweredOffEvent", at=Instant(at), server=U1, user="eve", text="")


def blinds(records: list[Record]) -> list[tuple[int, int, str]]:
    return [(record.start, record.end, record.reason) for record in records if isinstance(record, Blind)]


# Only transitions


def test_what_was_said_before_is_not_said_again() -> None:
    monitor, _ = watched()
    at = START + MINUTE
    again = report(Instant(at), said(UP, at), said(DOWN, at), said(DOWN, at + 1), said(UP, at + 2))
    made = monitor.tell(again, passed_us=MINUTE)
    assert made == [said(DOWN, at), said(UP, at + 2)]
    assert monitor.tell(report(Instant(at), said(UP, at + 3)), passed_us=MINUTE) == []


def test_unknown_is_not_said_of_what_was_never_known() -> None:
    monitor, _ = watched()
    assert monitor.tell(report(START, said(UNKNOWN, START, RECOVERED))) == []


def test_what_a_batch_repeats_of_itself_is_said_once() -> None:
    monitor, _ = watched()
    at = START + MINUTE
    both = [report(Instant(at), said(DOWN, at)), report(Instant(at + 1), said(DOWN, at + 1))]
    assert monitor.tell(*both, passed_us=2 * MINUTE) == [said(DOWN, at)]


def test_what_is_dated_back_is_said_even_if_the_state_is_the_same() -> None:
    """Between an earlier and a later observation it can matter, whatever it says."""
    monitor, _ = watched()
    at = START + MINUTE
    monitor.tell(report(Instant(at), said(DOWN, at)), passed_us=MINUTE)
    for state in (DOWN, UP, UNKNOWN):
        assert monitor.tell(report(Instant(at), said(state, at - 30 * SECOND))) == [
            said(state, at - 30 * SECOND)
        ]


def test_each_witness_and_each_leg_speaks_for_itself() -> None:
    monitor, _ = watched()
    at = START + MINUTE
    three = [said(DOWN, at, RECOVERED), said(DOWN, at), said(DOWN, at, leg=Leg.SAN)]
    assert monitor.tell(report(Instant(at), *three), passed_us=MINUTE) == three


# Watermarks, blind spans, lags


def test_every_answer_moves_the_watermarks_of_both_witnesses() -> None:
    monitor, source = watched()
    assert source.look() == []
    assert monitor.watermarks == {MAIN: START + MINUTE, RECOVERED: START + MINUTE}


def test_a_watermark_never_falls() -> None:
    monitor, _ = watched()
    monitor.tell(report(Instant(START - HOUR)), report(START), report(Instant(START - MINUTE)))
    assert monitor.watermarks[MAIN] == START


def test_a_report_that_only_adds_moves_no_watermark() -> None:
    monitor, _ = watched()
    assert monitor.tell(report(None, said(DOWN, START + 1)), passed_us=MINUTE) == [said(DOWN, START + 1)]
    assert monitor.watermarks[MAIN] == START


def test_the_first_look_ever_leaves_no_gap() -> None:
    monitor, _ = watched()
    assert blinds([record for record, _ in monitor.records]) == []


def test_a_look_that_stands_on_no_earlier_one_makes_the_time_between_blind_with_the_first_reason() -> None:
    monitor, _ = watched()
    failures = [
        SourceFailure(source="vc1", reason=word, message="10.0.0.5 says no", retry_in_us=0)
        for word in ("unreachable", "login_refused")
    ]
    fresh = report(Instant(START + MINUTE), fresh=True)
    assert blinds(monitor.tell(*failures, fresh, passed_us=MINUTE)) == [
        (START, START + MINUTE, "vCenter was not reached")
    ]
    later = report(Instant(START + 2 * MINUTE), fresh=True)
    assert blinds(monitor.tell(later, passed_us=MINUTE))[0][2] == "the watch was not in contact"


def test_a_trouble_explains_the_gap_after_it_and_not_the_one_before() -> None:
    monitor, _ = watched()
    failure = SourceFailure(
        source="vc1", reason="bad_reply", message="10.0.0.5 says odd things", retry_in_us=0
    )
    monitor.tell(report(Instant(START + MINUTE)), failure, passed_us=MINUTE)
    made = monitor.tell(report(Instant(START + 2 * MINUTE), fresh=True), passed_us=MINUTE)
    assert blinds(made) == [(START + MINUTE, START + 2 * MINUTE, "an answer of vCenter could not be read")]


def test_every_fault_of_a_vcenter_has_its_plain_sentence() -> None:
    def words(fault: type[VcenterError]) -> set[str]:
        return {fault.reason}.union(*map(words, fault.__subclasses__()))

    assert words(VcenterError) - BLIND_BECAUSE.keys() == {"error", "stopped"}, "these say nothing more"


def test_a_late_answer_on_an_unbroken_chain_lost_nothing() -> None:
    monitor, source = watched()
    monitor.tell(passed_us=HOUR)
    assert blinds(source.look()) == []
    assert monitor.history("u1") == [(UP, 61)]
    (lag,) = monitor.lags
    assert (lag.start, lag.end) == (START, START + HOUR - HORIZON_US)


def test_an_answer_in_time_leaves_no_lag() -> None:
    monitor, source = watched()
    source.look(passed_us=HORIZON_US)
    assert monitor.lags == []


# Events


def test_an_event_is_recorded_once_and_the_next_watch_goes_on_after_it() -> None:
    monitor, _ = watched()
    shown, event = monitor.tell(report(None, events=(happened("7", START + 5),)), passed_us=MINUTE)
    assert isinstance(event, Event)
    assert (event.key, event.server, event.at, event.recorded_at) == ("7", U1, START + 5, START + MINUTE)
    assert shown == replace(event, user="", text="", shown_to="acme")
    for _ in range(2):
        resume = monitor.transitions.resume("vc1")
        assert resume.known_events == {KnownEvent("7", "VmPoweredOffEvent", Instant(START + 5))}
        assert resume.observed_until == START
        monitor.restart()


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("acme-bob", "acme-bob"),
        ("prov-ann", "provider"),
        ("globex-gus", ""),
        ("mallory", "mallory"),
        ("", ""),
    ],
)
def test_of_who_did_it_the_client_is_shown_its_own_users_alone(user: str, shown: str) -> None:
    monitor, _ = watched()
    users = {ClientId("acme"): ("acme-*",), ClientId("globex"): ("globex-*",)}
    people = People(employees=("prov-*",), users=users)
    finished(monitor.transitions.configured((), monitor.policy, people, monitor.now))
    told = replace(happened("7", START), user=user, text=f"{user} on esx1")
    events = monitor.tell(report(None, events=(told,)))
    assert [(each.shown_to, each.user, each.text) for each in events if isinstance(each, Event)] == [
        ("acme", shown, ""),
        ("", user, f"{user} on esx1"),
    ]


def test_an_event_of_what_is_no_server_here_is_kept_without_one() -> None:
    monitor, _ = watched()
    stranger = replace(happened("7", START), server=ServerId("u9"))
    (event,) = monitor.tell(report(None, events=(stranger,)))
    assert isinstance(event, Event)
    assert event.server is None


def test_only_the_newest_keys_are_kept_but_all_that_are_read_again() -> None:
    monitor, _ = watched(Monitor(most_events=4))
    old = tuple(happened(f"old-{number}", START + number) for number in range(4))
    storm = tuple(happened(f"new-{number}", START + HOUR + number) for number in range(9))
    monitor.tell(report(None, events=old + storm), passed_us=HOUR)
    keys = {event.key for event in monitor.transitions.resume("vc1").known_events}
    assert {f"new-{number}" for number in range(9)} <= keys
    assert not {event.key for event in old} & keys


def test_two_events_with_one_key_are_two_once_a_vcenter_was_restored() -> None:
    monitor, _ = watched()
    for at in (START + 5, START + HOUR):
        made = monitor.tell(report(None, events=(happened("7", at),)), passed_us=HOUR)
        events = [each for each in made if isinstance(each, Event) and not each.shown_to]
        assert [(each.key, each.at) for each in events] == [("7", at)]
    for _ in range(2):
        assert {event.at for event in monitor.transitions.resume("vc1").known_events} == {
            START + 5,
            START + HOUR,
        }
        monitor.restart()


def test_an_event_that_was_recorded_as_of_tomorrow_does_not_move_the_position() -> None:
    monitor, _ = watched()
    monitor.tell(report(None, events=(happened("7", START + 24 * HOUR),)), passed_us=MINUTE)
    for _ in range(2):
        (known,) = monitor.transitions.resume("vc1").known_events
        assert known.at == START + MINUTE
        monitor.restart()


def test_the_next_watch_is_told_who_was_out_of_contact_and_since_when() -> None:
    monitor, source = watched()
    source.add(Vm("u2", "acme-2"), Vm("u3", "acme-3"), Vm("u4", "acme-4"))
    source.look()
    lost_at = Instant(START + 2 * MINUTE)
    del source.vms["u2"]
    monitor.now = lost_at
    monitor.tell(source.report(), report(lost_at, said(UNKNOWN, lost_at)))
    for _ in range(2):
        assert monitor.transitions.resume("vc1").out_of_contact == {U1: lost_at}, (
            "one that left is none of them"
        )
        assert monitor.transitions.resume("vc2").out_of_contact == {}
        monitor.restart()


def test_the_next_watch_is_told_which_objects_the_servers_were() -> None:
    monitor, _ = watched()
    first, second = ManagedObject("vc", "vm-1"), ManagedObject("vc", "vm-2")
    off = ListedServer(server=ServerId("u9"), name="acme-9", managed_object=second)
    sighted = ListedServer(server=U1, name="acme-1", managed_object=first)
    monitor.tell(report(None, listed=(sighted, off)))
    for _ in range(2):
        assert monitor.transitions.resume("vc1").objects == {first: U1, second: off.server}
        assert monitor.transitions.resume("vc2").objects == {}
        monitor.restart()
    monitor.known_objects.clear()
    monitor.tell(report(None, listed=(sighted, replace(off, managed_object=ManagedObject("vc", "vm-3")))))
    assert monitor.known_objects == {("vc1", off.server): ("vc", "vm-3")}, "what is new, and nothing else"


# Steps of the clock


STEP = "the monitor's clock was set forward by 3540 s"
FORWARD = "the monitor's clock was set forward"


def stepped(monitor: Monitor, since: int, until: int, text: str = STEP) -> None:
    step = ClockStep(
        since=Instant(since), until=Instant(until), text=text, outcome="accepted by ann", accepted_by="ann"
    )
    monitor.transitions.clock_stepped(step, monitor.now)


def test_over_a_step_forward_every_source_is_blind_and_an_event_says_why() -> None:
    monitor, source = watched()
    monitor.now = Instant(START + HOUR)
    stepped(monitor, START + MINUTE, START + HOUR - MINUTE)
    event, blind = monitor.tell(source.report())
    assert isinstance(event, Event)
    assert (event.type, event.text, event.source) == ("clock_step", f"{STEP}: accepted by ann", "slad")
    assert event.user == "ann"
    assert blinds([blind]) == [(START + MINUTE, START + HOUR - MINUTE, FORWARD)], "and for no longer"
    assert blinds(source.look()) == []
    other = replace(source.report(), source="vc2", observed_until=monitor.now)
    monitor.tell(replace(other, observed_until=Instant(START + HOUR)))
    assert monitor.history("u1") == [(UP, 1), (UNKNOWN, 58), (UP, 2)]


def test_the_internet_is_blind_over_a_step_as_every_source_is() -> None:
    monitor, _ = watched()
    internet = Report(source=INTERNET, fresh=True, observed_until=START)
    monitor.tell(internet)
    monitor.now = Instant(START + HOUR)
    stepped(monitor, START + SECOND, START + HOUR - MINUTE)
    made = blinds(monitor.tell(replace(internet, fresh=False, observed_until=monitor.now)))
    assert made == [(START + SECOND, START + HOUR - MINUTE, FORWARD)]


def test_a_source_that_answered_before_the_step_is_blind_over_it_all_the_same() -> None:
    monitor, _ = watched()
    monitor.now = Instant(START + HOUR)
    before = report(Instant(START + 3 * SECOND))
    after = report(Instant(START + HOUR))
    stepped(monitor, START + 5 * SECOND, START + HOUR - MINUTE)
    made = blinds(monitor.tell(before, after))
    assert [span[:2] for span in made] == [(START + 5 * SECOND, START + HOUR - MINUTE)]


def test_a_source_that_answers_long_after_the_step_is_blind_over_it() -> None:
    monitor, source = watched()
    monitor.now = Instant(START + HOUR)
    stepped(monitor, START, START + HOUR - MINUTE)
    assert [type(record) for record in monitor.tell()] == [Event]
    assert [span[:2] for span in blinds(source.look(passed_us=HOUR))] == [(START, START + HOUR - MINUTE)]


def test_a_source_that_lost_contact_before_a_step_is_blind_as_long_as_it_was_lost() -> None:
    monitor, source = watched()
    monitor.now = Instant(START + HOUR)
    stepped(monitor, START + 10 * MINUTE, START + 20 * MINUTE)
    made = blinds(monitor.tell(replace(source.report(), fresh=True)))
    assert made == [(START, START + HOUR, FORWARD)]


def test_several_steps_are_spans_that_do_not_overlap() -> None:
    monitor, source = watched()
    monitor.now = Instant(START + HOUR)
    for minute in (10, 30):
        stepped(monitor, START + minute * MINUTE, START + (minute + 5) * MINUTE)
    made = blinds(monitor.tell(source.report()))
    assert [((start - START) // MINUTE, (end - START) // MINUTE) for start, end, _ in made] == [
        (10, 15),
        (30, 35),
    ]


def test_where_it_cannot_be_told_whether_an_answer_came_before_a_step_both_are_blind() -> None:
    monitor, _ = watched()
    monitor.now = Instant(START + 20 * SECOND)
    stepped(monitor, START + SECOND, START + 15 * SECOND)
    answers = [report(Instant(START + seconds * SECOND)) for seconds in (10, 16, 19)]
    assert [span[:2] for span in blinds(monitor.tell(*answers))] == [
        (START + SECOND, START + 10 * SECOND),
        (START + 10 * SECOND, START + 15 * SECOND),
    ]


def test_a_step_back_is_an_event_and_nothing_else() -> None:
    monitor, source = watched()
    stepped(monitor, START, START, "the monitor's clock was set back by 600 s")
    (event,) = monitor.tell(source.report())
    assert isinstance(event, Event)
    assert event.text == "the monitor's clock was set back by 600 s: accepted by ann"
    source.look()
    assert monitor.history("u1") == [(UP, 1)]
