"""A statement that a client can read: what was measured, what was excluded and why, each outage, the verdict and why."""

from collections.abc import Iterator
from typing import Final

from daemon.readable import duration, percent
from daemon.timezones import time_zone_release
from sla.availability import Figures
from sla.calendars import Calendar
from sla.chronic import Chronic, Stage
from sla.exclusions import IneligibleReason
from sla.instants import FOREVER, Instant, format_instant
from sla.records import ClientId, Confidence
from sla.spans import length
from sla.statement import Judgement, ServerMonth, SolutionState, Statement, WindowShare
from sla.terms import Basis, Unobserved
from sla.texts import printable

_REASONS: Final = {
    IneligibleReason.LATE_NOTICE: "notice came too late",
    IneligibleReason.OUTSIDE_BAND: "outside of the agreed hours",
    IneligibleReason.OVER_WEEKLY_CAP: "more than the agreed time a week",
}
_SURE: Final = {Confidence.PROVED: " (proved)", Confidence.LIKELY: " (likely)", Confidence.NONE: ""}
_BASES: Final = {
    Basis.AGREED: "excluded time is no service time",
    Basis.SERVICE: "excluded time counts as available",
}
_READINGS: Final = {
    Unobserved.EXCLUDE: "unobserved time is left out",
    Unobserved.UP: "unobserved time counts as up",
    Unobserved.DOWN: "unobserved time counts as down",
}
_STAGES: Final = {
    Stage.CLEAR: "clear",
    Stage.AT_RISK: "at risk: one more interruption makes it chronic",
    Stage.CHRONIC: "chronic: the client may give notice of intent to cancel",
    Stage.LAPSED: "lapsed: it was chronic, and no notice came in time",
    Stage.RESOLUTION: "resolution: notice was given, the provider has time to resolve it",
    Stage.EVALUATION: "evaluation: whether it is resolved is being counted",
    Stage.UNRESOLVED: "unresolved: the client may cancel without penalty",
    Stage.RESOLVED: "resolved",
}


def statement_text(judgement: Judgement, client: ClientId | None = None) -> str:
    """The statement of all clients, or of one. Ratios are rounded down (spec §1.3)."""
    return "".join(f"{printable(line)}\n" for line in _lines(judgement, judgement.statement(client)))


def _lines(judgement: Judgement, statement: Statement) -> Iterator[str]:
    yield f"Statement of service for {statement.month}"
    yield f"as known at {format_instant(statement.as_of)}; time zones of release {time_zone_release()}"
    clients = sorted({row.client for row in statement.servers} | {row.client for row in statement.solutions})
    for client in clients:
        yield from _client_lines(judgement, statement, client)
    if statement.service_requests:
        yield from ("", "Service requests")
    for request in statement.service_requests:
        yield (
            f"  {request.id}: {request.response.value}; due {format_instant(request.due_at)}, "
            f"{duration(request.elapsed_business)} of business time passed"
        )
    if statement.deadlines:
        yield from ("", "Deadlines")
    for deadline in statement.deadlines:
        yield (
            f"  {deadline.solution} ({deadline.client}), {deadline.deadline.value}: {deadline.outcome.value}; "
            f"due {format_instant(deadline.due_at)}"
        )


def _client_lines(judgement: Judgement, statement: Statement, client: ClientId) -> Iterator[str]:
    rules = judgement.rules(client)
    assert rules is not None, "a client with rows has a record"
    terms = rules.terms.availability
    yield ""
    yield f"Client {rules.client.name} ({client}), times in {rules.client.timezone}"
    yield f"  {_BASES[terms.basis]}; {_READINGS[terms.unobserved]}"
    for server in statement.servers:
        if server.client == client:
            yield from _server_lines(judgement, server, rules.calendar)
    for solution in statement.solutions:
        if solution.client == client:
            yield from _solution_lines(solution, rules.calendar)


