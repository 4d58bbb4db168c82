"""The room at a door: who is in, and who makes room when it is full.

Invariants:

- Callers that were let in and strangers have room apart: a newcomer is a stranger, and competes with strangers alone.
- While slad works on a guest's request the guest stays. Everybody else waits with slad for itself: an idle one, one that
  shakes hands or sends bit by bit, one that does not read its answer. Of those one goes where there is no room, of the
  caller who has the most connections the one that slad has waited for longest.
- So as long as fewer requests are worked on at once than there is room for connections, there is room for a newcomer.
"""

from collections import Counter
from collections.abc import Collection
from operator import itemgetter
from typing import Protocol

from daemon.web.door import Limits


class Guest(Protocol):
    """A connection from the moment at which it was accepted."""

    caller: str
    """Who is at the other end, as far as the kernel tells: those of one caller come to one."""

    waits_since: float | None
    """Since when slad waits for it; None while slad works for it."""

    def show_out(self) -> None:
        """Close the connection at once, to make room."""
        ...


class Room:
    """Who is in, as strangers and as those that were let in."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._strangers: dict[Guest, None] = {}
        self._known: dict[Guest, None] = {}

    @property
    def at_work(self) -> int:
        """For how many guests slad works."""
        return sum(guest.waits_since is None for guest in self._known)

    def enter(self, guest: Guest) -> None:
        """Take in a newcomer, as a stranger: there is room, since slad works for no stranger."""
        has_room = self._placed(guest, self._strangers, self._limits.strangers)
        assert has_room

    def admit(self, guest: Guest) -> bool:
        """A guest may stay as one that was let in; whether there was room."""
        if guest in self._known:
            return True
        if not self._placed(guest, self._known, self._limits.connections):
            return False
        self._strangers.pop(guest, None)
        return True

    def leave(self, guest: Guest) -> None:
        """A guest is gone."""
        self._strangers.pop(guest, None)
        self._known.pop(guest, None)

    def shed(self) -> None:
        """Have one guest go for whom slad waits, if there is any: descriptors have run out."""
        self._make_room([*self._strangers, *self._known])

    def _placed(self, guest: Guest, guests: dict[Guest, None], limit: int) -> bool:
        if len(guests) >= limit and not self._make_room(guests):
            return False
        guests[guest] = None
        return True

    def _make_room(self, guests: Collection[Guest]) -> bool:
        connections = Counter(guest.caller for guest in guests)
        waiting = [
            (-connections[guest.caller], guest.waits_since, guest)
            for guest in guests
            if guest.waits_since is not None
        ]
        if not waiting:
            return False
        *_, first = min(waiting, key=itemgetter(0, 1))
        self.leave(first)
        first.show_out()
        return True
