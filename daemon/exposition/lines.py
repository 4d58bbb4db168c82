"""Families as lines of text, in Prometheus' format 0.0.4 and in OpenMetrics 1.0."""

from collections.abc import Sequence
from itertools import compress
from typing import Final

from daemon.exposition.families import (
    ABSENT,
    Column,
    ServerFamily,
    decimal_text,
)

INFO: Final = "slad_server_info"


INFO_HELP: Final = "Who a virtual server is: its names, its client, its solution and its vCenter."


class Rows:
    """The labels of one generation."""

    def __init__(self, servers: Sequence[str], info: Sequence[str]) -> None:
        assert not info or len(servers) == len(info)
        self.servers = tuple(servers)
        self.info = tuple(info)
        self.has_hidden = "" in self.servers


def labelled_lines(name: str, samples: Sequence[str]) -> bytes:
    return "".join([f"{name}{sample}\n" for sample in samples]).encode()


def metadata(name: str, kind: str, help_text: str, unit: str = "") -> bytes:
    """The lines before a family's samples. Help texts are slad's own: one line without quotes or backslashes."""
    assert not set(help_text) & set('\\\n"'), help_text
    unit_line = f"# UNIT {name} {unit}\n" if unit else ""
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n{unit_line}".encode()


def openmetrics_metadata(family: ServerFamily) -> bytes:
    name = family.name
    if family.kind == "counter":
        assert name.endswith("_total"), name
        name = name.removesuffix("_total")
    return metadata(name, family.kind, family.help, unit_of(name))


def unit_of(name: str) -> str:
    """The unit that a family's name ends with, as OpenMetrics has it; none where the name ends with something else."""
    return next((unit for unit in ("seconds", "ratio") if name.endswith(f"_{unit}")), "")


def info_lines(info: Sequence[str]) -> bytes:
    return "".join([f"{INFO}{{{labels}}} 1\n" for labels in info if labels]).encode()


def sample_lines(family: ServerFamily, all_rows: Rows, rows: slice) -> bytes:
    """The samples of some rows, column by column: few enough rows that a label repeated compresses to a reference."""
    return "".join([_column_lines(family, column, all_rows, rows) for column in family.columns]).encode()


def _column_lines(family: ServerFamily, column: Column, all_rows: Rows, rows: slice) -> str:
    """The lines of one column, of rows that have the series."""
    values: Sequence[int] = column.values[rows]
    servers: Sequence[str] = all_rows.servers[rows]
    if all_rows.has_hidden:
        values, servers = list(compress(values, servers)), list(compress(servers, servers))
    if ABSENT in values:
        shown = list(map(ABSENT.__ne__, values))
        values, servers = list(compress(values, shown)), list(compress(servers, shown))
    pieces = [f"{family.name}{{"] * (4 * len(values))
    pieces[1::4] = servers
    pieces[2::4] = [f",{column.labels}}} " if column.labels else "} "] * len(values)
    pieces[3::4] = _texts(values, family.decimals)
    return "".join(pieces)


def _texts(values: Sequence[int], decimals: int) -> list[str]:
    """How values end their lines; where many are equal, each is written once."""
    distinct = list(set(values))
    if len(distinct) > len(values) // 2:
        return _written(values, decimals)
    return list(map(dict(zip(distinct, _written(distinct, decimals), strict=True)).__getitem__, values))


def _written(values: Sequence[int], decimals: int) -> list[str]:
    if not decimals:
        return [f"{value}\n" for value in values]
    if min(values, default=0) < 0:
        return [f"{decimal_text(value, decimals)}\n" for value in values]
    one, text = 10**decimals, f"%d.%0{decimals}d\n"  # two thirds of what a slice and an f-string take
    return [text % divmod(value, one) for value in values]
