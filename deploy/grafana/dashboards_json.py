"""Grafana's dashboards as classic JSON: rows of panels, and what can be chosen."""

from collections.abc import Sequence
from typing import Any, Final

from panels import DATASOURCE, Panel

SCHEMA_VERSION: Final = 41
COLUMNS: Final = 24

Row = tuple[str, Sequence[Panel]]
"""A heading and what is below it."""


def dashboard(
    uid: str, title: str, description: str, rows: Sequence[Row], variables: Sequence[dict[str, Any]]
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
        "annotations": {"list": []},
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
            }
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
