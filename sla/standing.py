"""How a server's month and a solution stand at an instant, what of it goes on by itself, and until when (spec §5 to §7).

What a `Judgement` says at `as_of` is given together with two instants: `since` which nothing about the server or solution
itself changed, and `until` which nothing will, unless there is new evidence. In between only the sights of its witnesses
decide how its time goes on, which `sla.accruals` adds up; so nobody has to judge it again at every instant.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sla.accruals import Attestation
from sla.availability import AgreedTime, Figures
from sla.book import SolutionKey
from sla.calendars import Day
from sla.exclusions import MAINTENANCE, NOTHING_EXCLUDED, Excluded, Ineligible, IneligibleReason, covered_by
from sla.instants import BEGINNING, FOREVER, Instant
from sla.interruptions import Interruption, service_of
from sla.lifecycle import Deadline
from sla.pages import ServerPages
from sla.records import Category, Leg, ServerId, State, Witness
from sla.service import Part
from sla.spans import Spans, clipped, covers, length
from sla.statement import ClientRules, Judgement, SolutionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What runs at `as_of` in a server's month with a client, whatever its state is.

    Neither `since` nor `until` lies beyond an edge of its service, of an exclusion, of the local week or of the month.
    """

    since: Instant
    until: Instant
    is_judged: bool
    """It is in service, and the time is not excluded."""
    excluded: Category | None
    """Under which category the time is booked."""
    ineligible: tuple[IneligibleReason, ...]
    """Why maintenance that runs is not excluded: a reason for each window."""
    maintenance_left: int
    """What is left of this local week's cap for windows that are not on record yet (spec §4.4c)."""
    maintenance_runs: bool
    """Inside of a maintenance window on record, eligible or not."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerStanding:
    """A server's month with the client that it belongs to at `as_of`, or belonged to last.

    Servers that stand alike, and of which nothing was said in the month, have one and the same.
    """

    figures: Figures
    ineligible: tuple[Ineligible, ...]
    moment: Moment
    attestation: Attestation
    since: Instant
    until: Instant
    is_shared: bool


_NOBODYS: Final[frozenset[Attestation]] = frozenset()
"""Of most solutions no down time counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionStanding:
    """A solution, and what is asked of it. `state` is None before a server of it was in service."""

    key: SolutionKey
    state: SolutionState | None
    deadlines: tuple[Deadline, ...]
    counting: frozenset[Attestation]
    """What is said of those of its servers whose down time counts."""
    since: Instant
    until: Instant

    @property
    def ongoing(self) -> Interruption | None:
        """The interruption that goes on."""
        return None if self.state is None else self.state.ongoing


@dataclass(frozen=True, slots=True, kw_only=True)
class _SolutionMember:
    """A server of a solution that was ever down. At `edges` its part in interruptions may be another."""

    attestation: Attestation
    counts: bool
    """Its time counts while it is down."""
    since: Instant
    edges: tuple[Instant, ...]


