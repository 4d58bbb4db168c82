"""What answers say of what was put on record: a receipt for each kind."""

from typing import Any, NamedTuple, assert_never

from daemon.records.idempotency import Draft
from daemon.records.link_views import link_receipt
from daemon.records.links import ClientLinks
from daemon.records.month_effects import month_effects
from daemon.records.views import BookView, cause_keys, exclusion_keys, notice_keys, step_keys
from daemon.records.windows import exclusions_in, maintenance_receipt, series_receipt
from daemon.replies.causes import CauseReceipt
from daemon.replies.common import WithdrawalReceipt
from daemon.replies.exclusions import EndReceipt, ExclusionReceipt, MonthEffect
from daemon.replies.proposals import DecisionReceipt
from daemon.replies.requests import RequestReceipt
from daemon.replies.solutions import NoticeReceipt, StepReceipt
from daemon.replies.statements import issue_receipt
from sla.book import Book, OfSolution, key_of
from sla.exclusions import MAINTENANCE
from sla.records import (
    CancellationNotice,
    Cause,
    Exclusion,
    ExclusionEnded,
    ExclusionWithdrawn,
    Issued,
    Lifecycle,
    ProposalDecided,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    Withdrawn,
)


class RecordResult(NamedTuple):
    """What a request put on record, who asked for it, and the number of its first record (None: it was only supposed)."""

    draft: Draft
    by: str
    seq: int | None
    replayed: bool = False


async def receipt_of(book: Book, links: ClientLinks, outcome: RecordResult) -> bytes:
    """A receipt as JSON; a dry run's tells what it would be."""
    records = outcome.draft.records
    if outcome.draft.link is not None:
        return link_receipt(links, outcome.draft.name, outcome.draft.link, outcome.seq, outcome.by).as_json()
    record = records[-1]  # all are of a kind, but for a decision, which comes last
    known = book if outcome.seq is not None else book.supposing(*records)
    views = BookView(known, record.recorded_at)
    common = _common(outcome)
    match record:
        case Exclusion() if outcome.draft.series is not None:
            windows = outcome.draft.windows()
            return await series_receipt(views, outcome.draft.series, windows, common)
        case Exclusion() if record.category in MAINTENANCE:
            return await maintenance_receipt(views, exclusions_in(records), common)
        case Exclusion():
            keys = exclusion_keys(exclusions_in(records))
            return ExclusionReceipt(**common, **keys, effects=await _effects(book, outcome)).as_json()
        case ProposalDecided():
            return DecisionReceipt(
                **common | {"id": record.id},
                decision=record.decision,
                why=record.why,
                exclusion=None if outcome.seq is None else record.exclusion,
                effects=await _effects(book, outcome),
            ).as_json()
        case ExclusionEnded():
            return EndReceipt(**common, at=record.at).as_json()
        case ExclusionWithdrawn() | Withdrawn():
            return WithdrawalReceipt(**common, why=record.why).as_json()
        case ServiceRequest() | ServiceRequestResponded() | ServiceRequestClosed():
            keys = views.request_keys(known.requests[record.id])
            return RequestReceipt(**common, **keys).as_json()
        case CancellationNotice():
            return NoticeReceipt(**common, **notice_keys(record), **views.chronic(record)).as_json()
        case Lifecycle():
            return StepReceipt(
                **common, **step_keys(record), deadlines=views.deadlines(key_of(record))
            ).as_json()
        case Issued():
            return issue_receipt(record, common, issued=True).as_json()
        case Cause():
            return CauseReceipt(**common, **cause_keys(known, record)).as_json()
        case _:
            assert_never(record)


async def _effects(book: Book, outcome: RecordResult) -> tuple[MonthEffect, ...]:
    """What exclusions that were only supposed would change; of recorded ones nothing is told."""
    exclusions = exclusions_in(outcome.draft.records)
    return () if outcome.seq is not None else await month_effects(book, exclusions)


def _common(outcome: RecordResult) -> dict[str, Any]:
    """What all answers to a recording say; an id that was only supposed is no id."""
    record, seq = outcome.draft.records[0], outcome.seq
    made = isinstance(record, Exclusion | OfSolution)
    return {
        "id": None if made and seq is None else outcome.draft.name,
        "dry_run": seq is None,
        "recorded_at": None if seq is None else record.recorded_at,
        "recorded_by": None if seq is None else outcome.by,
        "seq": seq,
    }
