"""What is recorded only when it is confirmed, for it may be a slip: what lies far from now, and what would turn back how a
running solution stands, or what an exclusion excludes.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from daemon.records.naming import name_of
from daemon.records.views import BookView
from sla.announcement import concerned
from sla.book import Book, Declared, SolutionKey, key_of
from sla.chronic import Chronic, Stage
from sla.evidence import instants_of
from sla.instants import DAY, Instant, format_instant
from sla.lifecycle import Deadline, DeadlineKind
from sla.records import CancellationNotice, ExclusionWithdrawn, Lifecycle, Withdrawn
from sla.requests import Outcome

FAR: Final = 731 * DAY
"""What is further from now than two years, back or ahead, is asked about: nothing is planned or disputed so long."""

_YEAR: Final = 365 * DAY
_UNDER_WAY: Final = frozenset(Stage) - {Stage.CLEAR, Stage.AT_RISK}


def far_off(name: str, at: Instant, now: Instant) -> Iterator[str]:
    """What gives pause about an instant: that it is years away."""
    if abs(at - now) > FAR:
        years, where = abs(at - now) // _YEAR, "ahead" if at > now else "back"
        yield f"{name}, {format_instant(at)}, is {years} years {where}"


def questions(book: Book, record: Declared) -> Iterator[str]:
    """What gives pause about a record that the book does not hold yet, in sentences."""
    for name, at in instants_of(record):
        yield from far_off(name, at, record.recorded_at)
    match record:
        case ExclusionWithdrawn():
            yield from _counting_again(book, record)
        case Withdrawn():
            yield from _turned_back(book, record, key_of(book.withdrawable[record.what, record.id]))
        case CancellationNotice() | Lifecycle():
            yield from _turned_back(book, record, key_of(record))
        case _:
            pass  # a request only documents more, and its response and its end change no solution


def _counting_again(book: Book, record: ExclusionWithdrawn) -> Iterator[str]:
    """The service time that an exclusion covered so far."""
    now = record.recorded_at
    window = next(window for window in book.windows(now) if window.id == record.id)
    end = min(window.end, now)
    if window.start < end and any(
        part.start < end and window.start < part.end
        for server in concerned(book, window.record)
        for part in book.servers[server].parts(now)
    ):
        yield f"{record.id} began at {format_instant(window.start)}: the service time in it would count again"


def _turned_back(book: Book, record: Declared, key: SolutionKey) -> Iterator[str]:
    """How a solution stands that would stand otherwise with the record."""
    name = name_of(book, key[0]) or key[0]
    judgements = [
        BookView(each, record.recorded_at).judgement(key[1]) for each in (book, book.supposing(record))
    ]
    before, after = (judgement.solution(key) for judgement in judgements)
    if before is None or after is None:
        return
    if before.accepted_from is not None and (
        after.accepted_from is None or after.accepted_from > before.accepted_from
    ):
        yield (
            f"{name} is accepted from {format_instant(before.accepted_from)} on: it would be"
            f" {'so no more' if after.accepted_from is None else f'only from {format_instant(after.accepted_from)} on'}"
        )
    yield from _process("observed", name, before.observed, after.observed)
    yield from _process("documented", name, before.documented, after.documented)
    kept = {each.start for each in after.interruptions if each.documented_at is not None}
    for each in before.interruptions:
        if each.documented_at is not None and each.start not in kept:
            yield f"the interruption of {format_instant(each.start)} is documented: it would be so no more"
    yield from _promises(name, *(judgement.deadlines(key) for judgement in judgements))


def _process(basis: str, name: str, before: Chronic, after: Chronic) -> Iterator[str]:
    """The chronic-outage process, unless it is not under way, stays, or goes on by a notice."""
    goes_on = before.notice_given_at is None and after.notice_given_at is not None
    stays = (before.stage, before.notice_given_at) == (after.stage, after.notice_given_at)
    if before.stage in _UNDER_WAY and not goes_on and not stays:
        yield f"{name}, as {basis}, is {_told(before)}: it would be {_told(after)}"


def _told(chronic: Chronic) -> str:
    stage = chronic.stage.value.replace("_", " ")
    notice = chronic.notice_given_at
    return stage if notice is None else f"{stage} by the notice of {format_instant(notice)}"


def _promises(name: str, before: Iterable[Deadline], after: Iterable[Deadline]) -> Iterator[str]:
    """The deadlines that were met or missed and would be otherwise, unless they would be met."""
    read = {(row.deadline, row.due_at): row.outcome for row in after}
    for row in before:
        outcome = read.get((row.deadline, row.due_at))
        if (
            row.deadline is not DeadlineKind.ACCEPTANCE
            and row.outcome is not Outcome.PENDING
            and outcome not in (row.outcome, Outcome.MET)
        ):
            yield (
                f"{row.deadline.value.replace('_', ' ')} of {name}, due {format_instant(row.due_at)}, is"
                f" {row.outcome.value}: it would be {'no deadline' if outcome is None else outcome.value}"
            )