class Standings:
    """Where servers and solutions stand, by a judgement of the month that holds its `as_of` for their clients."""

    def __init__(self, judgement: Judgement) -> None:
        self.judgement = judgement
        self._book = judgement.book
        self._as_of = judgement.as_of
        self._moments: dict[AgreedTime, Moment] = {}
        self._alike: dict[tuple[AgreedTime, Attestation], ServerStanding] = {}

    def server(self, server: ServerId) -> ServerStanding | Instant:
        """How a server stands; where it has no month yet, the instant until which that holds."""
        pages = self._book.servers[server]
        parts = pages.parts(self._as_of)
        if len(parts) == 1 == len(pages.told):
            rules = self.judgement.rules(parts[0].client)
            if rules is not None:
                return self._of_one_part(server, pages, parts[0], rules)
        return self._of_parts(server, pages, parts)

    def _of_one_part(
        self, server: ServerId, pages: ServerPages, part: Part, rules: ClientRules
    ) -> ServerStanding | Instant:
        """How a server stands of which there is one record: most do, and most of those alike."""
        agreed_time = rules.agreed_time(server, (part,))
        attestation, since, until = self._attestation(pages, part, rules)
        began = agreed_time.service[0][0] if agreed_time.service else self._as_of
        if since > began or until != FOREVER or not agreed_time.service:
            return self._of_parts(server, pages, (part,))
        alike = self._alike.get((agreed_time, attestation))
        if alike is None:
            standing = self._of_parts(server, pages, (part,), is_shared=True)
            assert isinstance(standing, ServerStanding)
            alike = self._alike[agreed_time, attestation] = standing
        return alike

    def _of_parts(
        self, server: ServerId, pages: ServerPages, parts: Sequence[Part], *, is_shared: bool = False
    ) -> ServerStanding | Instant:
        present = owning(parts, self._as_of)
        rules = self.judgement.rules(present.client) if present is not None else None
        own = [part for part in parts if present is not None and part.client == present.client]
        rows = self.judgement.row(server, pages, rules, own) if rules is not None else []
        edges = _edges_of(pages, parts)
        if present is None or rules is None or not rows:
            return _first_after(self._as_of, edges)
        moment = self._moment(rules, server, own)
        attestation, since, until = self._attestation(pages, present, rules)
        return ServerStanding(
            figures=rows[0].figures,
            ineligible=rows[0].ineligible,
            moment=moment,
            attestation=attestation,
            since=max(since, moment.since),
            until=min(until, moment.until, _first_after(self._as_of, edges)),
            is_shared=is_shared,
        )

    def solution(self, key: SolutionKey) -> SolutionStanding:
        """How a solution stands."""
        as_of = self._as_of
        deadlines = tuple(self.judgement.deadlines(key))
        edges = [deadline.due_at for deadline in deadlines]
        for server in self._book.servers_of.get(key, ()):
            edges += self._book.servers[server].edges()
        state, members = None, []
        rules = self.judgement.rules(key[1])
        if rules is not None:
            edges.append(rules.calendar.day_start(Day(rules.calendar.day_of(as_of) + 1)))
            state = self.judgement.solution(key)
            members = [
                self._member(rules, server, of_client, parts)
                for server, of_client, parts in self.judgement.belonging(key)
                if self._book.servers[server].timeline.ever_down(rules.terms.availability.legs)
            ]
        since = max((member.since for member in members), default=BEGINNING)
        for member in members:
            edges += member.edges
        is_steady = since < as_of and as_of not in edges
        return SolutionStanding(
            key=key,
            state=state,
            deadlines=deadlines,
            counting=frozenset(member.attestation for member in members if member.counts) or _NOBODYS,
            since=since,
            until=_first_after(as_of, edges) if is_steady else as_of,
        )

    def _member(
        self, rules: ClientRules, server: ServerId, of_client: Sequence[Part], parts: Sequence[Part]
    ) -> "_SolutionMember":
        as_of, pages = self._as_of, self._book.servers[server]
        moment = self._moment(rules, server, of_client)
        attestation, since, until = self._attestation(pages, owning(parts, as_of) or parts[0], rules)
        ends = [at for part in of_client for at in (part.start, part.end)]
        since = max(since, moment.since, *(at for at in ends if at <= as_of))
        is_in = any(part.start <= as_of < part.end for part in parts)
        if is_in:
            since = self._came_true(pages, attestation, since)
        sights = (self._book.sights.of(witness).next_edge(leg, as_of) for leg, witness, _ in attestation.said)
        return _SolutionMember(
            attestation=attestation,
            counts=is_in and moment.is_judged and attestation.may_be_down,
            since=since,
            edges=(moment.until, until, *ends, *sights),
        )

    def _came_true(self, pages: ServerPages, attestation: Attestation, since: Instant) -> Instant:
        """From when on outages are as this attestation has it, held since an instant: somebody must have seen it by then.

        Where nobody has, or where who sees decides, that is `as_of`.
        """
        if attestation.is_disputed:
            return self._as_of
        if attestation.state is State.UNKNOWN:
            return since
        segments = pages.timeline.segments(attestation.legs, since, self._as_of)
        seen_at = next(
            (segment.start for segment in segments if segment.state is attestation.state), self._as_of
        )
        return Instant(min(seen_at + 1, self._as_of))

    def _moment(self, rules: ClientRules, server: ServerId, parts: Sequence[Part]) -> Moment:
        agreed_time = rules.agreed_time(server, parts)
        moment = self._moments.get(agreed_time)
        if moment is None:
            moment = self._moments[agreed_time] = _moment_of(rules, server, parts)
        return moment

    def _attestation(
        self, pages: ServerPages, part: Part, rules: ClientRules
    ) -> tuple[Attestation, Instant, Instant]:
        """What is said of a server of the legs considered at `as_of`, since when, and until when."""
        as_of = self._as_of
        stretches = part.legs(rules.terms.availability.legs, part.start, FOREVER)
        since, until, legs = next(each for each in stretches if as_of < each[1])
        said: list[tuple[Leg, Witness, State]] = []
        for leg in legs:
            for witness, track in pages.timeline.views(leg):
                said_since, state, said_until = track.around(as_of)
                since, until = max(since, said_since), min(until, said_until)
                if state is not State.UNKNOWN:
                    said.append((leg, witness, state))
        return Attestation(legs, tuple(said)), since, until


