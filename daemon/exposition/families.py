"""The families of a scrape as data: columns over all servers, series with labels of their own, text of the process."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, overload

ABSENT: Final = -(2**63)
"""In a column: this server has no such series."""


RATIO_ONE: Final = 10**9
"""In a column of nine decimals: a ratio of exactly 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One value a server.

    `labels`: those besides `server`, rendered, such as `leg="san"`; empty for none.
    `values`: of typecode `q`, as long as the snapshot's `servers`; ABSENT where there is no series.
    """

    labels: str
    values: "array[int]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFamily:
    """A metric family, one series for each server and column.

    `decimals`: so many of a value's last digits stand behind the point. Six make seconds of microseconds.
    """

    name: str
    help: str
    kind: Literal["gauge", "counter"]
    decimals: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFamily:
    """A metric family whose series have labels of their own, such as those of solutions.

    `samples`: for each series the rest of its line, as `sample` makes it. An info's name ends with `_info`, a counter's
    with `_total`.
    """

    name: str
    help: str
    kind: Literal["gauge", "info", "counter"]
    samples: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Every server's figures at one instant; nothing in it may change while it is being prepared.

    `generation`: another number whenever `servers` or `info` differ from the snapshot before.
    `servers`: for each row its rendered label, `server="…"`; empty where the row is not exposed.
    `info`: for each row the rendered labels of slad_server_info; empty where the row is not exposed. No rows: nobody wants it.
    """

    generation: int
    servers: Sequence[str]
    info: Sequence[str]
    families: tuple[ServerFamily, ...]
    labelled: tuple[LabelledFamily, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFamily:
    """A family of the process's own metrics, as text in both formats."""

    text: bytes
    openmetrics: bytes


def sample(labels: str, value: str) -> str:
    """What stands in a sample line after the name: rendered labels, which may be empty, and a value."""
    return f"{{{labels}}} {value}" if labels else f" {value}"


def label(name: str, value: str) -> str:
    """`name="value"` as both formats write it: backslash, quote and newline escaped.

    What no UTF-8 can hold, and NUL, which ends Prometheus' reading, become question marks: one odd name never costs
    the others their series.
    """
    readable = value.replace("\0", "?").encode(errors="replace").decode()
    escaped = readable.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'


@overload
def ratio_text(value: Fraction) -> str: ...
@overload
def ratio_text(value: None) -> None: ...
def ratio_text(value: Fraction | None) -> str | None:
    """A ratio in nine decimals, rounded down; None where there is nothing to divide by."""
    return None if value is None else decimal_text(value.numerator * RATIO_ONE // value.denominator, 9)


def decimal_text(value: int, decimals: int) -> str:
    """An integer with a point before its last digits, exactly."""
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{decimals}}"
