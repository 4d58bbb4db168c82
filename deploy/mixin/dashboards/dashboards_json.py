"""Grafana's dashboards as classic JSON: rows of panels, and what can be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.mixin.dashboards.panels import DATASOURCE, Panel

SCHEMA_VERSION: Final = 41
COLUMNS: Final = 24

Row = tuple[str, Sequence[Panel]]
"""A heading and what is below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is marked on every panel over time: while a series is above zero; or where its value is an instant, in seconds, then.

    `text` may hold labels in double braces.
    """

    name: str
    expr: str
    text: str
    colour: str
    are_instants: bool = False

    def as_json(self) -> dict[str, Any]:
        """An annotation query. What Prometheus' data source alone reads is no part of Grafana's own types."""
        return {
            "name": self.name,
            "datasource": DATASOURCE,
            "enable": True,
            "hide": False,
            "iconColor": self.colour,
            "expr": f"({self.expr}) * 1000" if self.are_instants else self.expr,
            "titleFormat": self.name,
            "textFormat": self.text,
            "useValueForTime": self.are_instants,
        }


def dashboard(
    uid: str,
    title: str,
    description: str,
    rows: Sequence[Row],
    marks: Sequence[Marks],
    variables: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """A dashboard with its panels beside and below each other."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["slad"],
        "timezone": "browser",
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "annotations": {"list": [each.as_json() for each in marks]},
        "links": [
            {
                "title": "slad",
                "type": "dashboards",
                "tags": ["slad"],
                "asDropdown": True,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "tooltip": "slad's other dashboards",
                "url": "",
            },
            {
                "title": "Pages",
                "type": "link",
                "tags": [],
                "asDropdown": False,
                "icon": "external link",
                "includeVars": False,
                "keepTime": False,
                "targetBlank": True,
                "tooltip": "slad's own pages",
                "url": "${slad}/",
            },
        ],
        "templating": {"list": [_datasource(), *variables]},
        "panels": _placed(rows),
    }


def _placed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    y = 0
    for title, panels in rows:
        placed.append(
            {
                "id": len(placed) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
                "panels": [],
            }
        )
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            placed.append(panel.as_json(len(placed) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return placed


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "", "value": ""},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def address(name: str, label: str, url: str) -> dict[str, Any]:
    """An address that can be written; panels link below it."""
    return {
        "name": name,
        "label": label,
        "type": "textbox",
        "query": url,
        "current": {"text": url, "value": url},
        "hide": 0,
        "options": [],
        "skipUrlSync": False,
    }


def variable(name: str, label: str, query: str, *, multi: bool = True) -> dict[str, Any]:
    """What can be chosen, by a query."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]}
        if multi
        else {"text": "", "value": ""},
        "hide": 0,
        "includeAll": multi,
        **({"allValue": ".+"} if multi else {}),
        "multi": multi,
        "options": [],
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
    }
