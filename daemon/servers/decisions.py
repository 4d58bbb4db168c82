"""What the rules decide of each server, and what holds while they cannot: what is not known is not "no".

While a rule waits for a fact, the owner before it stays, or that the server is ignored. A new server waits for `grace`
from when it is seen running, or until its state changes; from then on it is nobody's, provisionally.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.servers.policy import Owner
from daemon.servers.rules import Undecided
from sla.instants import Instant
from sla.records import ServerId


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A new server since when its owner is waited for, and from when its service will have been."""

    since: Instant
    service_from: Instant


class Decisions:
    """The servers of which it is not known whose they are."""

    def __init__(self) -> None:
        self._undecided: dict[ServerId, Undecided] = {}
        """What the rules wait for, of each server that somebody asked of."""
        self._ignored: set[ServerId] = set()
        """Those that the rules ignored when they last could tell."""
        self._waiting: dict[ServerId, _Waiting] = {}
        """The new ones among them."""

    @property
    def undecided(self) -> Mapping[ServerId, Undecided]:
        """What the rules wait for, by server."""
        return self._undecided

    def take(self, server: ServerId, decision: Owner | Undecided | None) -> Owner | Undecided | None:
        """Note what the rules say of a server now; gives it, but that what was ignored stays so until they say more."""
        if isinstance(decision, Undecided):
            self._undecided[server] = decision
            return None if server in self._ignored else decision
        self._undecided.pop(server, None)
        if decision is None:
            self._waiting.pop(server, None)
            self._ignored.add(server)
        else:
            self._ignored.discard(server)
        return decision

    def forget(self, server: ServerId) -> None:
        """A server is not listed any more."""
        self._undecided.pop(server, None)
        self._waiting.pop(server, None)
        self._ignored.discard(server)

    def wait(self, server: ServerId, service_from: Instant, now: Instant) -> None:
        """Have a new server wait for its owner."""
        self._waiting.setdefault(server, _Waiting(now, service_from))

    def waits(self, server: ServerId) -> bool:
        """Whether a new server waits for its owner."""
        return server in self._waiting

    def waited(self, server: ServerId, service_from: Instant) -> Instant:
        """From when a server is in service that begins now: from when it would have been, had it not had to wait."""
        waiting = self._waiting.pop(server, None)
        return service_from if waiting is None else min(service_from, waiting.service_from)

    def overdue(self, now: Instant, grace_us: int) -> Iterator[ServerId]:
        """The new servers that have waited for `grace`."""
        for server, waiting in list(self._waiting.items()):
            if now - waiting.since >= grace_us:
                yield server
