"""The monthly statement of one client as JSON (`spec/statement.md`): the rows of `sla.document`, and what is told beside them.

It is made of evidence and of an `Imprint` alone: the same bytes wherever both are the same.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from sla.accounts import OutageAccount, ServerAccount, ServerDay, account_of
from sla.calendars import format_day
from sla.chronic import Stage
from sla.document import (
    Json,
    deadline_row,
    instant,
    interruption_row,
    ratio,
    request_row,
    seconds,
    server_row,
    solution_row,
)
from sla.exclusions import IneligibleReason
from sla.instants import FOREVER, Instant
from sla.interruptions import overlaps
from sla.owners import own_name
from sla.pages import RequestPages, known
from sla.records import ClientId, ServerId
from sla.requests import Outcome, Response
from sla.spans import Span, length
from sla.statement import ClientRules, Judgement, ServerMonth, SolutionState, Statement, WindowShare
from sla.terms import Terms, format_terms
from sla.texts import printable_json

_TOLD_TERMS: Final = {"availability": None, "chronic_outages": None, "support": ("time_zone",)}
"""The terms that a reader needs: whole tables, or some of their keys."""


class NoDocumentError(ValueError):
    """There is nothing that a document could be about; the message says why, for people."""


class MonthVerdict(Enum):
    """How a server's month ended, in the order in which servers are listed."""

    MISSED = "missed"
    EITHER = "either"
    """Not conclusive (spec §5.4): it could be judged either way."""
    MET = "met"
    NOTHING = "nothing"
    """No time was judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHead:
    """The last record of a ledger that a document rests on; `head` is its chain value."""

    ledger: str
    seq: int
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """What a document says of itself, and no evidence of a figure tells."""

    provider: str = ""
    address: tuple[str, ...] = ()
    ledgers: tuple[LedgerHead, ...] = ()
    """Verified; none for evidence that has no proof, or was not held against it."""
    time_zones: str
    """The release of the time-zone data."""
    version: int | None = None
    """None: it is not issued."""


def client_document(judgement: Judgement, client: ClientId, imprint: Imprint) -> str:
    """The document's bytes: one line of JSON in which every character shows, and a newline.

    Raises NoDocumentError for a client that is not on record at `as_of`, and for a month that has not begun for it by then.
    """
    rules = judgement.rules(client)
    if rules is None:
        raise NoDocumentError(f"There is no client {client!r} on record at {instant(judgement.as_of)}.")
    if judgement.as_of <= rules.month[0]:
        raise NoDocumentError(
            f"{judgement.month} has not begun for client {client!r} at {instant(judgement.as_of)}."
        )
    statement = _with_own_names(judgement, client)
    whole: Json = {"statement": _head(judgement, rules, imprint)}
    if statement.servers:
        whole |= _parts(judgement, rules, statement)
    else:
        whole["summary"] = {"servers": 0}
    return _encoded(whole)


def with_provider(document: str, provider: str, address: Sequence[str]) -> str:
    """A document that is another provider's, and else the same bytes."""
    whole = json.loads(document)
    whole["statement"]["provider"] = _provider(provider, address)
    return _encoded(whole)


def corrected_by(version: int) -> int | None:
    """The version that another one takes the place of; None: it is the first."""
    return version - 1 if version > 1 else None


def _with_own_names(judgement: Judgement, client: ClientId) -> Statement:
    """The statement of a client, in which a server has the name that it had with him: another's name for it is another's."""
    statement = judgement.statement((client,))
    rows = (
        replace(row, name=own_name(judgement.book, row.id, client, judgement.as_of) or row.id)
        for row in statement.servers
    )
    return replace(statement, servers=tuple(rows))


def verdict_of(met: bool | None, conclusive: bool | None) -> MonthVerdict:
    """How a month is judged, where it can be judged one way only."""
    match met, conclusive:
        case None, _:
            return MonthVerdict.NOTHING
        case _, False:
            return MonthVerdict.EITHER
        case _:
            return MonthVerdict.MET if met else MonthVerdict.MISSED


