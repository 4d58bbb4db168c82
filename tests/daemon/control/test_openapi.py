"""The OpenAPI document is what the control door does."""

import json
from http import HTTPStatus
from pathlib import Path

from daemon.control.openapi import document
from daemon.control.operations import OPERATIONS
from tests.daemon.records.office import Office, at_the_door


def test_the_document_tells_of_every_operation_and_of_nothing_else() -> None:
    told = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert told == {(operation.route.method, operation.route.template) for operation in OPERATIONS}


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    schemas = document()["components"]["schemas"]
    text = json.dumps(document())
    for name in schemas:
        assert f'"#/components/schemas/{name}"' in text
    assert text.count("#/components/schemas/") >= len(schemas)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in schemas


def test_operations_have_names_of_their_own() -> None:
    names = [said["operationId"] for methods in document()["paths"].values() for said in methods.values()]
    assert len(names) == len(set(names))


async def test_the_door_shows_it(tmp_path: Path) -> None:
    async with at_the_door(Office(), tmp_path / "control.sock") as caller:
        assert (await caller.get("/v1/openapi.json")).json == json.loads(json.dumps(document()))


def test_whoever_names_somebody_in_a_query_is_told_by_the_document_that_there_may_be_none() -> None:
    naming = [
        each for each in OPERATIONS if {"client", "solution", "server"} & {asked.name for asked in each.query}
    ]
    assert len(naming) > 3
    assert [each.id for each in naming if HTTPStatus.NOT_FOUND not in each.refusals] == []
