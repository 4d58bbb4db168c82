"""Whatever the OpenAPI document allows, and much that it does not, sent to the door by schemathesis.

The office reads every record back by the strict reader of evidence: one that the ledger could not be read with is a fault
of the server.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest
from aiohttp import web
from hypothesis import HealthCheck, settings

from daemon.control import fleet_operations
from daemon.control.api import LIMITS, application
from daemon.control.identity import let_in
from daemon.control.openapi import document
from daemon.control.operation import Operation
from daemon.control.routing import routes_of
from daemon.web.connections import Handler
from daemon.web.door import Door
from daemon.web.listening import listening
from tests.daemon.control.fixed import SERVER, SOLUTION, FixedControl
from tests.daemon.records.office import Office

schemathesis: Any = pytest.importorskip("schemathesis")

KNOWN = {
    "client": "c",
    "solution": "shop",
    "opened_by": "ann",
    "from": "2026-03-17T03:00:00Z",
    "until": "2026-03-17T05:30:00Z",
    "opened_at": "2026-03-09T22:00:00Z",
}
THERE = {
    fleet_operations.SERVER: {"name": SERVER.server},
    fleet_operations.SOLUTION: {"client": SOLUTION.client, "id": SOLUTION.id},
    fleet_operations.CLIENT: {"id": "c"},
}
"""Names that generated ones hardly ever are."""

schema = schemathesis.openapi.from_dict(document())
MAY_BE_REFUSED = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
"""What has the right form may still name nobody, or an instant in the future."""


def name_what_is_there(case: Any) -> None:
    """In place of generated names and instants, so that more than refusals is tried."""
    if case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        known = {key: value for key, value in KNOWN.items() if isinstance(case.body.get(key), str)}
        everybody: dict[str, list[str]] = {
            key: [] for key in ("servers", "solutions", "clients") if key in case.body
        }
        case.body = {**case.body, **known, **everybody}


@web.middleware
async def _anybody(request: web.Request, handler: Handler) -> web.StreamResponse:
    let_in(request, "uid:1 (test)")
    return await handler(request)


ENOUGH: Final = 100
"""How many requests to record something have to be tried before it says something that none was recorded."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The door without tokens, on loopback, in a thread of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    place: list[Any] = []
    office = Office()
    tried.clear()

    async def serve() -> None:
        door = Door(name="control", limits=LIMITS)
        app = application(partial(routes_of, FixedControl(), office.records), [_anybody], door)
        async with listening(app, door, [("127.0.0.1", 0)]) as [(_, port)]:
            place.extend((asyncio.get_running_loop(), port))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="door")
    thread.start()
    assert ready.wait(10)
    yield f"http://127.0.0.1:{place[1]}"
    place[0].call_soon_threadsafe(stop.set)
    thread.join()
    assert office.recorded or tried["POST"] < ENOUGH, "hardly anything but refusals was tried"


tried: Counter[str] = Counter()


def sent(case: Any, url: str) -> None:
    """One request, and what its answer has to be."""
    tried[case.method] += 1
    name_what_is_there(case)
    case.call_and_validate(base_url=url, excluded_checks=MAY_BE_REFUSED)


@pytest.mark.parametrize("operation", THERE, ids=lambda operation: operation.id)
def test_what_is_there_is_shown_as_the_document_says(url: str, operation: Operation) -> None:
    case = schema[operation.route.template][operation.route.method].Case(path_parameters=THERE[operation])
    assert case.call_and_validate(base_url=url).status_code == 200


OFTEN = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
test_the_door_does_what_its_document_says = schema.parametrize()(OFTEN(sent))