def _head(judgement: Judgement, rules: ClientRules, imprint: Imprint) -> Json:
    start, end = rules.month
    return {
        "client": rules.client.id,
        "name": rules.client.name,
        "timezone": rules.client.timezone,
        "month": str(judgement.month),
        "from": instant(start),
        "until": instant(end),
        "as_of": instant(judgement.as_of),
        "version": imprint.version,
        "corrects": None if imprint.version is None else corrected_by(imprint.version),
        "provisional": judgement.as_of < end,
        "provider": _provider(imprint.provider, imprint.address),
        "ledgers": [
            {"ledger": each.ledger, "seq": each.seq, "head": each.head.hex()} for each in imprint.ledgers
        ],
        "time_zones": imprint.time_zones,
        "terms": _terms(rules.terms),
    }


def _encoded(whole: Json) -> str:
    return printable_json(json.dumps(whole, ensure_ascii=False, allow_nan=False)) + "\n"


def _provider(name: str, address: Sequence[str]) -> Json:
    return {"name": name, "address": address}


def _terms(terms: Terms) -> Json:
    tables = json.loads(format_terms(terms))
    return {
        name: tables[name] if keys is None else {key: tables[name][key] for key in keys}
        for name, keys in _TOLD_TERMS.items()
    }


def _parts(judgement: Judgement, rules: ClientRules, statement: Statement) -> Json:
    accounts = {row.id: account_of(judgement, row) for row in statement.servers}
    rows = sorted(statement.servers, key=_rank)
    requests = [
        (response, pages)
        for response in statement.service_requests
        for pages in [judgement.book.requests[response.id]]
        if _was_open(pages.record.opened_at, _closed_at(pages, judgement.as_of), rules.month)
    ]
    interruptions = list(_interruptions(statement.solutions, rules.month))
    return {
        "summary": _summary(rows, statement, interruptions, requests),
        "servers": [{**server_row(row), "days": list(map(_day_row, accounts[row.id].days))} for row in rows],
        "outages": list(_outage_rows(rows, accounts)),
        "exclusions": list(_exclusion_rows(accounts)),
        "interruptions": interruptions,
        "solutions": [solution_row(each) for each in statement.solutions],
        "service_requests": [_request_row(*each, judgement.as_of) for each in requests],
        "deadlines": [
            {**deadline_row(each), "since": instant(each.since), "done_at": instant(each.done_at)}
            for each in statement.deadlines
            if _was_open(each.since, each.done_at, rules.month)
        ],
    }


def _rank(row: ServerMonth) -> tuple[object, ...]:
    """The order of `spec/statement.md` §3: by how it ended, by availability from below, by name."""
    availability = row.figures.availability()
    verdicts = list(MonthVerdict)
    return verdicts.index(_verdict(row)), availability is None, availability or 0, row.name, row.id


def _verdict(row: ServerMonth) -> MonthVerdict:
    return verdict_of(row.figures.met, row.figures.conclusive)


def _summary(
    rows: Sequence[ServerMonth],
    statement: Statement,
    interruptions: Collection[Json],
    requests: Iterable[tuple[Response, RequestPages]],
) -> Json:
    verdicts = [_verdict(row) for row in rows]
    judged = [row for row in rows if row.figures.availability() is not None]
    worst = min(judged, key=lambda row: (row.figures.availability(), row.name, row.id), default=None)
    outcomes = [response.response for response, _ in requests]
    return {
        "servers": len(rows),
        **{verdict.value: verdicts.count(verdict) for verdict in MonthVerdict},
        **{
            key: seconds(sum(getattr(row.figures, key) for row in rows))
            for key in ("service", "down", "excluded", "unobserved")
        },
        "worst": None
        if worst is None
        else {
            "server": worst.id,
            "name": worst.name,
            "availability": ratio(worst.figures.availability()),
        },
        "interruptions": len(interruptions),
        "qualified": sum(each["qualified_at"] is not None for each in interruptions),
        "stages": [
            {
                "solution": each.id,
                "observed": each.observed.stage.value,
                "documented": each.documented.stage.value,
            }
            for each in statement.solutions
            if {each.observed.stage, each.documented.stage} != {Stage.CLEAR}
        ],
        "service_requests": {outcome.value: outcomes.count(outcome) for outcome in Outcome},
    }


