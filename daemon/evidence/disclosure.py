"""What the export of one client shows, and what it leaves out (`spec/evidence.md`, Proof).

A record is shown whole or not at all, and only where each of its keys is known here and tells nothing of anybody else:
what is new, or another tool's, is left out until it has a place in `KEYS`. So is what was recorded in an older way, and
tells more: several clients in one exclusion, a move in one record, a reason with its details, a name, a request's key.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import cache
from typing import Any, Final

from daemon.ledger import Chained, LedgerDamagedError
from sla.book import Book
from sla.evidence import decoded
from sla.instants import FOREVER
from sla.owners import is_own
from sla.reasons import PlainReason
from sla.records import ClientId, Exclusion, ObserverRetired, Server, ServerId
from sla.service import Part, joined, parts_of


class ShownKey(Enum):
    """How far a key may be shown in a record that is the client's own, or everybody's."""

    AS_IT_IS = "whatever it says"
    IF_PLAIN = "if it is a sentence of the short list"
    IF_A_ROLE = "if it names nobody"


ROLES: Final = frozenset({"", "slad", "provider"})
"""Who may stand in `recorded_by`."""

_OBSERVATION: Final = '{"kind":"observation",'
_PLAIN: Final = frozenset(map(str, PlainReason))
_AS_IT_IS, _IF_PLAIN, _IF_A_ROLE = ShownKey


def _keys(*names: str) -> dict[str, ShownKey]:
    return dict.fromkeys(("kind", *names, "salt"), _AS_IT_IS)


def _recorded(*names: str) -> dict[str, ShownKey]:
    return _keys(*names, "recorded_at") | {"recorded_by": _IF_A_ROLE}


KEYS: Final[Mapping[str, Mapping[str, ShownKey]]] = {
    # Of everybody: when witnesses saw, which monitor ended, and the terms for all.
    "blind": _keys("observer", "source", "from", "until", "legs") | {"reason": _IF_PLAIN},
    "observed_until": _keys("observer", "source", "at"),
    "observer_retired": _recorded("observer", "at"),
    "contract": _recorded("client", "effective_from", "terms"),
    # Of a server, while it is the client's.
    "observation": _keys("observer", "source", "server", "leg", "state", "at", "noticed_at")
    | {"reason": _IF_PLAIN},
    "server": _recorded(
        *("id", "name", "client", "solution", "in_service_from", "in_service_until", "legs", "observer"),
        *("provisional", "provisional_owner"),
    ),
    # Of one client, or of what is its own; what people wrote there, they wrote for it.
    "client": _recorded("id", "name", "timezone", "tech_admins"),
    "exclusion": _recorded(
        *("id", "category", "from", "until", "clients", "solutions", "servers", "announced_at", "reference")
    ),
    "exclusion_ended": _recorded("id", "at"),
    "exclusion_withdrawn": _recorded("id", "why"),
    "service_request": _recorded("id", "client", "solution", "opened_at", "opened_by", "channel"),
    "service_request_responded": _recorded("id", "at"),
    "service_request_closed": _recorded("id", "at"),
    "cancellation_notice": _recorded("id", "client", "solution", "given_at"),
    "lifecycle": _recorded("id", "client", "solution", "event", "at"),
    "withdrawn": _recorded("what", "id", "why"),
    "issued": _recorded("client", "month", "as_of", "version", "sha256"),
    # Of a server that was the client's, as far as it was written for the client.
    "event": _recorded("source", "key", "type", "at", "server", "user", "shown_to") | {"text": _IF_PLAIN},
    "cause": _recorded(
        *("server", "from", "cause", "confidence", "user", "because", "text", "incident", "shown_to")
    ),
}
"""Every key of every kind that a client may be shown. Others are the provider's own: proposals, and those events and causes that
tell more, such as what vCenter wrote, who of the provider did it, and on which host; no figure reads them."""


_BOUNDED: Final = {key for keys in KEYS.values() for key, shown in keys.items() if shown is not _AS_IT_IS}


def said_in(row: Chained) -> dict[str, Any]:
    """The record of a row. Raises LedgerDamagedError where it is none any more."""
    try:
        said = json.loads(row.body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "kind" not in said:
        raise LedgerDamagedError(
            f"The ledger is damaged: record {row.seq} is none. Stop slad: its next start says how to restore it."
        )
    return said


def is_plain(said: Mapping[str, Any]) -> bool:
    """Whether all keys of a record may be shown to whom it belongs."""
    keys = KEYS.get(said["kind"], {})
    return said.keys() <= keys.keys() and all(
        _may_say(keys[key], said[key]) for key in _BOUNDED & said.keys()
    )


def _may_say(shown: ShownKey, value: object) -> bool:
    match shown:
        case ShownKey.AS_IT_IS:
            return True
        case ShownKey.IF_PLAIN:
            return isinstance(value, str) and value in _PLAIN
        case ShownKey.IF_A_ROLE:
            return isinstance(value, str) and value in ROLES


class Disclosure:
    """What is one client's own: learnt from all records but observations, in their order, before any is shown."""

    def __init__(self, client: ClientId) -> None:
        self.is_known = False
        """Whether there is such a client."""
        self._client = client
        self._book = Book()
        """The servers, as far as they are learnt."""
        self._exclusions: set[str] = set()
        self._of_solutions: set[tuple[str, str | None]] = set()
        """Its records of a solution that may be withdrawn, by kind and id."""
        self.parts_of = cache(self._parts_of)

    def learn(self, row: Chained) -> None:
        """Take in a record."""
        if row.body.startswith(_OBSERVATION):
            return
        said = said_in(row)
        match said["kind"]:
            case "client":
                self.is_known |= said["id"] == self._client
            case "server" | "observer_retired":
                self._book.add(decoded(row.body))
            case "exclusion":
                record = decoded(row.body)
                assert isinstance(record, Exclusion)
                if is_own(self._book, record, self._client, FOREVER):
                    self._exclusions.add(record.id)
            case "service_request" | "cancellation_notice" | "lifecycle" if said["client"] == self._client:
                self._of_solutions.add((said["kind"], said.get("id")))

    def shows(self, said: Mapping[str, Any]) -> bool:
        """Whether a record is shown; of an observation only whether its server ever was the client's."""
        return said["kind"] in KEYS and self._concerns(said) and is_plain(said)

    def _concerns(self, said: Mapping[str, Any]) -> bool:
        match said["kind"]:
            case "blind" | "observed_until" | "observer_retired":
                return True
            case "client":
                return bool(said["id"] == self._client)
            case "contract":
                return said.get("client") in (None, self._client)
            case "observation":
                return bool(self.parts_of(said["server"]))
            case "event" | "cause":
                return said.get("shown_to") == self._client and bool(self.parts_of(said["server"]))
            case "server":
                return bool(said["client"] == self._client) and self.parts_of(said["id"]) is not None
            case "exclusion" | "exclusion_ended" | "exclusion_withdrawn":
                return said["id"] in self._exclusions
            case "service_request_responded" | "service_request_closed":
                return ("service_request", said["id"]) in self._of_solutions
            case "withdrawn":
                return (said["what"], said["id"]) in self._of_solutions
            case _:
                return bool(said["client"] == self._client)

    def _parts_of(self, server: ServerId) -> tuple[Part, ...] | None:
        """The client's parts of a server's service; None where its own records alone do not tell them.

        Of old a move was one record, the new owner's: without it the former client's part would have no end. And of
        monitors that disagree whose it is, one takes time of what another says.
        """
        told = self._book.servers[server].told if server in self._book.servers else ()
        own = [each for each in told if isinstance(each, ObserverRetired) or each.client == self._client]
        parts = self._own_parts(told)
        return parts if self._own_parts(own) == parts else None

    def _own_parts(self, records: Sequence[Server | ObserverRetired]) -> tuple[Part, ...]:
        own = (part for part in parts_of(records) if part.client == self._client)
        return joined(replace(part, moved_in=False) for part in own)
