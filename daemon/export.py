"""The ledger as JSON Lines that prove themselves (`spec/evidence.md`, Proof): writing them, and checking what was written.

A line that an export leaves out shows as an `omitted` one, so that the chain still verifies.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.ledger import Chained
from sla.chain import ChainBrokenError, Link, digest_of, exported, link_of, omitted, verified_head
from sla.instants import Instant, parse_instant
from sla.records import ClientId

Read = Callable[[int, int], Awaitable[Sequence[Chained]]]
"""At most so many records that follow a sequence number: `Ledger.read`."""

_AT_ONCE: Final = 250
"""How many records are looked at before the loop goes on with other work."""

_OBSERVATION: Final = '{"kind":"observation",'


class ExportError(Exception):
    """The export cannot be made, or does not prove what it says; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an export shows.

    `client`: only what concerns one client, and what the witnesses saw as a whole. `since`, `until`: only observations in
    `[since, until)` and the last one before it of each leg of each server by each witness; all other records.
    """

    client: ClientId | None = None
    since: Instant | None = None
    until: Instant | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Wanted()


async def export(read: Read, wanted: Wanted) -> AsyncIterator[str]:
    """The lines of an export, without newlines, as the ledger is when it begins.

    Raises ExportError for a client that the ledger does not know.
    """
    if wanted.everything:
        async for row in _rows(read):
            yield exported(row.body, row.seq, row.chain)
        return
    selection = _Selection(wanted=wanted)
    last = 0
    async for row in _rows(read):
        selection.learn(row)
        last = row.seq
    if wanted.client is not None and not selection.client_known:
        raise ExportError(f"The ledger knows no client {wanted.client!r}.")
    async for row in _rows(read):
        if row.seq > last:
            return
        if selection.shows(row):
            yield exported(row.body, row.seq, row.chain)
        else:
            yield omitted(digest_of(row.body), row.seq, row.chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What an export proves: its first and last link, and the record whose chain value was looked for (None: no record)."""

    first: Link
    head: Link
    found: int | None


def proven(name: str, lines: Iterable[str], *, looked_for: bytes | None = None) -> Proven:
    """Check that the lines of an export follow from one another; `name` is what messages call the file.

    Raises ExportError.
    """
    first: Link | None = None
    found: int | None = None

    def links() -> Iterator[Link]:
        nonlocal first, found
        for number, line in enumerate(lines, 1):
            link = link_of(line.rstrip("\r\n"))
            if link is None:
                raise ExportError(f"{name}:{number}: the line carries no proof (seq and chain)")
            first = first or link
            found = link.seq if link.chain == looked_for else found
            yield link

    try:
        head = verified_head(links())
    except ChainBrokenError as error:
        raise ExportError(f"{name}: {error}") from error
    if first is None or head is None:
        raise ExportError(f"{name}: it has no line")
    return Proven(first=first, head=head, found=found)


async def _rows(read: Read) -> AsyncIterator[Chained]:
    seq = 0
    while rows := await read(seq, _AT_ONCE):
        for row in rows:
            yield row
        seq = rows[-1].seq


@dataclass(slots=True, kw_only=True)
class _Selection:
    """Which records an export shows: learnt from all of them first, since what a server belongs to can come later."""

    wanted: Wanted
    client_known: bool = False
    servers: set[str] = field(default_factory=set)
    solutions: set[str] = field(default_factory=set)
    exclusions: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    held: dict[tuple[str, ...], tuple[Instant, int]] = field(default_factory=dict)

    def learn(self, row: Chained) -> None:
        """Take in a record, in order."""
        if row.body.startswith(_OBSERVATION):
            if self.wanted.since is not None:
                self._learn_observation(row, self.wanted.since)
            return
        record = json.loads(row.body)
        client = self.wanted.client
        match record["kind"]:
            case "client":
                self.client_known |= record["id"] == client
            case "server" if record["client"] == client:
                self.servers.add(record["id"])
                self.solutions.add(record.get("solution") or record["id"])
            case "exclusion" if self._covers(record):
                self.exclusions.add(record["id"])
            case "service_request" if record["client"] == client:
                self.requests.add(record["id"])

    def shows(self, row: Chained) -> bool:
        """Whether the export shows a record, once all are learnt."""
        record = json.loads(row.body)
        if self.wanted.client is not None and not self._concerns(record, self.wanted.client):
            return False
        if record["kind"] != "observation":
            return True
        at = parse_instant(record["at"])
        if self.wanted.until is not None and at >= self.wanted.until:
            return False
        if self.wanted.since is None or at >= self.wanted.since:
            return True
        return self.held[_key(record)] == (at, row.seq)

    def _learn_observation(self, row: Chained, since: Instant) -> None:
        record = json.loads(row.body)
        at, key = parse_instant(record["at"]), _key(record)
        if at < since and (key not in self.held or at >= self.held[key][0]):
            self.held[key] = at, row.seq

    def _concerns(self, record: Mapping[str, Any], client: ClientId) -> bool:
        match record["kind"]:
            case "blind" | "observed_until":
                return True
            case "observation" | "event":
                return record.get("server") in self.servers
            case "server" | "client":
                return record["id"] in (self.servers if record["kind"] == "server" else {client})
            case "contract":
                return record.get("client") in (None, client)
            case "exclusion":
                return record["id"] in self.exclusions or self._covers(record)
            case "exclusion_ended" | "exclusion_withdrawn":
                return record["id"] in self.exclusions
            case "service_request_responded" | "service_request_closed":
                return record["id"] in self.requests
            case "proposal":
                return self.servers.issuperset(record["servers"])
            case _:
                return bool(record["client"] == client)