def _day_row(day: ServerDay) -> Json:
    return {
        "date": format_day(day.day),
        "state": day.state.value,
        "down": seconds(day.down),
        "excluded": seconds(day.excluded),
        "unobserved": seconds(day.unobserved),
    }


def _outage_rows(rows: Iterable[ServerMonth], accounts: Mapping[ServerId, ServerAccount]) -> Iterator[Json]:
    """In order of time; those that began together by the servers' names."""
    told = [(each.start, row.name, row.id, each) for row in rows for each in accounts[row.id].outages]
    for _, name, server, outage in sorted(told, key=lambda each: each[:3]):
        yield {
            "server": server,
            "name": name,
            "start": instant(outage.start),
            "end": instant(outage.end),
            "down": seconds(outage.down),
            "excluded": seconds(sum(time for _, time in outage.excluded)),
            "legs": [leg.value for leg in outage.legs],
            "reasons": list(outage.reasons),
            "cause": _cause_row(outage),
            "incident": (outage.cause.incident or None) if outage.cause is not None else None,
            "excluded_by": [
                {"exclusion": window.id, "category": window.category.value, "seconds": seconds(time)}
                for window, time in outage.excluded
            ],
        }


def _cause_row(outage: OutageAccount) -> Json | None:
    """Without the user and the text: those may tell of the provider's insides."""
    cause = outage.cause
    return None if cause is None else {"cause": cause.cause.value, "confidence": cause.confidence.value}


def _exclusion_rows(accounts: Mapping[ServerId, ServerAccount]) -> Iterator[Json]:
    """Those that covered a server while it was in service in the month, in order of time."""
    shares: dict[str, list[tuple[str, WindowShare]]] = {}
    for server, account in sorted(accounts.items()):
        for share in account.exclusions:
            shares.setdefault(share.window.id, []).append((server, share))
    for those in sorted(shares.values(), key=lambda those: (those[0][1].window.start, those[0][1].window.id)):
        window = those[0][1].window
        yield {
            "exclusion": window.id,
            "category": window.category.value,
            "reference": window.record.reference,
            "announced_at": instant(window.record.announced_at),
            "from": instant(window.start),
            "until": None if window.end == FOREVER else instant(window.end),
            "servers": [server for server, _ in those],
            "excluded": seconds(sum(length(share.eligible) for _, share in those)),
            "refused": [
                {"reason": reason.value, "seconds": seconds(time)}
                for reason in IneligibleReason
                for time in [_refused(reason, (share for _, share in those))]
                if time
            ],
        }


def _refused(reason: IneligibleReason, shares: Iterable[WindowShare]) -> int:
    return sum(length(part.spans) for share in shares for part in share.ineligible if part.reason is reason)


def _interruptions(solutions: Iterable[SolutionState], month: Span) -> Iterator[Json]:
    for solution in solutions:
        for each in solution.interruptions:
            if overlaps(each, *month):
                yield {"solution": solution.id, **interruption_row(each)}


def _request_row(response: Response, pages: RequestPages, as_of: Instant) -> Json:
    record = pages.record
    return {
        **request_row(response),
        "solution": record.solution,
        "channel": record.channel.value,
        "opened_at": instant(record.opened_at),
        "responded_at": instant(min((each.at for each in known(pages.responses, as_of)), default=None)),
        "closed_at": instant(_closed_at(pages, as_of)),
    }


def _closed_at(pages: RequestPages, as_of: Instant) -> Instant | None:
    return min((each.at for each in known(pages.closed, as_of)), default=None)


def _was_open(since: Instant, closed_at: Instant | None, month: Span) -> bool:
    """Whether what began and was closed was open at any time of a month."""
    return since < month[1] and (closed_at is None or closed_at >= month[0])
