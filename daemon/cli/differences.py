"""What differs between two statements of a month, as people read it: by names, by the client's clock, row by row."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Final

from daemon.cli.terminal import console, print_table, say
from daemon.cli.words import local
from daemon.control.client import Json
from daemon.readable import counted, duration, percent
from sla.instants import SECOND

_MOST_RECORDS: Final = 20
"""So many sequence numbers are printed for people."""
_NOUNS: Final[Mapping[str, str]] = {
    "servers": "server",
    "outages": "outage",
    "exclusions": "exclusion",
    "interruptions": "interruption",
    "service_requests": "service request",
    "deadlines": "deadline",
}
"""What a row of a part of the document is; of the whole month there is one figure, a number of servers."""
_RATIOS: Final = (
    *("availability", "availability_low", "availability_high", "by_basis", "coverage", "target"),
    "best_possible",
)


def show_difference(answer: Json) -> None:
    """The figures that differ, and the records that came in between."""
    about, figures, records = answer["difference"], answer["figures"], answer["records"]
    sides = (_side(about[side], about["timezone"]) for side in ("before", "after"))
    say(f"{about['client']} {about['month']}: {', and '.join(sides)}: {_sum(figures)}")
    print_table(console(), ("what", "figure", "before", "after"), _rows(figures, about["timezone"]))
    if records is None:
        say("The records that made it are not known: the earlier version was made of another ledger.")
        return
    print_table(
        console(),
        ("records in between that bear on the month", "how many", "which"),
        (
            (kind.replace("_", " "), *_numbers(records, kind))
            for kind in dict.fromkeys(row["kind"] for row in records)
        ),
        prose=("which",),
    )


def _side(side: Json, zone: str) -> str:
    which = "now" if side["version"] is None else f"version {side['version']}"
    return f"{which} (as known at {local(side['as_of'], zone)}, record {side['seq']})"


def _sum(figures: Sequence[Json]) -> str:
    """How many figures differ, and of how many things."""
    if not figures:
        return "no figure differs"
    rows = Counter(part for part, _ in {(row["part"], row["of"]) for row in figures})
    things = ", ".join(counted(rows[part], noun) for part, noun in _NOUNS.items() if rows[part])
    differ = "1 figure differs" if len(figures) == 1 else f"{len(figures):,} figures differ"
    return f"{differ}, of {things or 'the month'}"


def _rows(figures: Sequence[Json], zone: str) -> Iterator[tuple[str, ...]]:
    """A line a figure, those of one thing below each other, and the thing beside the first."""
    called = {(row["part"], row["of"]): _called(row, zone) for row in figures}
    times = Counter(called.values())
    for place, those in groupby(figures, key=itemgetter("part", "of")):
        what = called[place] if times[called[place]] == 1 else f"{called[place]} ({place[1]})"
        for row in those:
            yield (
                what,
                _figure(row["figure"]),
                *(_value(row, row[side], zone) for side in ("before", "after")),
            )
            what = ""


def _called(row: Json, zone: str) -> str:
    """Such as `outage of web from 2026-10-10 06:00:00-04:00`."""
    noun = _NOUNS.get(row["part"])
    if noun is None:
        return "the month"
    since = f" from {local(row['since'], zone)}" if row["since"] else ""
    return f"{noun} {'of ' if since else ''}{row['name']}{since}"


def _figure(path: str) -> str:
    """The keys on the way to a figure in words, and what stands between them, a name or a date, as it is."""
    first, _, rest = path.partition(".")
    between, _, last = rest.rpartition(".")
    last = "" if last == "seconds" else last.replace("_", " ")
    return ", ".join(filter(None, (first.replace("_", " "), between, last)))


def _value(row: Json, value: object, zone: str) -> str:
    """A figure as statements tell it: instants by the client's clock, time in hours, ratios in percent."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case str():
            return local(value, zone).replace("_", " ")
        case int() | float() if row["part"] not in _NOUNS:
            return str(value)
        case int() | float() if row["figure"].partition(".")[0] in _RATIOS:
            return percent(Fraction(str(value)))
        case int() | float():
            return duration(round(value * SECOND))
        case _:
            return str(value)


def _numbers(records: Sequence[Json], kind: str) -> tuple[str, str]:
    """How many records of a kind there are, and their numbers, of many the first."""
    numbers = [f"{row['ledger']} {row['seq']}".strip() for row in records if row["kind"] == kind]
    more = ", …" if len(numbers) > _MOST_RECORDS else ""
    return str(len(numbers)), ", ".join(numbers[:_MOST_RECORDS]) + more