def owning(parts: Iterable[Part], at: Instant) -> Part | None:
    """The part that a server is in at an instant, or was in last; None before the first."""
    return max((part for part in parts if part.start <= at), key=lambda part: part.start, default=None)


def _edges_of(pages: ServerPages, parts: Iterable[Part]) -> Iterator[Instant]:
    """Where parts of a server's service begin and end, and when its records come to be known."""
    for part in parts:
        yield part.start
        yield part.end
    yield from pages.edges()


def _first_after(at: Instant, edges: Iterable[Instant]) -> Instant:
    return min((edge for edge in edges if edge > at), default=FOREVER)


def _moment_of(rules: ClientRules, server: ServerId, parts: Sequence[Part]) -> Moment:
    as_of = rules.as_of
    excluded = rules.excluded(server, parts)
    service = clipped(service_of(parts), *rules.month)
    week = rules.calendar.week_span(as_of)
    edges = [*rules.month, *week, *_ends(service)]
    windows = (
        [] if excluded is NOTHING_EXCLUDED else covered_by(rules.exclusions, server, parts, *rules.weeks)
    )
    for spans in _all_spans(excluded, windows):
        edges += _ends(spans)
    in_service = covers(service, as_of)
    drawn = clipped(rules.exclusions.drawn(excluded), *week)
    return Moment(
        since=max(edge for edge in edges if edge <= as_of),
        until=_first_after(as_of, edges),
        is_judged=in_service and not covers(excluded.total, as_of),
        excluded=_category_at(excluded, as_of),
        ineligible=tuple(part.reason for part in excluded.ineligible if covers(part.spans, as_of)),
        maintenance_left=rules.terms.scheduled_maintenance.max_per_week - length(drawn),
        maintenance_runs=any(
            window.category in MAINTENANCE and covers(spans, as_of) for window, spans in windows
        ),
    )


def _all_spans(excluded: Excluded, windows: Iterable[tuple[object, Spans]]) -> Iterator[Spans]:
    for _, spans in excluded.by_category:
        yield spans
    for part in excluded.ineligible:
        yield part.spans
    for _, spans in windows:
        yield spans


def _category_at(excluded: Excluded, at: Instant) -> Category | None:
    return next((category for category, spans in excluded.by_category if covers(spans, at)), None)


def _ends(spans: Spans) -> Iterator[Instant]:
    for start, end in spans:
        yield start
        yield end
