"""What people recorded, as later requests need to know of it: under which keys, by whom, as what, and what is still open.

Beside the records of a request stands an event of slad's own: it names whoever asked, and the records that were made as one.
A record itself says `provider`, for each is shown to its client (`spec/evidence.md`, Proof), and an event to nobody.

It is filled by the replay of the ledger and goes on record by record, each after its commit, by the task that commits.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final, NamedTuple, Self

from daemon.ledger import RequestKey
from daemon.records.links import ClientLinks, LinkChange, change_as_json, read_change
from daemon.servers.policy import RECORDED_BY
from sla.book import Declared
from sla.calendars import calendar_of
from sla.instants import Instant, format_instant
from sla.records import (
    Category,
    Cause,
    Event,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Proposal,
    Recorded,
    Withdrawn,
)
from sla.recurrence import Weekly, parse_weekly

_TYPE: Final = "slad.Recorded"
_RECORDS: Final = "records"
_SERIES: Final = "series"
_LINK: Final = "link"


class Series(NamedTuple):
    """How windows that recur were planned: by which rule and clock, and by which name people speak of each record's window."""

    every: Weekly
    timezone: str
    windows: Sequence[str]

    @classmethod
    def read(cls, said: object, records: int) -> Self | None:
        """As `as_json` wrote it, of so many records; None for what is something else."""
        match said:
            case {"every": every, "timezone": str(timezone), "windows": [*windows]} if len(
                windows
            ) == records and all(isinstance(each, str) for each in windows):
                try:
                    return cls(parse_weekly(every), calendar_of(timezone).zone, windows)
                except ValueError:
                    return None
            case _:
                return None

    def as_json(self) -> str:
        """The form in which it is kept."""
        return json.dumps(self._asdict() | {"every": str(self.every)}, separators=(",", ":"))


class Draft(NamedTuple):
    """What one request puts on record, one record for each client, and the name by which people speak of all of it.

    A change of a link is in the event of its request alone: it is no evidence.
    """

    name: str
    records: Sequence[Declared]
    series: Series | None = None
    """Of several windows: people speak of each by a name of its own."""
    document: bytes | None = None
    """Of a statement that is issued: its bytes, while it is not on record yet."""
    link: LinkChange | None = None

    @classmethod
    def of(cls, record: Declared) -> Self:
        """Of one record, which goes by its id."""
        return cls(_named(record)[1] or record.kind, (record,))

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return self.records[0].kind if self.records else "link"

    def windows(self) -> Mapping[str, Sequence[Exclusion]]:
        """Its exclusions, by the names by which people speak of them."""
        names = repeat(self.name) if self.series is None else self.series.windows
        windows: dict[str, list[Exclusion]] = {}
        for name, record in zip(names, self.records, strict=False):
            if isinstance(record, Exclusion):
                windows.setdefault(name, []).append(record)
        return windows


class NumberedDraft(NamedTuple):
    """What was put on record, and the number of its first record in the ledger; where it has none, of the event."""

    seq: int
    draft: Draft


class RequestIdentity(NamedTuple):
    """What makes a request one and the same: who sent it, under which key, and a digest of what it says."""

    by: str
    key: str
    digest: str


class AskedDraft(NamedTuple):
    """A draft, and the request that it was made for."""

    asked: RequestIdentity
    operation: str
    draft: Draft

    @property
    def key(self) -> RequestKey:
        """What is kept beside the records."""
        return RequestKey(self.asked.key, self.asked.digest)

    def numbered(self, seq: int) -> NumberedDraft:
        """The draft, whose event has a number; its records follow."""
        return NumberedDraft(seq + 1 if self.draft.records else seq, self.draft)

    def event(self, now: Instant) -> Event:
        """Who asked for which records; it goes before them."""
        names = json.dumps([_name(record) for record in self.draft.records], separators=(",", ":"))
        series, link = self.draft.series, self.draft.link
        return Event(
            source=RECORDED_BY,
            key=self.draft.name,
            type=_TYPE,
            at=now,
            server=None,
            user=self.asked.by,
            text=self.operation,
            recorded_at=now,
            recorded_by=RECORDED_BY,
            extra=(
                (_RECORDS, names),
                *([] if series is None else [(_SERIES, series.as_json())]),
                *([] if link is None else [(_LINK, change_as_json(link))]),
            ),
        )


