"""One simulated vCenter without its network: inventory, events, sessions, clock, and what can happen to it all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from probes.simulation.collector import PAGE_OBJECTS
from probes.simulation.entities import Entity, Host, Task, Vm
from probes.simulation.events import EventLog
from probes.simulation.inventory import Inventory
from probes.simulation.machines import Machines
from probes.simulation.mishaps import Mishaps
from probes.simulation.oddities import Oddities
from probes.simulation.outages import Outages
from probes.simulation.sessions import IDLE_S, Sessions
from probes.simulation.storage import Storage
from probes.simulation.values import identifier

RETAINED_TASKS = 1_000


class World:
    """Everything that a simulated vCenter knows.

    `now_us` reads UTC microseconds, `monotonic` counts seconds. `omit_unset` leaves unset properties out of
    updates; a real vpxd writes them as an `assign` without a value, and so does the simulation otherwise.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        now_us: Callable[[], int],
        monotonic: Callable[[], float],
        accounts: Mapping[str, str] | None = None,
        session_idle_s: float = IDLE_S,
        page_objects: int = PAGE_OBJECTS,
        longest_wait_s: float | None = None,
        omit_unset: bool = False,
        name: str = "vcenter",
    ) -> None:
        self.inventory = inventory
        self.longest_wait_s = longest_wait_s
        self.omit_unset = omit_unset
        self.instance_uuid = identifier("vcenter", name)
        self.clock_offset_us = 0
        self._now_us = now_us
        self.events = EventLog(clock=self.now)
        self.machines = Machines(inventory, self.events, self.now)
        self.storage = Storage(inventory, self.events)
        self.outages = Outages(inventory, self.events, self.machines, self.now)
        self.oddities = Oddities(inventory, self.events, self.machines)
        self.mishaps = Mishaps(inventory, self.events, self.now)
        self.tasks: dict[str, Task] = {}
        self.sessions = Sessions(
            inventory,
            monotonic=monotonic,
            accounts=accounts,
            idle_s=session_idle_s,
            page_objects=page_objects,
        )

    def remember(self, task: Task) -> None:
        """Keep a task so that clients can read it; the oldest are forgotten."""
        self.tasks[task.moid] = task
        if len(self.tasks) > RETAINED_TASKS:
            del self.tasks[next(iter(self.tasks))]

    def post_event(self, wsdl_type: str, *, vm: str = "", host: str = "", user: str = "") -> int:
        """Write any event about a machine or a host, also of a class that no client knows; returns its key."""
        return self.events.post(wsdl_type, *self._about(vm, host), user=user).key

    def post_extended_event(self, type_id: str, *, vm: str = "", host: str = "") -> int:
        """Write an EventEx with any identifier about a machine or a host; returns its key."""
        about = self._about(vm, host)
        if not about:
            raise ValueError("an extended event is about a machine or a host")
        return self.events.post_ex(type_id, *about).key

    def _about(self, vm: str, host: str) -> tuple[Entity, ...]:
        machine = (self.inventory.find(Vm, vm),) if vm else ()
        return (*machine, *((self.inventory.find(Host, host),) if host else ()))

    def now(self) -> int:
        """The vCenter's clock, which need not agree with ours."""
        return self._now_us() + self.clock_offset_us

    def clock_offset(self, *, offset_us: int) -> None:
        """Set how far the vCenter's clock is ahead of ours; negative for behind."""
        self.clock_offset_us = offset_us

    def become_another(self, *, name: str) -> None:
        """Have another instance UUID, as a vCenter that was installed anew in place of this one."""
        self.instance_uuid = identifier("vcenter", name)

    def kill_sessions(self) -> int:
        """End every session, as an administrator does; returns how many there were."""
        return self.sessions.end_all()

    def restart(self, *, fill_s: float | None = None, steps: int = 20) -> int:
        """Restart vpxd: sessions die, blocked calls lose their connection, the inventory is empty.

        It fills up again with the managed object ids it had: in `steps` over `fill_s` seconds, or as `fill` is
        called. Returns how many objects are to come.
        """
        self.sessions.end_all(drop_connections=True)
        self.tasks.clear()
        self.inventory.empty()
        missing = self.inventory.withheld
        if fill_s is not None:
            loop = asyncio.get_running_loop()
            share = -(-missing // steps)
            for step in range(1, steps + 1):
                loop.call_later(fill_s * step / steps, self.inventory.fill, share)
        return missing

    def fill(self, *, count: int) -> int:
        """Bring up to `count` objects back after a restart; returns how many are still to come."""
        return self.inventory.fill(count)
