"""What watches saw is dated by the time that is believed by now, and what is on record by theirs."""

import asyncio
from dataclasses import replace

from daemon.believed_clock import BelievedClock
from daemon.recording.dating import dated, resumed
from probes.report import Departed, KnownEvent, Report, Resume, SourceEvent, SourceFailure
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.records import Leg, Observation, ServerId, State, Witness
from tests.daemon.hand import Hand

U1 = ServerId("u1")


def stepped(by_us: int) -> tuple[BelievedClock, Instant]:
    """A clock that was set by so much a minute ago, which was accepted, and when that was noticed."""
    hand = Hand()
    clock = BelievedClock(hand)
    clock.begin(hand.wall)
    hand.pass_(MINUTE, set_us=by_us)
    clock.look()
    noticed_at = clock.now()
    hand.pass_(MINUTE)
    clock.accept("ann")
    assert clock.look() is not None
    return clock, noticed_at


def report(at: Instant) -> Report:
    """A look at `at`, of what was so then and an hour before."""
    before = Instant(at - HOUR)
    observation = Observation(
        witness=Witness("mon", "vc1"), server=U1, leg=Leg.RUNNING, state=State.UP, at=before
    )
    event = SourceEvent(key="1", type="x", at=before, server=U1, user="", text="")
    return Report(
        source="vc1",
        observed_until=at,
        departed=(Departed(server=U1, at=at),),
        observations=(observation, replace(observation, at=at)),
        events=(event, replace(event, at=at)),
        clock_offset_us=SECOND,
    )


def test_every_instant_of_a_report_after_a_step_is_dated_anew_and_none_before_it() -> None:
    clock, noticed_at = stepped(HOUR)
    seen_at = Instant(noticed_at + SECOND)
    said = asyncio.run(dated(report(seen_at), clock))
    assert isinstance(said, Report)
    at, before = seen_at + HOUR, seen_at - HOUR
    assert said.observed_until == at
    assert [each.at for each in said.departed] == [at]
    assert [each.at for each in said.observations] == [before, at]
    assert [each.at for each in said.events] == [before, at]
    assert said.clock_offset_us == SECOND - HOUR, "the source's clock is no longer ahead"


def test_after_a_step_back_nothing_is_dated_before_it() -> None:
    clock, noticed_at = stepped(-10 * MINUTE)
    said = asyncio.run(dated(report(Instant(noticed_at + SECOND)), clock))
    assert isinstance(said, Report)
    assert said.observed_until == noticed_at


def test_a_clock_that_never_stepped_changes_nothing() -> None:
    hand = Hand()
    clock = BelievedClock(hand)
    said, failure = report(hand.wall), SourceFailure(source="vc1", reason="x", message="", retry_in_us=1)
    resume = Resume(observed_until=hand.wall)
    assert asyncio.run(dated(said, clock)) is said
    assert resumed(resume, clock) is resume
    assert asyncio.run(dated(failure, stepped(HOUR)[0])) is failure


def test_a_watch_that_begins_after_a_step_knows_by_its_own_time_what_was_recorded() -> None:
    clock, noticed_at = stepped(HOUR)
    on_record, before = clock.on_record(Instant(noticed_at + SECOND)), Instant(noticed_at - SECOND)
    resume = resumed(
        Resume(
            observed_until=on_record,
            out_of_contact={U1: before},
            known_events=frozenset({KnownEvent("1", "x", on_record), KnownEvent("2", "x", before)}),
        ),
        clock,
    )
    assert resume.observed_until == noticed_at + SECOND
    assert resume.out_of_contact == {U1: before}
    assert resume.known_events == {
        KnownEvent("1", "x", Instant(noticed_at + SECOND)),
        KnownEvent("2", "x", before),
    }
