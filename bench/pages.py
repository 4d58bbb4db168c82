"""What a page costs that people look at: of a large fleet of one client, in which a storm is under way.

`python -m bench.pages [SERVERS [OUTAGES]]` prints a table: each page, from the question to its HTML. The first look at each compiles its template and is left out.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

from aiohttp.test_utils import make_mocked_request

from bench.lists import PAGE_S, RUNS, STALL_S, stormy
from bench.measuring import best_of
from bench.table import Row, cpu_and_stall, show
from daemon.answers.accounts import AccountAnswers
from daemon.answers.answers import Answers
from daemon.answers.budgets import BudgetAnswers
from daemon.causes.traces import Traces
from daemon.control.questions import OutagesAsked, Page
from daemon.ledger import Head
from daemon.pages.rendering import Templates
from daemon.pages.site import PAGES, PageValues
from daemon.pages.viewer import PageSources, Viewer
from daemon.records.idempotency import RecordedRequests
from daemon.statements.issuing import Issuing
from daemon.statements.register import StatementRegister
from sla.instants import format_instant

NAMES = {"client": "acme", "server": "server-7", "solution": "server-7"}
QUERIES = ("", "?sort=worst", "?name=*99?&sort=since", "?open=true")


class _NoEvents:
    """A ledger, and others, that are asked how they are."""

    head = Head(1, b"")
    size_bytes = 0
    fault = held = ""
    committed_at = None

    def layers(self) -> tuple[()]:
        return ()

    def outdated(self) -> tuple[()]:
        return ()

    def told(self) -> tuple[()]:
        return ()

    def reach(self, _: str) -> tuple[()]:
        return ()

    async def read(self, _: int, __: int) -> tuple[()]:
        return ()


async def pages(servers: int, outages: int) -> AsyncIterator[Row]:
    """Each page, and lists in every order."""
    fleet, figures, clock = await stormy(servers, outages)
    none = cast(Any, _NoEvents())
    answers = Answers(
        clock=cast(Any, clock),
        ledger=none,
        book=fleet.book,
        registry=fleet.registry,
        sources=cast(Any, ()),
        internet=none,
        readiness=tuple,
        committed_at=lambda: None,
        seal=none,
        verified_until=lambda: 0,
        figures=figures,
        recorded_requests=RecordedRequests(),
        documents=none,
        issuing=Issuing(
            clock=cast(Any, clock),
            book=fleet.book.evidence,
            ledger=none,
            register=StatementRegister(fleet.book.evidence),
            documents=none,
            recorded_requests=RecordedRequests(),
        ),
        deliveries=none,
        traces=Traces(),
    )
    viewer = Viewer(
        PageSources(
            answers=answers,
            accounts=AccountAnswers(fleet.book, figures, clock),
            budgets=BudgetAnswers(fleet.book, figures),
            own=none,
            shelf=none,
        )
    )
    templates = Templates()
    for row in await _row("clients at a new instant", lambda: BudgetAnswers(fleet.book, figures).clients()):
        yield row
    (last,) = (await viewer.outages(OutagesAsked(server=NAMES["server"]), Page(None, 1))).rows
    names = {**NAMES, "start": format_instant(last.start)}
    for path, (name, values) in PAGES.items():
        for query in QUERIES if name in ("servers", "outages") else QUERIES[:1]:
            if not (name == "outages" and "sort" in query) and not (name == "servers" and "open" in query):
                shown = f"{path.replace(':[^/]+', '')}{query}"
                for row in await _page(shown, name, values, viewer, templates, names):
                    yield row


async def _page(
    what: str, name: str, values: PageValues, viewer: Viewer, templates: Templates, names: Mapping[str, str]
) -> list[Row]:
    request = make_mocked_request("GET", f"/?{what.partition('?')[2]}")
    request.match_info.update(names)

    async def once() -> None:
        shown = await values(viewer, request)
        templates.page(f"{name}.html", {**shown, "viewer": viewer, "page": name})

    await once()
    return await _row(what, once)


async def _row(what: str, work: Callable[[], Awaitable[Any]]) -> list[Row]:
    return cpu_and_stall(what, await best_of(RUNS, work), cpu=PAGE_S, stall=STALL_S)


async def table(servers: int, outages: int) -> None:
    title = f"pages, {servers:,} servers, {outages:,} outages"
    show(title, [row async for row in pages(servers, outages)])


def main() -> None:
    """As the module says."""
    given = list(map(int, sys.argv[1:]))
    servers, outages = (*given, *(40_000, 80_000)[len(given) :])
    asyncio.run(table(servers, outages))


if __name__ == "__main__":
    main()
