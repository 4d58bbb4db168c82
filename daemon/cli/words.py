"""Outages in words: when, how long, why and where, as lists and months have them in common."""

from collections.abc import Mapping
from typing import Final

from daemon.control.client import Json
from daemon.readable import duration
from sla.calendars import calendar_of
from sla.instants import SECOND, datetime_of, parse_instant

CAUSES: Final[Mapping[str, str]] = {
    "client_change": "a change by the client",
    "provider_change": "a change of our own",
    "host_maintenance": "maintenance of its host",
    "storage": "storage",
    "host_failure": "a failure of its host",
    "network": "the network",
    "guest": "its own operating system",
    "unknown": "unknown",
}
"""What each cause is called."""


def local(at: str | None, zone: str | None = None) -> str:
    """An instant with its offset, to the second, by the clock of a zone or by this machine's; empty where there is none.

    What cannot be told so stays as it is.
    """
    if at is None:
        return ""
    try:
        instant = parse_instant(at)
        when = datetime_of(instant).astimezone() if zone is None else calendar_of(zone).local_time(instant)
    except ValueError:
        return at
    return when.isoformat(" ", "seconds")


def spoken(at: str, zone: str, since: str | None = None) -> str:
    """The same to be read aloud; without the day where `since` is of the same."""
    try:
        before = None if since is None else parse_instant(since)
        return calendar_of(zone).spoken(parse_instant(at), before)
    except ValueError:
        return at


def lasted(seconds: float) -> str:
    """How long something lasted, to the second."""
    return duration(round(seconds) * SECOND)


def cause_words(cause: Json | None) -> str:
    """What brought an outage about, how sure that is, and why that is said."""
    if cause is None:
        return "cause not known yet"
    sure = "" if cause["confidence"] == "none" else f", {cause['confidence']}"
    by_hand = ", by a person's word" if cause["recorded_by"] == "provider" else ""
    name = CAUSES.get(cause["cause"], cause["cause"])
    return f"cause: {name}{sure}{by_hand}: {cause['text']}"


def where(row: Json) -> str:
    """Where it was, as far as that is known."""
    places = [f"{kind} {row[kind]}" for kind in ("host", "datastore", "uplink") if row[kind]]
    return f" ({', '.join(places)})" if places else ""
