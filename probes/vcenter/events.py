"""The event history of a vCenter: read forward from a stored position, each event once.

What is no event is skipped, counted and named, and the position moves past it.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from probes.report import Resume, SourceEvent
from probes.vcenter import soap, values
from probes.vcenter.boots import TOLERANCE_US
from probes.vcenter.clocks import Estimate, VCenterClock, VCenterInstant
from probes.vcenter.event_pages import PAGE, EventPages, UnreadEvents, shown, stamp_of
from probes.vcenter.event_types import TURNS
from probes.vcenter.faults import PermissionDeniedError
from probes.vcenter.positions import OVERLAP_US, EventIdentity, EventPosition
from probes.vcenter.session import Session
from probes.vcenter.values import Moid
from sla.instants import BEGINNING, SECOND, Instant
from sla.texts import NAME_BYTES, TEXT_BYTES, cleaned, is_clean_id

LAG_US: Final = 30 * SECOND
"""How long after it happened an event of vCenter's own may still not be there to be read."""
NAMED_A_LOOK: Final = 10
"""How many of the events that were skipped are named."""


class NamedObject(NamedTuple):
    """A managed object as an event names it: its id, and its name at the time."""

    moid: Moid
    name: str


class HostConnectionEvent(NamedTuple):
    """A host was connected, or was disconnected: then `reason` is vCenter's word for why, "" where it gives none."""

    host: Moid
    reason: str


class EventRead:
    """An event as it was read, what it is about, and what it says of a host's connection.

    `dated`: whether `event.at` is when it happened by vCenter's clock, and not only when it was read.
    """

    __slots__ = ("connection", "datastore", "dated", "event", "host", "turn", "vm")

    def __init__(
        self,
        event: SourceEvent,
        *,
        vm: Moid | None,
        host: NamedObject | None,
        datastore: NamedObject | None,
        connection: HostConnectionEvent | None,
        dated: bool,
    ) -> None:
        self.event = event
        self.vm = vm
        self.host = host
        self.datastore = datastore
        self.connection = connection
        self.dated = dated
        self.turn = TURNS.get(event.type)


class EventReader:
    """Reads forward over sessions. `open` after each login, and when vCenter's clock was set; then `read`.

    Invariant: the position never lies in the future, whatever an event is dated.
    """

    def __init__(self, resume: Resume, clock: VCenterClock) -> None:
        self._clock = clock
        self._position = EventPosition(resume.known_events)
        self._resumed_at = resume.observed_until
        self._began_at: Instant | None = None
        """When the first collector was made."""
        self._drained_at: Instant | None = None
        """When all events that there were had been read last."""
        self._not_before: Instant = BEGINNING
        self._session: Session | None = None
        self._collector: EventPages | None = None
        """That of the session; None while the account may read no history."""
        self._is_measured = True
        """Whether vCenter's clock could be read so far in this session, when it was due."""
        self._skipped = 0
        self._passed_over: list[str] = []

    def open(self, session: Session, now: Instant) -> None:
        """Make the collector; `now` is our clock. What it gives again of what was read is not told again."""
        if self._began_at is None:
            self._began_at = now
            if self._position.until is None:
                # Where no event is known, what is older is none of this watch's.
                self._not_before = min(now, self._resumed_at or now)
        until = self._position.until or self._resumed_at
        begin = self._began_at if until is None else Instant(min(until, now) - OVERLAP_US)
        self._position.opened(session.instance_uuid)
        if self._collector is not None and self._session is session:
            self._collector.close()
        self._session, self._is_measured = session, True
        self._collector = EventPages(session, self._clock.at_the_earliest(begin))

    def read(
        self, pages: int, page_events: int = PAGE, *, now: Instant
    ) -> tuple[list[Any | UnreadEvents], bool]:
        """What there is of up to `pages` pages, oldest first, for `new`; and whether that is all that there is now."""
        if self._collector is None:
            return [], True
        theirs = VCenterInstant(now + (self._clock.ahead_us or 0))
        try:
            return self._collector.read(pages, page_events, now=theirs)
        except PermissionDeniedError:
            # State goes on without history; `slad doctor` names the missing right.
            self._collector = None
            return [], True

    def new(self, found: Iterable[Any | UnreadEvents], now: Instant, *, drained: bool) -> list[EventRead]:
        """The events that were not told before, of what was read by `now`; vCenter's clock was measured since."""
        read_before = self._drained_at or self._position.until or self._resumed_at or self._began_at or now
        expected_after = Instant(read_before - LAG_US)
        new = [read for each in found if (read := self._told(each, now, expected_after)) is not None]
        if drained and self._collector is not None:
            self._position.drained()
            self._drained_at = now
        return new

    def unmeasured(self) -> None:
        """Note that the clock of vCenter cannot be read: said once a session."""
        if self._is_measured:
            self._is_measured = False
            self._position.unmeasured()

    def skipped(self) -> tuple[int, tuple[str, ...]]:
        """How many events could not be read since this was asked last, and the first of them by name and why."""
        skipped, self._skipped = self._skipped, 0
        named, self._passed_over = self._passed_over, []
        return skipped, tuple(named)

    def faults(self) -> tuple[str, ...]:
        """What was found wrong with the history since this was asked last."""
        return self._position.faults()

    def _told(self, event: Any | UnreadEvents, now: Instant, expected_after: Instant) -> EventRead | None:
        """An event of the reply; None for one that is known, or none."""
        if isinstance(event, UnreadEvents):
            what = event.what or f"{event.count} after event {self._position.newest_key}"
            self._skip(what, event.why, event.count)
            return None
        stamp = stamp_of(event)
        when = None if stamp is None else self._when(stamp, now, expected_after)
        latest = None if when is None else when.latest
        try:
            dated = when is not None and when.width_us <= TOLERANCE_US
            identity, read = _read(event, stamp, now if latest is None else latest, dated=dated)
        except (LookupError, ValueError) as error:
            self._pass_over(event, stamp, latest, error)
            return None
        is_new = self._position.take(identity, latest)
        is_older = when is not None and when.earliest < self._not_before
        return read if is_new and not is_older else None

    def _when(self, stamp: VCenterInstant, now: Instant, expected_after: Instant) -> Estimate | None:
        """When an event happened by our clock; None where its time says nothing of that."""
        when = self._clock.ours(stamp, now, expected_after)
        if when is not None and when.latest < expected_after - OVERLAP_US:
            return None  # older than what was asked for: its clock showed something that was not measured
        return when

    def _pass_over(
        self, event: object, stamp: VCenterInstant | None, at: Instant | None, why: Exception
    ) -> None:
        """Skip what is no event, once, and move past it as far as it says when it was."""
        key = shown(event, "key") or ""
        if is_clean_id(key):
            identity = EventIdentity(key, stamp or VCenterInstant(0), "", None)
            if not self._position.take(identity, at):
                return
        self._skip(f"event {key or 'without a key'}", _reason(why), 1)

    def _skip(self, what: str, why: str, count: int) -> None:
        """Note what may have been events of consequence."""
        self._skipped += count
        self._position.unread()
        if len(self._passed_over) < NAMED_A_LOOK:
            self._passed_over.append(cleaned(f"{what}: {why}", NAME_BYTES))


