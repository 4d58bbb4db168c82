"""What of the evidence is one shard's: that of its own clients, and what is everybody's.

The store gives a shard the lines of its clients and those that name none (`daemon.hub.session`). Of the latter some are others' all the
same: those of several clients, of what was defined for another client, and of servers that moved. What is left is as the exports of
all its clients together would show it (spec evidence.md, Proof), by which their figures are the same.
"""

from dataclasses import replace

from daemon.config.hub import Shard
from sla.book import Book
from sla.instants import Instant
from sla.records import (
    Cause,
    Event,
    Exclusion,
    ExclusionEnded,
    ExclusionWithdrawn,
    Observation,
    Proposal,
    ProposalDecided,
    Record,
    Server,
    ServiceRequestClosed,
    ServiceRequestResponded,
    Withdrawn,
)


class OwnShare:
    """Judges record after record, by a book that holds those before."""

    def __init__(self, shard: Shard, book: Book) -> None:
        self._shard = shard
        self._book = book

    def of(self, record: Record) -> Record | None:
        """The record as the shard's book is to take it; None for one of others."""
        if isinstance(record, Server):
            return record if self._shard.has(record.client) else self._end_of(record)
        return record if self._concerns(record) else None

    def _concerns(self, record: Record) -> bool:
        book = self._book
        match record:
            case Observation() | Cause():
                return record.server in book.servers
            case Event():
                return record.server is None or record.server in book.servers
            case Exclusion():
                return record.is_of_all or self._is_within(record)
            case ExclusionEnded() | ExclusionWithdrawn():
                return record.id in book.exclusions
            case ServiceRequestResponded() | ServiceRequestClosed():
                return record.id in book.requests
            case Withdrawn():
                return (record.what, record.id) in book.withdrawable
            case Proposal():
                return any(server in book.servers for server in record.servers)
            case ProposalDecided():
                return record.id in book.proposals
            case _:
                return True

    def _is_within(self, record: Exclusion) -> bool:
        """Whether an exclusion's scope may have somebody of the shard in it (spec §4.2)."""
        return (
            any(map(self._shard.has, record.clients))
            or any(server in self._book.servers for server in record.servers)
            or any(solution in self._book.clients_of for solution in record.solutions)
        )

    def _end_of(self, record: Server) -> Server | None:
        """Of old a move was one record, the new owner's: here it ends what the monitor said of the owner before."""
        pages = self._book.servers.get(record.id)
        told = () if pages is None else pages.records
        own = next((each for each in reversed(told) if each.observer == record.observer), None)
        if own is None or (own.in_service_until or record.in_service_from + 1) <= record.in_service_from:
            return None
        end = max(record.in_service_from, own.in_service_from + 1)
        return replace(own, in_service_until=Instant(end), recorded_at=record.recorded_at)
