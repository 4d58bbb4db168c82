"""`/`: what is wrong first, then how clients stand, what comes, and whether slad sees at all."""

from typing import Any, Final

from aiohttp import web

from daemon.answers.budgets import WORST_FIRST, ClientBudget
from daemon.control.questions import OutagesAsked, Page
from daemon.pages.monitors import SILENT_US
from daemon.pages.processes import processes_of
from daemon.pages.viewer import Viewer
from daemon.replies.hub import SPOKEN_KINDS
from sla.instants import DAY, FOREVER, Instant

TOP: Final = 12
"""Rows of a list that goes on on a page of its own."""
AHEAD: Final = 14 * DAY
"""How far windows are shown that come."""


async def page(viewer: Viewer, _: web.Request) -> dict[str, Any]:
    """The values of the page."""
    overview = viewer.overview()
    clients = await viewer.clients()
    processes, all_processes = await viewer.processes(None, TOP)
    windows = await viewer.agenda(None, (overview.at, Instant(overview.at + AHEAD)))
    latest = await viewer.incidents(OutagesAsked(), Page(None, TOP))
    return {
        "overview": overview,
        "silent_us": SILENT_US,
        "disagreed": SPOKEN_KINDS,
        "incidents": await viewer.incidents(OutagesAsked(is_open=True), Page(None, TOP)),
        "latest": [each for each in latest.rows if each.end is not None],
        "clients": sorted(clients, key=_worst_first)[:TOP],
        "all_clients": len(clients),
        "by_verdict": {each: sum(client.verdict is each for client in clients) for each in WORST_FIRST},
        "processes": [(each, list(processes_of(each, only_told=True))) for each in processes],
        "all_processes": all_processes,
        "windows": windows[:TOP],
        "all_windows": len(windows),
    }


def _worst_first(client: ClientBudget) -> tuple[int, int, str]:
    left = FOREVER if client.least_left is None else client.least_left
    return WORST_FIRST.index(client.verdict), left, client.client
