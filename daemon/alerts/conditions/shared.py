"""Alerts of what servers share, and of slad itself."""

from dataclasses import dataclass
from typing import Final

from daemon.alerts.alert import Severity
from daemon.alerts.conditions.definitions import (
    OUTLASTS_US,
    Definitions,
    Holding,
    Lasting,
    holding,
    instant_text,
    many,
)
from sla.instants import HOUR, MINUTE, Instant

BLIND_FOR_US: Final = 2 * MINUTE
"""How long a vCenter may be out of sight before that is told."""
TOLD_US: Final = HOUR
"""How long it is told that a record was quarantined, or a ledger begun."""
DOUBTED_FOR_US: Final = 2 * MINUTE
"""How long the clock may be in doubt before that is told: most doubts end by themselves within one."""
HUB_BEHIND_FOR_US: Final = 15 * MINUTE
"""How long the store may lack records before that is told: as long as PostgreSQL's restart and a catch-up may take."""
MONITOR_SILENT_FOR_US: Final = 24 * HOUR
"""How long a monitor may be out of the hub's sight before that is told: a repair may last so long."""
DISAGREE_FOR_US: Final = HOUR
"""How long monitors may disagree before that is told: as long as it may take to give each of them a new configuration."""
SILENT_FOR_US: Final = MINUTE
"""How long a host may not respond before that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A source at `at`. `since`: how far it was seen; `why`: what keeps it from being seen, empty while it is."""

    at: Instant
    since: Instant
    why: str


def _blind(contact: Contact) -> Holding | None:
    if not contact.why or contact.at - contact.since < BLIND_FOR_US:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=contact.since,
        summary="is out of sight",
        description=f"Its servers are unknown since {instant_text(contact.since)}: {contact.why}.",
        keep_us=OUTLASTS_US,
    )


_silent = holding(
    Severity.WARNING, "does not respond", "Its servers are unknown until it does, or until they run elsewhere"
)


def _not_responding(lasting: Lasting) -> Holding | None:
    is_new = lasting.since is not None and lasting.at - lasting.since < SILENT_FOR_US
    return None if is_new else _silent(lasting)


_unbelieved = holding(
    Severity.CRITICAL, "does not believe its clock", "Nothing is recorded, and figures stand still"
)


def _doubted(lasting: Lasting) -> Holding | None:
    is_new = lasting.since is not None and lasting.at - lasting.since < DOUBTED_FOR_US
    return None if is_new else _unbelieved(lasting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """How a monitor stands with the store at `at`. `level_at`: when that had all last; None while it has; `refused_at`: since
    when it refuses what is shipped, until somebody does something; None while it does not; `why`: what it said.
    """

    at: Instant
    level_at: Instant | None
    refused_at: Instant | None
    why: str


def _hub_behind(shipping: Shipping) -> Holding | None:
    if shipping.level_at is None or shipping.at - shipping.level_at < HUB_BEHIND_FOR_US:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=shipping.level_at,
        summary="does not get its records into the store",
        description=f"The store had all of them last at {instant_text(shipping.level_at)}. {shipping.why}".rstrip(),
    )


def _hub_refused(shipping: Shipping) -> Holding | None:
    if shipping.refused_at is None:
        return None
    return Holding(
        severity=Severity.CRITICAL,
        since=shipping.refused_at,
        summary="is refused by the store",
        description=f"It stays so until somebody acts: {shipping.why}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSight:
    """How far a monitor has seen, as the hub knows it at `at`, and by which name it is retired."""

    at: Instant
    observer: str
    seen_until: Instant


def _monitor_silent(sight: MonitorSight) -> Holding | None:
    if sight.at - sight.seen_until < MONITOR_SILENT_FOR_US:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=sight.seen_until,
        summary="has told the store nothing for a day",
        description=f"It saw last at {instant_text(sight.seen_until)}. Where it is gone for good, run: slad hub retire"
        f" {sight.observer}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """How many servers and clients there are at `at` of which monitors say one kind of thing differently, the oldest `since`."""

    at: Instant
    count: int
    since: Instant


def _disagree(differing: Differing) -> Holding | None:
    if differing.at - differing.since < DISAGREE_FOR_US:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=differing.since,
        summary="is not the same by all monitors",
        description=f"{many(differing.count, 'disagreement')}, the oldest since {instant_text(differing.since)}. Figures go by what"
        " one of them says: see Monitors on the pages of the hub, or run: slad doctor --hub",
    )


SOURCE_ALERTS: Final[Definitions[Contact]] = {"SourceBlind": _blind}
UPLINK_ALERTS: Final[Definitions[Lasting]] = {
    "UplinkDown": holding(
        Severity.CRITICAL, "is down", "Fewer of its targets answer than its quorum", keep_us=OUTLASTS_US
    )
}
HOST_ALERTS: Final[Definitions[Lasting]] = {"HostNotResponding": _not_responding}
DATASTORE_ALERTS: Final[Definitions[Lasting]] = {
    "DatastoreInaccessible": holding(
        Severity.CRITICAL, "is not accessible", "A connected host that mounts it does not reach it"
    )
}
LEDGER_ALERTS: Final[Definitions[Lasting]] = {
    "LedgerNotWriting": holding(
        Severity.CRITICAL, "takes no records", "Figures stand still, and slad ends unless that clears"
    )
}
QUARANTINE_ALERTS: Final[Definitions[Lasting]] = {
    "RecordQuarantined": holding(
        Severity.WARNING,
        "did not let a record in",
        "The ledger could not have been read again with it, which is a defect of slad",
    )
}
CLOCK_ALERTS: Final[Definitions[Lasting]] = {"ClockInDoubt": _doubted}
BEGUN_ALERTS: Final[Definitions[Lasting]] = {
    "LedgerBegun": holding(
        Severity.WARNING,
        "began a new ledger",
        "Where one was there before, its file system is not mounted, or the file is gone",
    )
}
HUB_ALERTS: Final[Definitions[Shipping]] = {"HubBehind": _hub_behind, "HubRefused": _hub_refused}
MONITOR_ALERTS: Final[Definitions[MonitorSight]] = {"MonitorSilent": _monitor_silent}
DISAGREEMENT_ALERTS: Final[Definitions[Differing]] = {"MonitorsDisagree": _disagree}
SLAD_ALERTS: Final[Definitions[Lasting]] = {
    "Watchdog": holding(
        Severity.NONE, "is alive", "This alert always fires: where it does not arrive, no other does"
    )
}
