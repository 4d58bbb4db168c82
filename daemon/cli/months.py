"""What there is to say of a month's outages, in sentences that are read aloud: client by client, incident by incident."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from daemon.cli.terminal import say
from daemon.cli.words import CAUSES, cause_words, lasted, spoken, where
from daemon.control.client import Json
from daemon.readable import counted, first_of
from sla.calendars import Month, spoken_month

_NAMES: Final = 5
"""Servers of an incident that are named."""


def say_month(month: Month, rows: Sequence[Json]) -> None:
    """Say the outages of a month, which are in order of time."""
    if not rows:
        say(f"No such outage is on record in {spoken_month(month)}.")
        return
    say(f"Outages in {spoken_month(month)}.")
    by_client = sorted(rows, key=itemgetter("client"))
    for client, those in groupby(by_client, key=itemgetter("client")):
        _say_client(client, list(those))
    if len({row["client"] for row in rows}) > 1:
        say("")
        say(f"All clients: {_sum(rows)}")


def _say_client(client: str, rows: Sequence[Json]) -> None:
    say("")
    say(f"Client {client}, times in {rows[0]['timezone']}.")
    for incident in _incidents(rows):
        say(f"- {' '.join(_sentences(incident))}")
    say(f"In all: {_sum(rows)}")
    if len(rows) > 1:
        say(f"By cause: {', '.join(_by_cause(rows))}.")


def _incidents(rows: Sequence[Json]) -> list[list[Json]]:
    """The outages of each incident; one that stands alone by itself."""
    incidents: dict[object, list[Json]] = {}
    for row in rows:
        incidents.setdefault(row["incident"] or (row["server"], row["from"]), []).append(row)
    return list(incidents.values())


def _sentences(rows: Sequence[Json]) -> Iterator[str]:
    """What is said of an incident."""
    first, servers = rows[0], list(dict.fromkeys(row["server"] for row in rows))
    names = {row["server"]: row["name"] for row in rows}
    who = first["name"]
    if len(servers) > 1:
        who = f"{len(servers)} servers ({first_of([names[each] for each in servers], _NAMES)})"
    yield f"{who} {_when(rows, is_one=len(servers) == 1)}."
    why = cause_words(first["cause"])
    yield f"{why[0].upper()}{why[1:]}{where(first)}."
    excluded = sum(row["excluded_seconds"] for row in rows)
    if excluded:
        down = sum(row["down_seconds"] for row in rows)
        exclusions = dict.fromkeys(name for row in rows for name in row["exclusions"])
        part = "All of it" if excluded == down else f"{lasted(excluded)} of it"
        yield f"{part} is excluded, by {', '.join(exclusions)}."


def _when(rows: Sequence[Json], *, is_one: bool) -> str:
    start, zone, ends = rows[0]["from"], rows[0]["timezone"], [row["until"] for row in rows]
    longest = lasted(max(row["lasted_seconds"] for row in rows))
    so_long = longest if len(rows) == 1 else f"{longest} at the longest"
    if None in ends:
        return f"{'is' if is_one else 'are'} down since {spoken(start, zone)}, {so_long} so far"
    end = spoken(max(ends, key=_without_zone), zone, since=start)
    return f"{'was' if is_one else 'were'} down from {spoken(start, zone)} to {end}, for {so_long}"


def _without_zone(at: str) -> str:
    """An instant in UTC as text that sorts as time does."""
    return at.removesuffix("Z")


def _sum(rows: Sequence[Json]) -> str:
    down, excluded = (sum(row[key] for row in rows) for key in ("down_seconds", "excluded_seconds"))
    servers = len({row["server"] for row in rows})
    still = sum(row["until"] is None for row in rows)
    return (
        f"{counted(len(rows), 'outage')} of {counted(servers, 'server')} in {counted(len(_incidents(rows)), 'incident')},"
        f" {lasted(down)} of down time in the month, of which {lasted(excluded)} excluded"
        + (f"; {still} not over." if still else ".")
    )


def _by_cause(rows: Sequence[Json]) -> Iterator[str]:
    """How many outages each cause has, and their down time; the one with the most time first."""
    outages: Counter[str] = Counter()
    down: Counter[str] = Counter()
    for row in rows:
        cause = "unknown" if row["cause"] is None else row["cause"]["cause"]
        outages[cause] += 1
        down[cause] += row["down_seconds"]
    for cause, seconds in sorted(down.items(), key=lambda item: (-item[1], item[0])):
        yield f"{CAUSES.get(cause, cause)} {lasted(seconds)} in {counted(outages[cause], 'outage')}"
