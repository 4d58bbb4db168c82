"""What goes wrong with clocks and with the history: instants that are none, keys that were given before, events that are gone.

vCenter's own clock is the world's.
"""

from __future__ import annotations

from collections.abc import Callable

from probes.simulation.entities import Host, Vm
from probes.simulation.events import EventLog
from probes.simulation.inventory import Inventory
from probes.simulation.values import parse_instant


class Mishaps:
    """Of one simulated vCenter. Instants are texts such as `9999-12-31T23:59:59Z`."""

    def __init__(self, inventory: Inventory, events: EventLog, clock: Callable[[], int]) -> None:
        self.inventory = inventory
        self.events = events
        self.clock = clock

    def host_clock(self, host: str, *, ahead_us: int) -> None:
        """Set how far a host's clock is ahead of vCenter's: the boot times of what starts there from now on."""
        self.inventory.find(Host, host).clock_ahead_us = ahead_us

    def boot_time(self, vm: str, *, at: str) -> None:
        """Have the boot time of a machine be any instant, "" for unset, though nothing happened to it."""
        machine = self.inventory.find(Vm, vm)
        with self.inventory.changing(machine):
            machine.booted_at = parse_instant(at) if at else None

    def date_events(self, *, at: str = "", ahead_us: int = 0, count: int = 1) -> None:
        """Date the next events by an instant, or as far ahead of vCenter's clock as it is now; none clears it."""
        date = parse_instant(at) if at else self.clock() + ahead_us
        self.events.odd_dates[:] = [date] * count

    def restart_keys(self, *, first: int = 1) -> None:
        """Have the next event bear this key, which another may have borne."""
        self.events.last_key = first - 1

    def forget_events(self, *, kept: int = 0) -> int:
        """Remove all but the newest events, as a short retention does; returns how many went."""
        gone = max(0, len(self.events.events) - kept)
        for _ in range(gone):
            self.events.events.popleft()
        return gone

    def restore_events(self, *, lost: int) -> None:
        """Bring the history back as a backup had it: without the newest events, whose keys are given again."""
        for _ in range(min(lost, len(self.events.events))):
            self.events.last_key = self.events.events.pop().key - 1