def digest_of(operation: str, said: Mapping[str, Any]) -> str:
    """What tells a request from another under the same key; the order of keys and white space aside."""
    text = json.dumps([operation, said], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def says_who_asked(event: Event) -> bool:
    """Whether an event is the one that goes before the records of a request."""
    return (event.source, event.type) == (RECORDED_BY, _TYPE)


@dataclass(slots=True)
class _DraftUnderWay:
    """A request of which the records follow, one after the other."""

    event: Event
    key: RequestKey | None
    expected: list[Any]
    series: Series | None
    seq: int = 0
    records: list[Declared] = field(default_factory=list)


class RecordedRequests:
    """Invariant: it knows what the ledger holds, and nothing else."""

    def __init__(self, keys: Mapping[int, RequestKey] | None = None) -> None:
        """`keys`: those that the ledger keeps, by the number of the first record of each request."""
        self._keys = dict(keys or {})
        self._by_key: dict[tuple[str, str], tuple[str, NumberedDraft]] = {}
        self._who: dict[tuple[str, str | None], str] = {}
        self._under_way: _DraftUnderWay | None = None
        self.groups: dict[str, tuple[ExclusionId, ...]] = {}
        """The exclusions that were recorded as one, by the id under which they were."""
        self.recorded_as: dict[ExclusionId, str] = {}
        """The same the other way round."""
        self.self_ending: dict[ExclusionId, Exclusion] = {}
        """The open exclusions that end by themselves: client changes, and what proposals became."""
        self._proposals: set[str] = set()
        self.links = ClientLinks()

    def keep(self, seq: int, key: RequestKey) -> None:
        """The next records, from number `seq` on, are those of a request."""
        self._keys[seq] = key

    def take(self, seq: int, record: Recorded) -> None:
        """The next record of the ledger."""
        match record:
            case Event() if says_who_asked(record):
                self._begin(seq, record, self._keys.pop(seq, None))
                return
            case Proposal():
                self._proposals.add(record.id)
            case Exclusion(end=None) if (
                record.category is Category.CLIENT_CHANGE or record.reference in self._proposals
            ):
                self.self_ending[record.id] = record
            case ExclusionEnded() | ExclusionWithdrawn():
                self.self_ending.pop(record.id, None)
            case _:
                pass
        if isinstance(record, Declared):
            self._go_on(seq, record)

    def recorded(self, asked: RequestIdentity) -> tuple[str, NumberedDraft] | None:
        """What was recorded under the key already, and the digest of the request that did it."""
        return self._by_key.get((asked.by, asked.key))

    def group_of(self, exclusion: ExclusionId) -> tuple[ExclusionId, ...]:
        """All that were recorded as one with an exclusion, itself among them."""
        name = self.recorded_as.get(exclusion)
        return (exclusion,) if name is None else self.groups[name]

    def who(self, record: Declared) -> str:
        """Who recorded something: the name, as the provider's own answers show it."""
        return self._who.get(_named(record), record.recorded_by)

    def _begin(self, seq: int, event: Event, request_key: RequestKey | None) -> None:
        # In evidence that was imported they may be anything.
        names, series, link = (
            json.loads(dict(event.extra).get(key, "null")) for key in (_RECORDS, _SERIES, _LINK)
        )
        change = read_change(link)
        if change is not None:
            self._under_way = None
            self.links.take(event, change)
            if request_key is not None:
                changed = NumberedDraft(seq, Draft(event.key, (), link=change))
                self._remember(event.user, request_key, changed)
            return
        expected = names if isinstance(names, list) else []
        self._under_way = _DraftUnderWay(event, request_key, expected, Series.read(series, len(expected)))

    def _go_on(self, seq: int, record: Declared) -> None:
        """A record of the request that is under way; or one from when each stood alone, and kept its key itself."""
        request = self._under_way
        place = 0 if request is None else len(request.records)
        if request is None or request.expected[place : place + 1] != [_name(record)]:
            self._under_way = None
            key = self._keys.pop(seq, None)
            if key is not None:
                self._remember(record.recorded_by, key, NumberedDraft(seq, Draft.of(record)))
            return
        request.seq = request.seq or seq
        request.records.append(record)
        self._who[_named(record)] = request.event.user
        if len(request.records) == len(request.expected):
            self._end(request)

    def _end(self, request: _DraftUnderWay) -> None:
        self._under_way = None
        draft = Draft(request.event.key, tuple(request.records), request.series)
        if request.key is not None:
            self._remember(request.event.user, request.key, NumberedDraft(request.seq, draft))
        for name, exclusions in draft.windows().items():
            if len(exclusions) > 1:
                self.groups[name] = tuple(record.id for record in exclusions)
                self.recorded_as.update(dict.fromkeys(self.groups[name], name))

    def _remember(self, by: str, key: RequestKey, kept: NumberedDraft) -> None:
        self._by_key[by, key.key] = key.digest, kept


def _named(record: Declared) -> tuple[str, str | None]:
    match record:
        case Withdrawn():
            return f"{record.kind} {record.what}", record.id
        case Cause():
            return record.kind, f"{record.server} {format_instant(record.start)}"
        case _:
            return record.kind, record.id


def _name(record: Declared) -> list[str | None]:
    return list(_named(record))
