"""What is proposed of an outage: the exclusion that its cause grants, as far as it is not excluded already (`spec/causes.md`).

Nothing is excluded by a proposal. An outage has at most one that waits to be decided. What a person decided stays decided: it
is proposed again only on another ground, under another id.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sla.book import Book
from sla.causes import PROPOSES
from sla.exclusions import weeks_around
from sla.instants import Instant
from sla.outages import Run
from sla.pages import ProposalPages
from sla.records import Category, Cause, CauseKind, ClientId, Decision, Proposal, ProposalDecided, ServerId
from sla.spans import Spans, difference, union
from sla.statement import ClientRules

OTHER_CAUSE: Final = "the outage has another cause now"
NO_OUTAGE: Final = "there was no such outage, by what is known now"
EXCLUDED: Final = "all of its time is excluded otherwise"


class Ground(NamedTuple):
    """What a proposal rests on. How sure a cause is, and what proves it, is no other ground."""

    cause: CauseKind
    user: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """An outage as far as proposals ask.

    `left`: the time of it that is not excluded, so far; empty where all is. `known`: the proposals for it, each with the
    ground that it rests on, in the order in which they were made.
    """

    server: ServerId
    end: Instant | None
    cause: Cause | None
    left: Spans
    known: Sequence[tuple[ProposalPages, Ground | None]] = ()


def due(
    matter: Matter, *, now: Instant, by: str, new_id: Callable[[], str]
) -> Iterator[Proposal | ProposalDecided]:
    """What is to be put on record of an outage's proposals; nothing where all of it is.

    One that waits lapses where its ground is gone or no time is left, and is said again, with the same id, where it is
    another in time or words.
    """
    cause, ground = matter.cause, None if matter.cause is None else ground_of(matter.cause)
    category = None if cause is None else PROPOSES.get(cause.cause)
    for pages, rests_on in matter.known:
        if pages.decided is not None:
            continue
        if cause is None or category is None or rests_on != ground:
            yield lapsed(pages.record, OTHER_CAUSE, now=now, by=by)
        elif not matter.left:
            yield lapsed(pages.record, EXCLUDED, now=now, by=by)
        else:
            said = pages.record
            again = _proposal(matter, cause, category, id_=said.id, now=now, by=by)
            if replace(said, recorded_at=now, extra=()) != again:
                yield again
            return
    if cause is None or category is None or not matter.left or _is_decided(matter, ground):
        return
    yield _proposal(matter, cause, category, id_=new_id(), now=now, by=by)


def ground_of(cause: Cause) -> Ground:
    """What rests on a cause."""
    return Ground(cause.cause, cause.user)


def known_of(book: Book, server: ServerId, start: Instant) -> list[tuple[ProposalPages, Ground | None]]:
    """The proposals for the outage of a server that began at `start`, each with what it rests on. Others' name several servers."""
    return [
        (pages, None if cause is None else ground_of(cause))
        for pages in book.proposals_of.get(server, ())
        if pages.record.servers == (server,)
        and pages.record.start >= start
        and book.outage_of(pages.record) == start
        for cause in [book.cause(server, start, pages.record.recorded_at)]
    ]


def not_excluded(
    book: Book,
    server: ServerId,
    run: Run,
    until: Instant,
    rules_of: Callable[[ClientId], ClientRules | None],
    as_of: Instant,
) -> Spans:
    """The time of an outage up to `until` that is not excluded, maintenance as far as it is eligible (spec §4).

    `rules_of`: what a client is judged by; None for one that is not on record.
    """
    end = until if run.end is None else min(run.end, until)
    parts = [part for part in book.servers[server].parts(as_of) if part.start < end and run.start < part.end]
    excluded: list[Spans] = []
    for client in dict.fromkeys(part.client for part in parts):
        rules = rules_of(client)
        if rules is not None:
            own = [part for part in parts if part.client == client]
            weeks = weeks_around(rules.calendar, run.start, end)
            excluded.append(rules.exclusions.excluded(server, own, *weeks).total)
    return difference(((run.start, end),), union(*excluded))


def lapsed(proposal: Proposal, why: str, *, now: Instant, by: str) -> ProposalDecided:
    """The end of a proposal that nobody decides any more."""
    return ProposalDecided(
        id=proposal.id,
        decision=Decision.LAPSED,
        exclusion=None,
        why=why,
        recorded_at=now,
        recorded_by=by,
    )


def _is_decided(matter: Matter, ground: Ground | None) -> bool:
    """Whether somebody decided on the same ground before."""
    return any(
        rests_on == ground and pages.decided is not None and pages.decided.decision is not Decision.LAPSED
        for pages, rests_on in matter.known
    )


def _proposal(
    matter: Matter, cause: Cause, category: Category, *, id_: str, now: Instant, by: str
) -> Proposal:
    """From the first time that is left to the last; open while the outage lasts."""
    return Proposal(
        id=id_,
        category=category,
        start=matter.left[0][0],
        end=None if matter.end is None else matter.left[-1][1],
        servers=(matter.server,),
        because=cause.because,
        text=cause.text,
        recorded_at=now,
        recorded_by=by,
    )
