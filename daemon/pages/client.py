"""`/clients/CLIENT`: a client's month, so far or as it was: its statement before it is one."""

from typing import Any, Final

from aiohttp import web

from daemon.answers.budgets import BudgetVerdict, verdict_so_far
from daemon.control import query
from daemon.control.paging import cursor_behind
from daemon.control.questions import OutagesAsked, Page
from daemon.pages.asking import client_named, month_asked
from daemon.pages.drawing import strip_of
from daemon.pages.processes import processes_of
from daemon.pages.statements import ENDINGS, statement_files
from daemon.pages.viewer import Viewer
from sla.availability import Figures
from sla.calendars import calendar_of
from sla.client_document import MonthVerdict, verdict_of

ROWS: Final = 25
TOP: Final = 12


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError."""
    client = await viewer.one_client(client_named(request, viewer))
    month = month_asked(request, viewer, client.timezone)
    question = "client", client.client, month.month
    asked = query.page(request, question, (0, 0, "", ""), ROWS)
    servers = await viewer.client_months(client.client, month.month, asked)
    processes, all_processes = await viewer.processes(client.client, TOP)
    span = calendar_of(client.timezone).month_span(month.month)
    windows = await viewer.agenda(client.client, span)
    return {
        "client": client,
        "endings": ENDINGS,
        "statement": statement_files(viewer.issued(client.client, month.month), client, month.month),
        "month": month,
        "servers": [
            (each.row, _verdict(each.row.figures, is_over=not month.is_present), each.account.days)
            for each in servers.rows
        ],
        "verdicts": {} if month.is_present else await viewer.verdicts(client.client, month.month),
        "strip": strip_of,
        "cursor": cursor_behind(question, servers),
        "is_first": asked.after is None,
        "incidents": await viewer.incidents(
            OutagesAsked(client=client.client, month=month.month), Page(None, TOP)
        ),
        "processes": [(each, list(processes_of(each, only_told=True))) for each in processes],
        "all_processes": all_processes,
        "windows": windows[:TOP],
        "all_windows": len(windows),
        "at": viewer.now(),
    }


def _verdict(figures: Figures, *, is_over: bool) -> BudgetVerdict | MonthVerdict:
    """Of a month that goes on what its budget leaves tells, and not what it would be if it ended now."""
    return verdict_of(figures.met, figures.conclusive) if is_over else verdict_so_far(figures)
