"""What differs between two documents of one client's month (`sla.client_document`), figure by figure (`spec/statement.md`, Issued).

Compared is what a month that is over settles for good. What goes on after it is none of its figures, whoever looks when: an
outage or a window counts up to the end of the month, a request or a deadline from when its outcome is known, and the
chronic-outage process, which is as of an instant, not at all.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NamedTuple

from sla.document import instant
from sla.instants import Instant, parse_instant
from sla.requests import Outcome

Figure = object
"""The value of a figure as JSON has it; None: there is none."""
_Place = tuple[str, str, str]
"""The part of the document, whose row of it, and which figure of that."""


class _Row(NamedTuple):
    """A row of a part, cut to what the month settles; the rest is what `FigureChange` says of it."""

    part: str
    of: str
    figures: Mapping[str, Any]
    name: str
    since: str | None = None


_PARTS: Final = (
    "summary",
    "servers",
    "outages",
    "exclusions",
    "interruptions",
    "service_requests",
    "deadlines",
)
_NO_FIGURES: Final = {"id", "name", "client"}
_ROW_KEYS: Final = {
    "days": ("date",),
    "ineligible": ("exclusion", "reason"),
    "refused": ("reason",),
    "excluded_by": ("exclusion",),
}
"""What tells the rows of a list apart that stands in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureChange:
    """A figure that is another one."""

    part: str
    of: str
    """Whose row of the part: a server's id, with the start where it is an outage; and so on."""
    name: str
    """What people call it: the name of the server or solution that it is of, another's id; empty of the whole month."""
    since: str | None
    """When it began, as the document writes it; None of what has no beginning to be told apart by."""
    figure: str
    before: Figure
    after: Figure


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FigureChange]:
    """Every figure of the month that differs, in the order of the document; instants are as the document writes them."""
    rows_then, rows_now = list(_rows(before)), list(_rows(after))
    then, now = dict(_figures(rows_then)), dict(_figures(rows_now))
    rows = {(row.part, row.of): row for row in chain(rows_then, rows_now)}
    rank = {row: number for number, row in enumerate(sorted(rows, key=lambda row: _PARTS.index(row[0])))}
    return [
        FigureChange(
            part=place[0],
            of=place[1],
            name=rows[place[:2]].name,
            since=rows[place[:2]].since,
            figure=place[2],
            before=then.get(place),
            after=now.get(place),
        )
        for place in sorted(dict.fromkeys(chain(now, then)), key=lambda place: rank[place[:2]])
        if then.get(place) != now.get(place) and then.get(place) != Outcome.PENDING.value
    ]


def _figures(rows: Iterable[_Row]) -> Iterator[tuple[_Place, Figure]]:
    for row in rows:
        for figure, value in _flat(row.figures):
            yield (row.part, row.of, figure), value


def _rows(document: Mapping[str, Any]) -> Iterator[_Row]:
    """The rows of each part, cut to what the month settles."""
    until = parse_instant(document["statement"]["until"])
    servers = document.get("servers", ())
    names = {row["id"]: row["name"] for row in servers}  # one that is sold alone is a solution by its id
    yield _Row("summary", "", {"servers": document["summary"]["servers"]}, "")
    for row in servers:
        figures = _only(row, (key for key in row if key not in _NO_FIGURES))
        yield _Row("servers", row["id"], figures, row["name"])
    for row in document.get("outages", ()):
        settled = ("down", "excluded", "excluded_by", *_if_over(row["end"], until, "legs"))
        figures = {"end": _cut(row["end"], until), **_only(row, settled)}
        yield _Row("outages", f"{row['server']} {row['start']}", figures, row["name"], row["start"])
    for row in document.get("exclusions", ()):
        settled = ("category", "from", "excluded", "refused")
        figures = {"until": _cut(row["until"], until), **_only(row, settled)}
        yield _Row("exclusions", row["exclusion"], figures, row["exclusion"])
    for row in document.get("interruptions", ()):
        settled = _if_over(row["end"], until, "counted", "qualified_at", "documented_at")
        figures = {"end": _cut(row["end"], until), **_only(row, settled)}
        solution = row["solution"]
        name = names.get(solution, solution)
        yield _Row("interruptions", f"{solution} {row['start']}", figures, name, row["start"])
    for row in document.get("service_requests", ()):
        yield _Row("service_requests", row["id"], _only(row, ("due_at", "response")), row["id"])
    for row in document.get("deadlines", ()):
        solution, deadline, since = row["solution"], row["deadline"], row["since"]
        figures = _only(row, ("due_at", "outcome"))
        name = f"{names.get(solution, solution)} {deadline}"
        yield _Row("deadlines", f"{solution} {deadline} {since}", figures, name, since)


def _cut(end: str | None, until: Instant) -> str | None:
    """When something ended, or that it lasted throughout the month."""
    return instant(until) if end is None or parse_instant(end) > until else end


def _if_over(end: str | None, until: Instant, *keys: str) -> tuple[str, ...]:
    """Figures of something that go on as long as it does."""
    return keys if end is not None and parse_instant(end) <= until else ()


def _only(row: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: row[key] for key in keys}


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Figure]]:
    """The figures of a row, those of rows that stand in it too, each by its keys on the way there."""
    for key, value in row.items():
        match value:
            case {}:
                yield from _flat(value, f"{before}{key}.")
            case [{}, *_]:
                names = _ROW_KEYS[key]
                for each in value:
                    called = ".".join(str(each[name]) for name in names)
                    rest = _only(each, (name for name in each if name not in names))
                    yield from _flat(rest, f"{before}{key}.{called}.")
            case [*those]:
                if those:
                    yield f"{before}{key}", ", ".join(map(str, those))
            case _:
                yield f"{before}{key}", value
