"""Both doors of a running daemon do what is said of them, whatever schemathesis sends (issue #12).

A minute of it in `make test-long`, some seconds always.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from daemon.control.openapi import document
from daemon.exposition.bodies import Format
from daemon.pages.site import PAGES
from daemon.records.links import PREFIX
from tests.daemon.control.attacked import TOKEN, Attacked, attacked
from tests.daemon.control.test_schemathesis import MAY_BE_REFUSED
from tests.daemon.records.test_instants import REFUSED, TAKEN
from tests.daemon.web.test_headers import paths

schemathesis: Any = pytest.importorskip("schemathesis")


def _of(*kinds: str) -> dict[str, Any]:
    """Answers by 200, and refusals in plain text."""
    content = {kind: {"schema": {"type": "string"}} for kind in kinds}
    refused = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    codes = {code: {"description": "Refused.", **refused} for code in ("400", "413", "421", "503")}
    return {"200": {"description": "The answer.", "content": content}, **codes}


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}}


PUBLIC: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "the public door", "version": "1"},
    "paths": {
        path: {method: {"parameters": [_header(name) for name in headers], "responses": _of(*kinds)}}
        for path, kinds, headers in (
            ("/", ("text/html",), ()),
            ("/maintenance.ics", ("text/calendar",), ()),
            ("/servers", ("text/html",), ()),
            ("/maintenance", ("text/html",), ()),
            ("/metrics", tuple(each.value for each in Format), ("Accept", "Accept-Encoding")),
            ("/-/healthy", ("text/plain",), ()),
            ("/-/ready", ("text/plain",), ()),
        )
        for method in ("get",)
    },
}
"""The public door has no document of its own: this is what README says of it."""

control_schema = schemathesis.openapi.from_dict(document())
public_schema = schemathesis.openapi.from_dict(PUBLIC)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("attacked")) as running:
        yield running


def at_control(case: Any, daemon: Attacked) -> None:
    """One request to the control door; where an instant has the form that the document has, it is taken."""
    case.headers["Authorization"] = f"Bearer {TOKEN}"
    response = case.call_and_validate(
        base_url=daemon.control, verify=daemon.cafile, excluded_checks=MAY_BE_REFUSED
    )
    if case.meta.generation.mode.is_positive and response.status_code in (400, 422):
        assert "RFC 3339" not in response.text
        assert "of the years" not in response.text


def at_public(case: Any, daemon: Attacked) -> None:
    """One request to the public door."""
    case.call_and_validate(base_url=daemon.public)


def _attack(schema: Any, send: Callable[[Any, Attacked], None], examples: int) -> Any:
    """A test for each operation, of so many requests."""
    often = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )

    def attack(case: Any, daemon: Attacked) -> None:
        send(case, daemon)

    return schema.parametrize()(often(attack))


test_the_control_door = _attack(control_schema, at_control, 3)
test_the_public_door = _attack(public_schema, at_public, 5)
test_the_control_door_at_length = pytest.mark.long(_attack(control_schema, at_control, 150))
test_the_public_door_at_length = pytest.mark.long(_attack(public_schema, at_public, 200))


def test_the_description_of_the_public_door_has_all_of_its_routes_but_pages() -> None:
    """Nor those under links, which all look alike to whoever has none (`tests.daemon.pages.test_links.py`)."""
    served = {path for _, path in paths("public") if not path.startswith(PREFIX)}
    assert served == PUBLIC["paths"].keys() - PAGES.keys() - {"/maintenance.ics"}


def _asked(daemon: Attacked, operation: str, method: str, **said: Any) -> int:
    """The status of a request whose form nothing changes on its way."""
    case = control_schema[operation][method].Case(
        headers={"Authorization": f"Bearer {TOKEN}", **said.pop("headers", {})}, **said
    )
    response = case.call(base_url=daemon.control, verify=daemon.cafile)
    return int(response.status_code)


@pytest.mark.parametrize("text", [*TAKEN, *REFUSED])
def test_every_bound_of_an_instant_is_answered(daemon: Attacked, text: str) -> None:
    exported = _asked(daemon, "/v1/export", "GET", query={"from": text})
    assert exported == (200 if text in TAKEN else 400)
    body = {"from": text, "until": text}
    said = {"Idempotency-Key": "k"}
    announced = _asked(
        daemon, "/v1/maintenance", "POST", body=body, headers=said, media_type="application/json"
    )
    assert announced == 422, "nothing has no end after its beginning"
