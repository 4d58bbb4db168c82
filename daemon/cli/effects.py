"""What a dry run says of exclusions: which months of which servers would have other figures."""

from collections.abc import Sequence
from fractions import Fraction

from daemon.cli.terminal import console, duration, print_table, say
from daemon.control.client import Json
from daemon.readable import percent

_MET = {True: "met", False: "missed", None: ""}


def show_effects(effects: Sequence[Json]) -> None:
    """A table of them, or that there are none."""
    say("Nothing was recorded. " + ("It would change:" if effects else "It would change no figure so far."))
    print_table(
        console(),
        ("server", "client", "month", "availability", "would be", "down", "would be", "target", "would be"),
        (
            (
                row["name"],
                row["client"],
                row["month"],
                *(_availability(row[when]) for when in _WHEN),
                *(duration(row[when]["down_seconds"]) for when in _WHEN),
                *(_MET[row[when]["met"]] for when in _WHEN),
            )
            for row in effects
        ),
    )


_WHEN = ("before", "after")


def _availability(figures: Json) -> str:
    ratio = figures["availability"]
    return percent(None if ratio is None else Fraction(ratio))
