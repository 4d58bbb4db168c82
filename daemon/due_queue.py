"""What waits to be looked at: now, or from an instant on."""

from collections import OrderedDict
from heapq import heappop, heappush
from typing import Generic, TypeVar

from sla.instants import Instant

Key = TypeVar("Key", bound=tuple[str, ...])


class DueQueue(Generic[Key]):
    """Keys, each at most once now and once later."""

    def __init__(self) -> None:
        """None."""
        self._now: OrderedDict[Key, None] = OrderedDict()
        self._later: dict[Key, Instant] = {}
        self._due: list[tuple[Instant, Key]] = []

    def __bool__(self) -> bool:
        """Whether any waits to be looked at now."""
        return bool(self._now)

    def add(self, key: Key) -> None:
        """Have it looked at now."""
        self._now[key] = None

    def add_at(self, at: Instant, key: Key) -> None:
        """Have it looked at from an instant on, which takes the place of another one."""
        if self._later.get(key) != at:
            self._later[key] = at
            heappush(self._due, (at, key))

    def pass_to(self, at: Instant) -> None:
        """Have those looked at now of which the instant has come."""
        while self._due and self._due[0][0] <= at:
            due, key = heappop(self._due)
            if self._later.get(key) == due:
                del self._later[key]
                self.add(key)

    def take(self) -> Key:
        """One that waits, the first of them."""
        return self._now.popitem(last=False)[0]
