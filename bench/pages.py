"""What a page costs that people look at: of a large fleet of one client, in which a storm is under way.

`python -m bench.pages [SERVERS [OUTAGES]]` prints CPU milliseconds of each page, from the question to its HTML, and the stall, the
worst lateness of a 1 ms heartbeat on the event loop. The first look at each compiles its template and is left out.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp.test_utils import make_mocked_request

from bench.exposition import measured
from bench.lists import stormy
from daemon.answers.accounts import AccountAnswers
from daemon.answers.answers import Answers
from daemon.answers.budgets import BudgetAnswers
from daemon.causes.traces import Traces
from daemon.ledger import Head
from daemon.pages.rendering import Templates
from daemon.pages.site import PAGES, PageValues
from daemon.pages.viewer import PageSources, Viewer
from daemon.records.idempotency import RecordedRequests

NAMES = {"client": "acme", "server": "server-7", "solution": "server-7"}
QUERIES = ("", "?sort=worst", "?name=*99?&sort=since", "?open=true")


class _NoEvents:
    """A ledger that is asked how it is."""

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


async def pages(servers: int, outages: int) -> None:
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
        committer=none,
        seal=none,
        verified_until=lambda: 0,
        figures=figures,
        exposition=none,
        recorded_requests=RecordedRequests(),
        documents=none,
        issuing=none,
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
    await _measured("clients at a new instant", lambda: BudgetAnswers(fleet.book, figures).clients())
    for path, (name, values) in PAGES.items():
        for query in QUERIES if name in ("servers", "outages") else QUERIES[:1]:
            if not (name == "outages" and "sort" in query) and not (name == "servers" and "open" in query):
                await _told(f"{path.replace(':[^/]+', '')}{query}", name, values, viewer, templates)


async def _told(what: str, name: str, values: PageValues, viewer: Viewer, templates: Templates) -> None:
    request = make_mocked_request("GET", f"/?{what.partition('?')[2]}")
    request.match_info.update(NAMES)

    async def once() -> None:
        shown = await values(viewer, request)
        templates.page(f"{name}.html", {**shown, "viewer": viewer, "page": name})

    await once()
    await _measured(what, once)


async def _measured(what: str, work: Callable[[], Awaitable[Any]]) -> None:
    async def once() -> None:
        await work()

    took = await measured(once)
    print(f"{what:<44} {took[0]:8.1f} ms CPU  {took[1]:6.1f} ms stall")


def main() -> None:
    """As the module says."""
    given = list(map(int, sys.argv[1:]))
    servers, outages = (*given, *(40_000, 80_000)[len(given) :])
    asyncio.run(pages(servers, outages))


if __name__ == "__main__":
    main()