def _server_lines(judgement: Judgement, row: ServerMonth, calendar: Calendar) -> Iterator[str]:
    figures = row.figures
    yield ""
    yield f"  Virtual server {row.name} ({row.id})" + (f", solution {row.solution}" if row.solution else "")
    yield f"    availability  {percent(figures.availability())}, target {percent(figures.terms.target)}: {_verdict(figures)}"
    yield f"    bounds        {percent(figures.availability_low)} to {percent(figures.availability_high)}, {_bounds(figures)}"
    yield f"    measured      {_measured(figures)}"
    yield (
        f"    budget        {duration(figures.budget)} down in the month, {duration(figures.budget_left)} left; "
        f"best possible {percent(figures.best_possible)}"
    )
    legs = ", ".join(f"{leg.value} {duration(time)}" for leg, time in figures.down_by_leg.items())
    yield f"    down by leg   {legs or 'no leg is watched'}"
    for share in judgement.windows(row.id, row.client):
        yield from _window_lines(share, calendar)
    for outage in judgement.outages(row.id, row.client):
        lasted = duration(outage.end - outage.start)
        names = ", ".join(leg.value for leg in outage.legs)
        cause = judgement.book.cause_at(row.id, outage.start, judgement.as_of)
        why = "" if cause is None else f"; {cause.cause.value.replace('_', ' ')}{_SURE[cause.confidence]}"
        yield f"    outage        {_span(outage.start, outage.end, calendar)}: {lasted}, {names}{why}"


def _verdict(figures: Figures) -> str:
    match figures.met:
        case None:
            return "nothing to judge"
        case True:
            return "met"
        case False:
            return "not met"


def _bounds(figures: Figures) -> str:
    match figures.conclusive:
        case None:
            return "nothing to judge"
        case True:
            return "the verdict holds whatever happened in unobserved and disputed time"
        case False:
            return "the verdict could be another one had all time been observed"


def _measured(figures: Figures) -> str:
    text = (
        f"{duration(figures.service)} of service, {duration(figures.excluded)} excluded: "
        f"up {duration(figures.up)}, down {duration(figures.down)}, unobserved {duration(figures.unobserved)}"
    )
    return f"{text}; {duration(figures.disputed)} of up disputed" if figures.disputed else text


def _window_lines(share: WindowShare, calendar: Calendar) -> Iterator[str]:
    window = share.window
    refused = sum(length(part.spans) for part in share.ineligible)
    kept = f"{duration(share.time - refused)} of {duration(share.time)}" if refused else duration(share.time)
    category = window.category.value.replace("_", " ")
    end = None if window.end == FOREVER else window.end
    yield f"    exclusion     {window.id}, {category}, {_span(window.start, end, calendar)}: {kept} excluded"
    for part in share.ineligible:
        yield f"                  {duration(length(part.spans))} not excluded: {_REASONS[part.reason]}"


def _solution_lines(row: SolutionState, calendar: Calendar) -> Iterator[str]:
    accepted = (
        "not accepted yet"
        if row.accepted_from is None
        else f"accepted from {calendar.local_text(row.accepted_from)}"
    )
    yield ""
    yield f"  Solution {row.id}, {accepted}"
    for each in row.interruptions:
        notes = [f"{duration(each.counted)} counted"]
        if each.qualified_at is not None:
            notes.append(f"qualifying from {calendar.local_text(each.qualified_at)}")
        if each.documented_at is not None:
            notes.append(f"documented from {calendar.local_text(each.documented_at)}")
        yield f"    interruption  {_span(each.start, each.end, calendar)}: {', '.join(notes)}"
    yield from _chronic_lines("observed", row.observed, calendar)
    yield from _chronic_lines("documented", row.documented, calendar)


def _chronic_lines(basis: str, chronic: Chronic, calendar: Calendar) -> Iterator[str]:
    yield f"    {basis:<13} {chronic.count} in the window; {_STAGES[chronic.stage]}"
    moments = (
        ("chronic at", chronic.chronic_at),
        ("notice until", chronic.notice_closes_at),
        ("notice given", chronic.notice_given_at),
        ("resolution until", chronic.resolution_until),
        ("evaluation until", chronic.evaluation_until),
    )
    told = [f"{name} {calendar.local_text(at)}" for name, at in moments if at is not None]
    if told:
        yield " " * 18 + "; ".join(told)
    if chronic.evaluation_until is not None:
        yield " " * 18 + f"{chronic.evaluation_count} in the evaluation period"


def _span(start: Instant, end: Instant | None, calendar: Calendar) -> str:
    until = "no end yet" if end is None else calendar.local_text(end)
    return f"{calendar.local_text(start)} to {until}"
