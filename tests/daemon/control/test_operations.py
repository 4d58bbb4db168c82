"""The table of operations is what the control API serves, and where its paths come from."""

from pathlib import Path

import pytest
from aiohttp import web

from daemon.control import fleet_operations, link_operations, record_operations, routes
from daemon.control.client import ControlClient
from daemon.control.operation import Operation
from daemon.control.operations import OPERATIONS
from daemon.control.routing import routes_of
from daemon.replies.servers import ServerStatus
from tests.daemon.control.fixed import FixedControl, fixed_api
from tests.daemon.records.office import Office

STRANGE = [
    "web/3 ä",
    "{name}",
    "{0}",
    "100%",
    "%2F",
    "a?b#c",
    "a+b&c=d",
    "web [3]",
    "\u202eweb",
    "~.-_",
    "%",
    ".",
    "..",
    "...",
    "-x",
    "\\",
    "'\"",
    "%2e",
]

TABLES = (fleet_operations, record_operations, link_operations)


def served() -> web.UrlDispatcher:
    router = web.UrlDispatcher()
    router.add_routes(routes_of(FixedControl(), Office().records))
    return router


def test_every_operation_is_a_route_and_every_route_an_operation() -> None:
    found = [
        (route.method, route.resource.canonical)
        for route in served().routes()
        if route.resource is not None and route.method != "HEAD"
    ]
    assert sorted(found) == sorted(
        (operation.route.method, operation.route.template) for operation in OPERATIONS
    )


def test_no_path_is_written_outside_of_the_table() -> None:
    table = Path(routes.__file__)
    sources = table.parents[1].rglob("*.py")
    assert [source for source in sources if "/v1/" in source.read_text(encoding="utf-8")] == [table]


def test_every_operation_that_is_named_is_in_the_table_once() -> None:
    named = [each for module in TABLES for each in vars(module).values() if isinstance(each, Operation)]
    assert sorted(each.id for each in OPERATIONS) == sorted(each.id for each in named)


def test_every_operation_has_the_route_of_its_name() -> None:
    for module in TABLES:
        for name, each in vars(module).items():
            if isinstance(each, Operation):
                assert each.route is getattr(routes, name)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
@pytest.mark.parametrize("name", STRANGE)
def test_a_path_of_any_names_is_that_of_the_operation(operation: Operation, name: str) -> None:
    path = operation.route.path(**dict.fromkeys(operation.route.names, name))
    assert path.count("/") == operation.route.template.count("/")
    assert path.isascii()
    assert not operation.route.names or path != operation.route.template


def test_a_path_without_its_names_is_a_mistake_of_ours() -> None:
    for names in ({}, {"id": "x"}, {"name": "x", "id": "y"}):
        with pytest.raises(AssertionError, match="other names"):
            routes.SERVER.path(**names)


async def test_the_daemon_is_asked_for_a_name_as_it_is(tmp_path: Path) -> None:
    asked: list[str] = []

    class Listening(FixedControl):
        def server(self, name: str) -> ServerStatus:
            asked.append(name)
            return super().server("nobody")

    path = tmp_path / "control.sock"
    async with fixed_api(path, Listening()), ControlClient(path) as client:
        for name in STRANGE:
            with pytest.raises(Exception, match="there is no server"):
                await client.document(routes.SERVER.path(name=name))
    assert asked == STRANGE
