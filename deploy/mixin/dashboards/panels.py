"""Grafana's panels as classic JSON, so far as slad's dashboards need them: every one with title, description and unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
MONITOR: Final = 'job=~"$job",instance=~"$instance"'
"""The selector of all queries: which slads are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of a panel. `legend` may hold labels in double braces; `instant`: one value, not a series."""

    expr: str
    legend: str = "__auto"
    instant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel without its place. `width` is of 24 columns."""

    kind: str
    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    width: int
    height: int
    defaults: Mapping[str, Any]
    options: Mapping[str, Any]
    overrides: Sequence[Mapping[str, Any]] = ()
    transformations: Sequence[Mapping[str, Any]] = ()

    def as_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel at its place."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "targets": [
                _target(letter, query, table=self.kind == "table")
                for letter, query in zip("ABCDEFGHIJ", self.queries, strict=False)
            ],
            "fieldConfig": {
                "defaults": {"unit": self.unit, **self.defaults},
                "overrides": list(self.overrides),
            },
            "options": dict(self.options),
            "transformations": list(self.transformations),
        }


def stat(
    title: str,
    description: str,
    unit: str,
    expr: str,
    *,
    width: int = 4,
    steps: Sequence[tuple[str, float]] = (),
    decimals: int | None = None,
) -> Panel:
    """One number. `steps`: colours from a value on, the first below all of them."""
    return Panel(
        kind="stat",
        title=title,
        description=description,
        unit=unit,
        queries=[Query(expr=expr, instant=True)],
        width=width,
        height=4,
        defaults={
            "thresholds": _thresholds(steps),
            "color": {"mode": "thresholds"},
            **({} if decimals is None else {"decimals": decimals}),
        },
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "auto",
        },
    )


def lines(
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    *,
    width: int = 12,
    stacked: bool = False,
    steps: Sequence[tuple[str, float]] = (),
) -> Panel:
    """Values over time. `steps` are drawn as lines."""
    defaults: dict[str, Any] = {
        "custom": {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 20 if stacked else 5,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if steps else "off"},
        },
        "min": 0,
    }
    if steps:
        defaults |= {"thresholds": _thresholds(steps)}
        del defaults["min"]
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        unit=unit,
        queries=queries,
        width=width,
        height=8,
        defaults=defaults,
        options={
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def states(
    title: str, description: str, queries: Sequence[Query], *, width: int = 24, height: int = 8
) -> Panel:
    """States over time: 1 is up, 0 is down, and where there is nothing nobody could say."""
    mappings = [
        {
            "type": "value",
            "options": {
                "0": {"text": "down", "color": "red", "index": 0},
                "1": {"text": "up", "color": "green", "index": 1},
            },
        }
    ]
    return Panel(
        kind="state-timeline",
        title=title,
        description=description,
        unit="none",
        queries=queries,
        width=width,
        height=height,
        defaults={
            "mappings": mappings,
            "thresholds": _thresholds([("red", 0), ("green", 1)]),
            "color": {"mode": "thresholds"},
            "custom": {"lineWidth": 0, "fillOpacity": 80},
        },
        options={
            "mergeValues": True,
            "showValue": "never",
            "alignValue": "left",
            "rowHeight": 0.85,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: the query that fills it, its heading and its unit."""

    expr: str
    heading: str
    unit: str
    steps: Sequence[tuple[str, float]] = ()
    decimals: int | None = None


def table(
    title: str,
    description: str,
    columns: Sequence[Column],
    *,
    labels: Mapping[str, str],
    sort_by: str,
    descending: bool = False,
    links: Mapping[str, Mapping[str, str]] | None = None,
    width: int = 24,
    height: int = 12,
) -> Panel:
    """Rows by the labels that the queries share, with a column for each query. `labels`: label to heading, in order.

    `links`: by the heading of a column whither its cells lead, each by a title.
    """
    letters = "ABCDEFGHIJ"[: len(columns)]
    value = [f"Value #{letter}" for letter in letters] if len(columns) > 1 else ["Value"]
    order = [*labels, *value]
    headings = {**labels, **dict(zip(value, (column.heading for column in columns), strict=True))}
    overrides = [
        {
            "matcher": {"id": "byName", "options": column.heading},
            "properties": [
                {"id": "unit", "value": column.unit},
                *([] if column.decimals is None else [{"id": "decimals", "value": column.decimals}]),
                *_cell(column.steps),
            ],
        }
        for column in columns
    ]
    for heading, urls in (links or {}).items():
        value_of_links = [{"title": each, "url": url} for each, url in urls.items()]
        overrides.append(
            {
                "matcher": {"id": "byName", "options": heading},
                "properties": [{"id": "links", "value": value_of_links}],
            }
        )
    return Panel(
        kind="table",
        title=title,
        description=description,
        unit="none",
        queries=[Query(expr=column.expr, instant=True) for column in columns],
        width=width,
        height=height,
        defaults={"custom": {"align": "auto", "filterable": True}},
        options={
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": sort_by, "desc": descending}],
            "footer": {"show": False, "reducer": ["sum"], "countRows": False},
        },
        overrides=overrides,
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {name: place for place, name in enumerate(order)},
                    "renameByName": headings,
                },
            },
        ],
    )


def _cell(steps: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    if not steps:
        return []
    return [
        {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        {"id": "color", "value": {"mode": "thresholds"}},
        {"id": "thresholds", "value": _thresholds(steps)},
    ]


def _target(letter: str, query: Query, *, table: bool) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
        "format": "table" if table else "time_series",
    }


def _thresholds(steps: Sequence[tuple[str, float]]) -> dict[str, Any]:
    colours = [{"color": colour, "value": value} for colour, value in steps] or [
        {"color": "text", "value": 0}
    ]
    return {"mode": "absolute", "steps": [{**colours[0], "value": None}, *colours[1:]]}
