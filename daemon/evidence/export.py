"""The ledger as JSON Lines that prove themselves (`spec/evidence.md`, Proof): writing them, and checking what was written.

A line that an export leaves out shows as an `omitted` one, so that the chain still verifies.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from daemon.evidence.disclosure import Disclosure, said_in
from daemon.evidence.files import EvidenceError, EvidenceSource, lines_of, proof_on
from daemon.ledger import Chained
from sla import chain
from sla.chain import ChainBrokenError, Link, verified_heads
from sla.instants import BEGINNING, FOREVER, Instant, parse_instant
from sla.reader import EvidenceReader
from sla.records import ClientId, ServerId
from sla.spans import Spans, clipped

ReadSlice = Callable[[int, int], Awaitable[Sequence[Chained]]]
"""At most so many records that follow a place: `ReadableLedger.read`."""

_AT_ONCE: Final = 250
"""How many records are looked at before the loop goes on with other work."""

_OBSERVATION: Final = '{"kind":"observation",'
_LEFT_OUT: Final = b'{"kind":"omitted"}'


class ExportError(Exception):
    """The export cannot be made; the message says why."""


async def exported(
    read: ReadSlice,
    *,
    client: ClientId | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
) -> AsyncIterator[str]:
    """The lines of an export, without newlines, up to the ledger's newest record.

    `client`: only what is one client's own (`daemon.evidence.disclosure`), and when the witnesses saw. `since`, `until`: of
    observations only those in `[since, until)`, and the last one before for each leg of each server and each witness; all
    other records. What is left out is an `omitted` line. Raises ExportError for a client that the ledger does not know,
    before the first line.
    """
    if client is None and since is None and until is None:
        async for row in _rows(read):
            yield chain.exported(row.body, row.seq, row.chain, row.ledger)
        return
    disclosure, last = None, None
    if client is not None:
        disclosure = Disclosure(client)
        last = await _learnt(_rows(read), disclosure.learn)
        if not disclosure.is_known:
            raise ExportError(f"The ledger knows no client {client!r}.")
    sightings = _Sightings(
        since=BEGINNING if since is None else since,
        until=FOREVER if until is None else until,
        disclosure=disclosure,
    )
    last = await _learnt(_rows(read, last), sightings.learn)
    selection = _Selection(sightings, disclosure)
    async for salted in _by_salt(_rows(read, last)):
        for record, is_shown in zip(salted, selection.shown(salted), strict=True):
            seq, body, value, ledger, _ = record.row
            if is_shown:
                yield chain.exported(body, seq, value, ledger)
            else:
                yield chain.omitted(chain.digest_of(body), seq, value, ledger)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What an export proves, by ledger: its first link and its head; and the links whose chain values were looked for."""

    first: Mapping[str, Link]
    head: Mapping[str, Link]
    found: Mapping[bytes, Link]


def proven(
    source: EvidenceSource, *, looked_for: Collection[bytes] = (), progress: Callable[[int], None]
) -> Proven:
    """Check that the lines of an export follow from one another, and look for chain values that were a head once.

    `progress` is told the number of each line. Raises EvidenceError.
    """
    first: dict[str, Link] = {}
    found: dict[bytes, Link] = {}

    def links() -> Iterator[Link]:
        for number, line in enumerate(lines_of(source), 1):
            link = proof_on(line, source, number)
            first.setdefault(link.ledger, link)
            if link.chain in looked_for:
                found[link.chain] = link
            progress(number)
            yield link

    try:
        heads = verified_heads(links())
    except ChainBrokenError as error:
        raise EvidenceError([f"{source.name}: {error}"]) from error
    if not heads:
        raise EvidenceError([f"{source.name}: holds no record, so there is no chain to verify"])
    return Proven(first=first, head=heads, found=found)


async def _rows(read: ReadSlice, last: int | None = None) -> AsyncIterator[Chained]:
    """All records, or those up to place `last`."""
    place = 0
    while rows := await read(place, _AT_ONCE):
        for row in rows:
            if last is not None and row.place > last:
                return
            yield row
        place = rows[-1].place


async def _learnt(rows: AsyncIterator[Chained], learn: Callable[[Chained], None]) -> int:
    """The place of the last record, once all are learnt."""
    last = 0
    async for row in rows:
        learn(row)
        last = row.place
    return last


class _Salted(NamedTuple):
    """A record, and what it says."""

    row: Chained
    said: Mapping[str, Any]


async def _by_salt(rows: AsyncIterator[Chained]) -> AsyncIterator[list[_Salted]]:
    """The records, together those that share a salt: of old all of one transaction did."""
    together: list[_Salted] = []
    async for row in rows:
        record = _Salted(row, said_in(row))
        if together and record.said.get("salt") != together[0].said.get("salt"):
            yield together
            together = []
        together.append(record)
    if together:
        yield together


class _Sightings:
    """Which observations are shown: those in the wanted time, and what held when it began."""

    def __init__(self, *, since: Instant, until: Instant, disclosure: Disclosure | None) -> None:
        """Of a client's export that time is, of each server, while it was the client's."""
        self._since, self._until, self._disclosure = since, until, disclosure
        self._wanted = cache(self._wanted_of)
        self._held: dict[tuple[object, ...], tuple[Instant, int]] = {}
        """What was said last before a wanted time, by who said it of what, and when that time begins."""

    def learn(self, row: Chained) -> None:
        """Take in a record, in order."""
        if not row.body.startswith(_OBSERVATION):
            return
        said = said_in(row)
        at = parse_instant(said["at"])
        for start, _ in self._wanted(said["server"]):
            if at < start:
                held = (*_track(said), start)
                self._held[held] = max(self._held.get(held, (at, row.place)), (at, row.place))

    def shows(self, place: int, said: Mapping[str, Any]) -> bool:
        """Whether an observation is shown, once all are learnt."""
        at = parse_instant(said["at"])
        return any(
            start <= at < end or self._held.get((*_track(said), start)) == (at, place)
            for start, end in self._wanted(said["server"])
        )

    def _wanted_of(self, server: ServerId) -> Spans:
        if self._disclosure is None:
            return ((self._since, self._until),)
        parts = self._disclosure.parts_of(server) or ()
        return clipped(tuple((part.start, part.end) for part in parts), self._since, self._until)


def _track(observation: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(observation[key] for key in ("observer", "source", "server", "leg"))


class _Selection:
    """Which records are shown. What a client is shown can be read by itself: all that it refers to is shown before it."""

    def __init__(self, sightings: _Sightings, disclosure: Disclosure | None) -> None:
        self._sightings = sightings
        self._disclosure = disclosure
        self._reader = EvidenceReader()
        self._reader.read(_LEFT_OUT)

    def shown(self, salted: Sequence[_Salted]) -> list[bool]:
        """The same for each of the records that share a salt: one that is shown would help to guess those that are not."""
        wanted = [self._is_wanted(record) for record in salted]
        if self._disclosure is None or (all(wanted) and self._can_be_read(salted)):
            return wanted
        return [False] * len(salted)

    def _is_wanted(self, record: _Salted) -> bool:
        said = record.said
        if self._disclosure is not None and not self._disclosure.shows(said):
            return False
        return said["kind"] != "observation" or self._sightings.shows(record.row.place, said)

    def _can_be_read(self, salted: Sequence[_Salted]) -> bool:
        # Nothing speaks of an observation, and it may speak of a server that was left out.
        others = (record.row.body for record in salted if record.said["kind"] != "observation")
        if all(self._reader.admit(body.encode()) is None for body in others):
            self._reader.keep()
            return True
        self._reader.take_back()
        return False
