"""The ledger as JSON Lines that prove themselves (`spec/evidence.md`, Proof): writing them, and checking what was written.

A line that an export leaves out shows as an `omitted` one, so that the chain still verifies.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.evidence.files import EvidenceError, EvidenceSource, lines_of, proof_on
from daemon.ledger import Chained
from sla import chain
from sla.chain import ChainBrokenError, Link, verified_head
from sla.instants import Instant, parse_instant
from sla.records import ClientId

ReadSlice = Callable[[int, int], Awaitable[Sequence[Chained]]]
"""At most so many records that follow a sequence number: `Ledger.read`."""

_AT_ONCE: Final = 250
"""How many records are looked at before the loop goes on with other work."""

_OBSERVATION: Final = '{"kind":"observation",'


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

    `client`: only what concerns one client, and when the witnesses saw. `since`, `until`: of observations only those in
    `[since, until)`, and the last one before for each leg of each server and each witness; all other records. What is left
    out is an `omitted` line. Raises ExportError for a client that the ledger does not know, before the first line.
    """
    if client is None and since is None and until is None:
        async for row in _rows(read):
            yield chain.exported(row.body, row.seq, row.chain)
        return
    selection = _Selection(client=client, since=since, until=until)
    last = 0
    async for row in _rows(read):
        selection.learn(row)
        last = row.seq
    if client is not None and not selection.client_known:
        raise ExportError(f"The ledger knows no client {client!r}.")
    async for row in _rows(read):
        if row.seq > last:
            return
        if selection.shows(row):
            yield chain.exported(row.body, row.seq, row.chain)
        else:
            yield chain.omitted(chain.digest_of(row.body), row.seq, row.chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What an export proves: its first and last link, and the records whose chain values were looked for and are there."""

    first: Link
    head: Link
    found: Mapping[bytes, int]


def proven(
    source: EvidenceSource, *, looked_for: Collection[bytes] = (), progress: Callable[[int], None]
) -> Proven:
    """Check that the lines of an export follow from one another, and look for chain values that were a head once.

    `progress` is told the number of each line. Raises EvidenceError.
    """
    first: Link | None = None
    found: dict[bytes, int] = {}

    def links() -> Iterator[Link]:
        nonlocal first
        for number, line in enumerate(lines_of(source.stream), 1):
            link = proof_on(line, source, number)
            first = first or link
            if link.chain in looked_for:
                found[link.chain] = link.seq
            progress(number)
            yield link

    try:
        head = verified_head(links())
    except ChainBrokenError as error:
        raise EvidenceError([f"{source.name}: {error}"]) from error
    if first is None or head is None:
        raise EvidenceError([f"{source.name}: holds no record, so there is no chain to verify"])
    return Proven(first=first, head=head, found=found)


async def _rows(read: ReadSlice) -> AsyncIterator[Chained]:
    seq = 0
    while rows := await read(seq, _AT_ONCE):
        for row in rows:
            yield row
        seq = rows[-1].seq


@dataclass(slots=True, kw_only=True)
class _Selection:
    """Which records an export shows: learnt from all of them first, since whose a server is can come later.

    Of a server that was the client's once, every record and observation is shown: its parts (spec §3.2) rest on them.
    """

    client: ClientId | None
    since: Instant | None
    until: Instant | None
    client_known: bool = False
    servers: set[str] = field(default_factory=set)
    solutions: set[str] = field(default_factory=set)
    exclusions: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    held: dict[tuple[str, ...], tuple[Instant, int]] = field(default_factory=dict)

    def learn(self, row: Chained) -> None:
        """Take in a record, in order."""
        if row.body.startswith(_OBSERVATION):
            if self.since is not None:
                self._learn_observation(row, self.since)
            return
        record = json.loads(row.body)
        client = self.client
        match record["kind"]:
            case "client":
                self.client_known |= record["id"] == client
            case "server" if record["client"] == client:
                self.servers.add(record["id"])
                self.solutions.add(record.get("solution") or record["id"])
            case "service_request" if record["client"] == client:
                self.requests.add(record["id"])

    def shows(self, row: Chained) -> bool:
        """Whether the export shows a record, once all are learnt."""
        record = json.loads(row.body)
        if self.client is not None and not self._concerns(record, self.client):
            return False
        if record["kind"] != "observation":
            return True
        at = parse_instant(record["at"])
        if self.until is not None and at >= self.until:
            return False
        if self.since is None or at >= self.since:
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
                if self._covers(record):
                    self.exclusions.add(record["id"])
                return record["id"] in self.exclusions
            case "exclusion_ended" | "exclusion_withdrawn":
                return record["id"] in self.exclusions
            case "service_request_responded" | "service_request_closed":
                return record["id"] in self.requests
            case "proposal":
                return self.servers.issuperset(record["servers"])
            case _:
                return bool(record["client"] == client)

    def _covers(self, exclusion: Mapping[str, Any]) -> bool:
        """Whether an exclusion's scope (spec §4.2) has anything of the client's in it."""
        clients, solutions, servers = (exclusion.get(key, []) for key in ("clients", "solutions", "servers"))
        return (
            not (clients or solutions or servers)
            or self.client in clients
            or not self.solutions.isdisjoint(solutions)
            or not self.servers.isdisjoint(servers)
            or not self.servers.isdisjoint(solutions)
        )


def _key(observation: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(observation[key] for key in ("observer", "source", "server", "leg"))
