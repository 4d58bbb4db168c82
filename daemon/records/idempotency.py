"""What people recorded, as later requests need to know of it: under which keys, and what is still open.

It is filled by the replay of the ledger and goes on record by record, each after its commit, by the task that commits.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sla.book import Declared
from sla.records import (
    Category,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Extra,
    Recorded,
)

_KEY: Final = "idempotency_key"
_REQUEST: Final = "request_sha256"


class NumberedRecord(NamedTuple):
    """A record and its number in the ledger."""

    seq: int
    record: Declared


class RequestIdentity(NamedTuple):
    """What makes a request one and the same: who sent it, under which key, and a digest of what it says."""

    by: str
    key: str
    digest: str

    @property
    def extra(self) -> Extra:
        """The keys under which a record keeps it: with it in the ledger, a crash loses nothing."""
        return ((_KEY, json.dumps(self.key)), (_REQUEST, json.dumps(self.digest)))


def digest_of(operation: str, said: Mapping[str, Any]) -> str:
    """What tells a request from another under the same key; the order of keys and white space aside."""
    text = json.dumps([operation, said], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class RecordedRequests:
    """Invariant: it knows what the ledger holds, and nothing else."""

    def __init__(self) -> None:
        """Of an empty ledger."""
        self._by_key: dict[tuple[str, str], tuple[str, NumberedRecord]] = {}
        self.open_client_changes: dict[ExclusionId, Exclusion] = {}

    def take(self, seq: int, record: Recorded) -> None:
        """The next record of the ledger."""
        match record:
            case Exclusion(category=Category.CLIENT_CHANGE, end=None):
                self.open_client_changes[record.id] = record
            case ExclusionEnded() | ExclusionWithdrawn():
                self.open_client_changes.pop(record.id, None)
            case _:
                pass
        if record.extra and isinstance(record, Declared):
            extra = dict(record.extra)
            if _KEY in extra and _REQUEST in extra:
                key, digest = json.loads(extra[_KEY]), json.loads(extra[_REQUEST])
                self._by_key[record.recorded_by, str(key)] = str(digest), NumberedRecord(seq, record)

    def recorded(self, asked: RequestIdentity) -> tuple[str, NumberedRecord] | None:
        """What was recorded under the key already, and the digest of the request that did it."""
        return self._by_key.get((asked.by, asked.key))
