"""What waits to be looked at: now, or from an instant on."""

from collections import OrderedDict
from heapq import heappop, heappush
from typing import Generic, TypeVar

from sla.instants import Instant

DueKey = TypeVar("DueKey", bound=tuple[str, ...])


class DueQueue(Generic[DueKey]):
    """Keys, each at most once now and once later."""

    def __init__(self) -> None:
        self._now: OrderedDict[DueKey, None] = OrderedDict()
        self._later: dict[DueKey, Instant] = {}
        self._due: list[tuple[Instant, DueKey]] = []

    def __bool__(self) -> bool:
        """Whether any waits to be looked at now."""
        return bool(self._now)

    def add(self, key: DueKey) -> None:
        """Have it looked at now."""
        self._now[key] = None

    def add_at(self, at: Instant, key: DueKey) -> None:
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

    def take(self) -> DueKey:
        """One that waits, the first of them."""
        return self._now.popitem(last=False)[0]