def _reason(why: Exception) -> str:
    return f"it has no {why.args[0]}" if isinstance(why, KeyError) else str(why)


def _read(
    event: object, stamp: VCenterInstant | None, at: Instant, *, dated: bool
) -> tuple[EventIdentity, EventRead]:
    """An event of the reply, at an instant of our clock. Raises LookupError or ValueError for what is none."""
    if not isinstance(event, dict):
        raise ValueError("it is no XML" if isinstance(event, soap.UnreadableItem) else "it has no members")  # noqa: TRY004  one error
    if stamp is None:
        raise ValueError("it does not say when it was")
    machine, host = values.members(event.get("vm")), values.members(event.get("host"))
    vm = values.as_moid(machine["vm"]) if machine else None
    kind = values.word(event.get("eventTypeId")) or values.identifier(event[soap.TYPE])
    connects = host and kind in ("HostConnectedEvent", "HostDisconnectedEvent")
    reason = values.text(event.get("reason"))
    said = SourceEvent(
        key=values.identifier(event["key"]),
        type=kind,
        at=at,
        server=None,
        user=values.word(event.get("userName")),
        text=values.word(event.get("fullFormattedMessage"), TEXT_BYTES),
        reason=cleaned(reason, NAME_BYTES),
    )
    connection = HostConnectionEvent(values.as_moid(host["host"]), reason) if connects else None
    about = next((name for name in _HOSTS if event.get(name)), "host")
    read = EventRead(
        said,
        vm=vm,
        host=_named(event.get(about), "host"),
        datastore=_named(event.get("ds"), "datastore"),
        connection=connection,
        dated=dated,
    )
    return EventIdentity(said.key, stamp, kind, vm), read


_HOSTS: Final = ("failedHost", "isolatedHost")
"""Where events of HA name the host that they are about; all others name it as `host`."""
_UNREADABLE: Final = NamedObject(Moid(""), "(not readable)")


def _named(argument: object, member: str) -> NamedObject | None:
    """The object that an event names; None where it names none. An odd one is nobody, and costs the event nothing."""
    if not argument:
        return None
    try:
        told = values.members(argument)
        return NamedObject(values.as_moid(told[member]), values.name(told.get("name")))
    except (LookupError, ValueError):
        return _UNREADABLE
