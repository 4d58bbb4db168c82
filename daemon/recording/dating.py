"""What watches saw, by the time that is believed by now; and what is on record, by the watches' time.

The two differ once the wall clock was set (`daemon.believed_clock`).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from daemon.believed_clock import BelievedClock
from daemon.pacing import paced
from probes.report import Departed, Report, Resume, SourceEvent, SourceFailure
from sla.records import Observation

_Dated = TypeVar("_Dated", Observation, Departed, SourceEvent)


async def dated(said: Report | SourceFailure, clock: BelievedClock) -> Report | SourceFailure:
    """What a watch said, dated as it is to be recorded; made in slices, for it may say much."""
    if isinstance(said, SourceFailure) or not clock.has_stepped:
        return said
    until, offset_us = said.observed_until, said.clock_offset_us
    now = clock.watches.now()
    return replace(
        said,
        observed_until=None if until is None else clock.on_record(until),
        departed=await _dated(said.departed, clock),
        observations=await _dated(said.observations, clock),
        events=await _dated(said.events, clock),
        clock_offset_us=None if offset_us is None else offset_us + now - clock.on_record(now),
    )


def resumed(resume: Resume, clock: BelievedClock) -> Resume:
    """What the ledger remembers of a source, as its next watch knows the time."""
    if not clock.has_stepped:
        return resume
    until = resume.observed_until
    return replace(
        resume,
        observed_until=None if until is None else clock.as_watched(until),
        out_of_contact={server: clock.as_watched(at) for server, at in resume.out_of_contact.items()},
        known_events=frozenset(
            event._replace(at=clock.as_watched(event.at)) for event in resume.known_events
        ),
    )


async def _dated(items: Iterable[_Dated], clock: BelievedClock) -> tuple[_Dated, ...]:
    return tuple([replace(item, at=clock.on_record(item.at)) async for item in paced(items)])
