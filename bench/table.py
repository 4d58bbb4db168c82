"""The table that every bench prints, so that figures of two machines, and of two versions, can be compared.

Each time stands there as it was and as a multiple: of a peer's time in the same run, or of the baseline B, which is the CPU time
that this machine takes for json.loads of 100,000 of our observation lines. `figures.json` beside this file has the committed
multiples, and megabytes: what became worse by more than a fifth is marked. With BENCH_KEEP=1 in the environment what is measured
takes their place.
"""

import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from bench.measuring import Took, cpu_of
from sla.evidence import encode
from sla.instants import SECOND, Instant
from sla.records import Leg, Observation, ServerId, State, Witness

FIGURES: Final = Path(__file__).with_name("figures.json")
KEEP: Final = "BENCH_KEEP"
WORSE: Final = 1.2
"""So many times the committed figure is marked."""
LINES: Final = 100_000
RUNS: Final = 5
TIME: Final = "s"
MEMORY: Final = "MB"


class Row(NamedTuple):
    """One figure: what is measured, how much, and in which unit, "" of a plain number."""

    what: str
    value: float
    unit: str = TIME
    most: float | None = None
    """Its target, in the same unit."""
    peer: str = ""
    """Beside whom it stands, and `peer_s` its time; of a time without one it is the baseline."""
    peer_s: float = 0.0

    def beside(self, peer: str, peer_s: float) -> "Row":
        """The same, as a multiple of a peer's time."""
        return self._replace(peer=peer, peer_s=peer_s)


def cpu_and_stall(
    what: str, took: Took, *, cpu: float | None = None, stall: float | None = None
) -> list[Row]:
    """The two rows of what was measured on a loop, with their targets."""
    return [
        Row(f"{what}: CPU", took.cpu_s, most=cpu),
        Row(f"{what}: longest stall", took.stall_s, most=stall),
    ]


@cache
def baseline_s() -> float:
    """B: CPU seconds of this machine."""
    at = Instant(1_790_000_000 * SECOND)
    lines = [
        encode(
            Observation(
                witness=Witness("monitor", "vcenter"),
                server=ServerId(f"50239fd6-0000-4000-8000-{number:012x}"),
                leg=Leg.RUNNING,
                state=State.UP,
                at=Instant(at + number * SECOND),
                noticed_at=Instant(at + number * SECOND + SECOND // 3),
            )
        )
        for number in range(LINES)
    ]

    def read() -> None:
        for line in lines:
            json.loads(line)

    return cpu_of(RUNS, read)


def show(title: str, rows: Iterable[Row]) -> None:
    """Print a table. Its figures are compared with those committed under its title, which tells the sizes."""
    print(f"| {title} (B = {baseline_s():.3f} s) | measured | as a multiple | at most | committed |")
    print("| --- | ---: | ---: | ---: | --- |", flush=True)
    everything = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    committed = everything.get(title, {})
    measured = {}
    for row in rows:
        figure = _comparable(row)
        if figure is not None:
            measured[row.what] = figure
        cells = (
            row.what,
            _missed(row) if row.most is not None and row.value > row.most else _amount(row.value, row.unit),
            _multiple(row),
            "-" if row.most is None else _amount(row.most, row.unit),
            _compared(figure, committed.get(row.what)),
        )
        print("| " + " | ".join(cells) + " |", flush=True)
    if os.environ.get(KEEP):
        everything[title] = {what: float(f"{figure:.3g}") for what, figure in measured.items()}
        FIGURES.write_text(json.dumps(everything, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def _comparable(row: Row) -> float | None:
    """What of a row says the same on every machine, and is better the less it is."""
    if row.unit == TIME:
        return row.value / (row.peer_s or baseline_s())
    return row.value if row.unit == MEMORY else None


def _amount(value: float, unit: str) -> str:
    if unit != TIME:
        return f"{value:,.0f} {unit}".strip()
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"


def _missed(row: Row) -> str:
    return f"**{_amount(row.value, row.unit)}**"


def _multiple(row: Row) -> str:
    if row.unit != TIME:
        return "-"
    return f"{_comparable(row):.3g} × {row.peer or 'B'}"


def _compared(figure: float | None, committed: float | None) -> str:
    if figure is None or committed is None:
        return "-"
    change = figure / committed if committed else 1.0
    return f"**{committed:.3g}: worse, × {change:.2f}**" if change > WORSE else f"{committed:.3g}"
