"""The property collector: versions, pages and the one blocked call.

Versions are numbered: "N" is complete, "N_k" the k-th page of the answer that leads from N to N+1. A complete
version may be passed again until the client has shown, by passing a newer one, that it has the next; what was
delivered since is then delivered again. A truncated version may be passed once, and only the newest. Anything
else is refused with InvalidCollectorVersion.
"""

from __future__ import annotations

import asyncio
from itertools import islice

from probes.simulation import soap
from probes.simulation.filters import Changes, Filter, merge

PAGE_OBJECTS = 100
COALESCE_S = 0.005


class PropertyCollector:
    """One collector of one session."""

    def __init__(self, moid: str, *, page_objects: int = PAGE_OBJECTS) -> None:
        self.moid = moid
        self.page_objects = page_objects
        self.filters: dict[str, Filter] = {}
        self._acknowledged: int | None = None
        self._newest = 0
        self._page: int | None = None
        self._delivered: dict[str, Changes] = {}
        self._blocked: asyncio.Future[None] | None = None
        self._wake: asyncio.TimerHandle | None = None

    def add(self, new: Filter) -> None:
        """Begin to report a filter; a blocked call learns of it at once."""
        self.filters[new.moid] = new
        self.notify()

    def remove(self, moid: str) -> None:
        del self.filters[moid]
        self._delivered.pop(moid, None)

    def notify(self) -> None:
        """Something is pending: wake the blocked call, a moment later, so that what comes together goes together."""
        if self._blocked is not None and self._wake is None:
            self._wake = asyncio.get_running_loop().call_later(COALESCE_S, self._woken)

    @property
    def blocked(self) -> bool:
        """Whether a call waits for changes."""
        return self._blocked is not None and not self._blocked.done()

    @property
    def waits_in_vain(self) -> bool:
        """Whether a call waits, and nothing is there to answer it with."""
        return self.blocked and not any(each.pending for each in self.filters.values())

    def end(self, reason: Exception) -> None:
        """End the blocked call, if there is one, with an exception."""
        if self._blocked is not None and not self._blocked.done():
            self._blocked.set_exception(reason)

    async def wait(self, version: str, max_wait_s: float | None, max_objects: int | None) -> str:
        """The next UpdateSet as a returnval element, or "" when `max_wait_s` have passed; None waits for ever.

        A newer call ends an older one that is still blocked with RequestCanceled.
        """
        self.end(soap.request_canceled())
        self._accept(version)
        limit = min(self.page_objects, max_objects or self.page_objects)
        loop = asyncio.get_running_loop()
        until = None if max_wait_s is None else loop.time() + max_wait_s
        while not any(each.pending for each in self.filters.values()):
            self._blocked = blocked = loop.create_future()
            try:
                async with asyncio.timeout_at(until):
                    await blocked
            except TimeoutError:
                return ""
            finally:
                if self._blocked is blocked:
                    self._blocked = None
        return self._answer(limit)

    def _woken(self) -> None:
        self._wake = None
        if self._blocked is not None and not self._blocked.done():
            self._blocked.set_result(None)

    def _accept(self, version: str) -> None:
        """Take the client's word for what it has; raises InvalidCollectorVersion."""
        if version == "":
            self._acknowledged = self._page = None
            self._delivered = {}
            for each in self.filters.values():
                each.refill()
            return
        number, _, page = version.partition("_")
        if not number.isdigit() or (page and not page.isdigit()):
            raise soap.invalid_version()
        if page:
            if self._page is None or (int(number), int(page)) != (self._newest, self._page):
                raise soap.invalid_version()
        elif self._page is None and int(number) == self._newest and self._newest > 0:
            self._acknowledged = self._newest
            self._delivered = {}
        elif int(number) == self._acknowledged:
            self._redeliver()
        else:
            raise soap.invalid_version()

    def _redeliver(self) -> None:
        for moid, changes in self._delivered.items():
            each = self.filters[moid]
            each.pending = merge(changes, each.pending)
        self._delivered = {}
        self._page = None

    def _answer(self, limit: int) -> str:
        sets = []
        left = limit
        for each in self.filters.values():
            if left and each.pending:
                taken = self._take(each, left)
                left -= len(taken)
                sets.append(each.render(taken))
        truncated = any(each.pending for each in self.filters.values())
        if truncated:
            self._page = (self._page or 0) + 1
            version = f"{self._newest}_{self._page}"
        else:
            self._page = None
            self._newest += 1
            version = str(self._newest)
        flag = "<truncated>true</truncated>" if truncated else ""
        return f"<returnval><version>{version}</version>{''.join(sets)}{flag}</returnval>"

    def _take(self, each: Filter, count: int) -> Changes:
        if len(each.pending) <= count:
            taken, each.pending = each.pending, {}
        else:
            taken = dict(islice(each.pending.items(), count))
            for moid in taken:
                del each.pending[moid]
        if self._acknowledged is not None:
            self._delivered[each.moid] = merge(self._delivered.get(each.moid, {}), taken)
        return taken
