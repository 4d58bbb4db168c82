"""The life of a solution: its deadlines and its acceptance (spec §9)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from sla.calendars import BusinessTime
from sla.instants import Instant
from sla.records import ClientId, Lifecycle, LifecycleEvent, SolutionId
from sla.requests import Outcome, outcome
from sla.terms import LifecycleDays


class Acceptance(Enum):
    """How the acceptance of a solution stands (spec §9.6)."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    PROBLEM = "problem"


class DeadlineKind(Enum):
    """What a deadline is for, in the order in which they are shown."""

    PROVISIONING = "provisioning"
    ACCEPTANCE = "acceptance"
    DATA_RETURN = "data_return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A deadline of a solution at `as_of`."""

    client: ClientId
    solution: SolutionId
    deadline: DeadlineKind
    due_at: Instant
    outcome: Outcome | Acceptance
    is_open: bool
    """What it is for has not happened yet, in time or late. Of acceptance: no problem stands in its way."""
    since: Instant
    """When what is promised was asked for, or the activation of an acceptance."""
    done_at: Instant | None
    """When that was done, in time or late, or the acceptance deemed; None while neither has happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """The newest activation, and what came of it."""

    activated_at: Instant
    due_at: Instant
    outcome: Acceptance


_BEFORE_ACTIVATION = (LifecycleEvent.ORDER_ACCEPTED, LifecycleEvent.PROVISIONED, LifecycleEvent.ACTIVATED)


def accepted_from(
    records: Sequence[Lifecycle],
    *,
    service_from: Instant,
    business: BusinessTime,
    terms: LifecycleDays,
    as_of: Instant,
) -> Instant | None:
    """The instant from which a solution is accepted, None while it is not (spec §9.4).

    `records` are those known at `as_of`, in the order of lines; `service_from` is where the service of its first
    server starts.
    """
    if not any(record.event in _BEFORE_ACTIVATION for record in records):
        return service_from
    trial = _trial(records, business, terms, as_of)
    if trial is None or trial.outcome is not Acceptance.ACCEPTED:
        return None
    return trial.activated_at


def deadlines_of(
    records: Sequence[Lifecycle], *, business: BusinessTime, terms: LifecycleDays, as_of: Instant
) -> Iterator[Deadline]:
    """The deadlines of one solution, sorted by what they are for, then time (spec §9.1, §9.2, §9.5)."""
    if not records:
        return
    client, solution = records[0].client, records[0].solution

    def promised(
        kind: DeadlineKind, asked: LifecycleEvent, done: LifecycleEvent, days: int
    ) -> Iterator[Deadline]:
        for since, due_at, done_at in _promises(records, asked, done, days, business):
            yield Deadline(
                client=client,
                solution=solution,
                deadline=kind,
                due_at=due_at,
                outcome=outcome(due_at, done_at, as_of),
                is_open=done_at is None,
                since=since,
                done_at=done_at,
            )

    yield from promised(
        DeadlineKind.PROVISIONING,
        LifecycleEvent.ORDER_ACCEPTED,
        LifecycleEvent.PROVISIONED,
        terms.provisioning_days,
    )
    trial = _trial(records, business, terms, as_of)
    if trial is not None:
        yield Deadline(
            client=client,
            solution=solution,
            deadline=DeadlineKind.ACCEPTANCE,
            due_at=trial.due_at,
            outcome=trial.outcome,
            is_open=trial.outcome is Acceptance.PENDING,
            since=trial.activated_at,
            done_at=trial.due_at if trial.outcome is Acceptance.ACCEPTED else None,
        )
    yield from promised(
        DeadlineKind.DATA_RETURN,
        LifecycleEvent.DATA_REQUESTED,
        LifecycleEvent.DATA_RETURNED,
        terms.data_return_days,
    )


def first_open(deadlines: Iterable[Deadline]) -> tuple[Deadline, ...]:
    """Of each kind of deadline the open one that is due first: of those due at one instant the first given."""
    first: dict[DeadlineKind, Deadline] = {}
    for deadline in deadlines:
        before = first.get(deadline.deadline)
        if deadline.is_open and (before is None or deadline.due_at < before.due_at):
            first[deadline.deadline] = deadline
    return tuple(first.values())


def _promises(
    records: Sequence[Lifecycle],
    asked: LifecycleEvent,
    done: LifecycleEvent,
    days: int,
    business: BusinessTime,
) -> Iterator[tuple[Instant, Instant, Instant | None]]:
    """For each request when it was made, the end of its last day, and the first answer at or after it, if any came."""
    answers = sorted(record.at for record in records if record.event is done)
    for asked_at in sorted(record.at for record in records if record.event is asked):
        answered_at = next((at for at in answers if at >= asked_at), None)
        yield asked_at, business.end_of_day_after(asked_at, days), answered_at


def _trial(
    records: Sequence[Lifecycle], business: BusinessTime, terms: LifecycleDays, as_of: Instant
) -> _Trial | None:
    """Spec §9.2, §9.3: of events at one instant the one on the later line is later."""
    in_order = sorted(records, key=lambda record: record.at)
    activated = [place for place, record in enumerate(in_order) if record.event is LifecycleEvent.ACTIVATED]
    if not activated:
        return None
    place = activated[0]
    while True:
        activated_at = in_order[place].at
        due_at = business.end_of_day_after(activated_at, terms.acceptance_days)
        problem = _first(in_order, LifecycleEvent.PROBLEM_REPORTED, place)
        if problem is None or in_order[problem].at > due_at:
            state = Acceptance.ACCEPTED if as_of >= due_at else Acceptance.PENDING
            return _Trial(activated_at=activated_at, due_at=due_at, outcome=state)
        fixed = _first(in_order, LifecycleEvent.PROBLEM_FIXED, problem)
        if fixed is None:
            return _Trial(activated_at=activated_at, due_at=due_at, outcome=Acceptance.PROBLEM)
        place = fixed


def _first(records: Sequence[Lifecycle], event: LifecycleEvent, after: int) -> int | None:
    """The place of the first such event after a place."""
    return next((p for p in range(after + 1, len(records)) if records[p].event is event), None)
