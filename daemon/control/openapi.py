"""The OpenAPI document of the control door, made of the operations and of the models of bodies and replies."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from daemon.control.operation import Operation, QueryParameter
from daemon.control.operations import OPERATIONS
from daemon.replies.common import Error

Json = dict[str, Any]

Mode = Literal["validation", "serialization"]
Schemas = Mapping[tuple[Any, Mode], Json]

_REF: Final = "#/components/schemas/{model}"
_RECORDING: Final = (
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
"""Refusals of every operation that records."""
_ANY: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Refusals of every operation."""
_REFUSALS: Final = {
    HTTPStatus.BAD_REQUEST: "A parameter or a header is not as it should be, or the body is no JSON object.",
    HTTPStatus.UNAUTHORIZED: "On TCP: there is no token, it is wrong, or it has expired.",
    HTTPStatus.FORBIDDEN: "On TCP: the token may only read, or a web page of another origin wants to write.",
    HTTPStatus.MISDIRECTED_REQUEST: "On TCP: slad is not known by the host that the request names.",
    HTTPStatus.NOT_FOUND: "What the path names is not there.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time.",
    HTTPStatus.CONFLICT: "It contradicts what is on record or how things stand, has to be confirmed, or a name means several things.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not announced as application/json.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field may not be what it is.",
    HTTPStatus.TOO_MANY_REQUESTS: "On TCP: there were too many requests with no good token.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A defect of slad, which its log tells of.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Too much at once, or nothing can be recorded now: to be sent again later, under the"
    " same key.",
}

_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each request, and the same when it is sent again: it is then recorded once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}


@cache
def document() -> Json:
    """The document, OpenAPI 3.1."""
    models: list[tuple[Any, Mode, TypeAdapter[Any]]] = []
    for operation in OPERATIONS:
        if operation.body is not None:
            models.append((operation.body, "validation", TypeAdapter(operation.body)))
        if operation.answer is not None:
            models.append((operation.answer, "serialization", TypeAdapter(operation.answer)))
    models.append((Error, "serialization", TypeAdapter(Error)))
    schemas, definitions = TypeAdapter.json_schemas(models, ref_template=_REF)
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.route.template, {})[operation.route.method.lower()] = _operation(
            operation, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "slad",
            "version": version("slad"),
            "description": "The control door of slad: how it is, and records by people. Instants are RFC 3339 with a"
            " zone, UTC in answers; durations are seconds, and their names say so.",
        },
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "responses": {
                status.name: {
                    "description": description,
                    "content": {"application/json": {"schema": schemas[Error, "serialization"]}},
                }
                for status, description in _REFUSALS.items()
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "On TCP. On the Unix socket the kernel says who asks.",
                }
            },
        },
        "security": [{}, {"token": []}],
    }


def _operation(operation: Operation, schemas: Schemas) -> Json:
    said: Json = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        said["requestBody"] = {
            "required": operation.body_needed,
            "content": {"application/json": {"schema": schemas[operation.body, "validation"]}},
        }
    return said


def _parameters(operation: Operation) -> list[Json]:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in operation.route.names
    ]
    parameters += map(_query_parameter, operation.query_parameters)
    return [*parameters, _KEY] if operation.records else parameters


def _query_parameter(parameter: QueryParameter) -> Json:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _responses(operation: Operation, schemas: Schemas) -> Json:
    schema = {"type": "string"} if operation.answer is None else schemas[operation.answer, "serialization"]
    content = {operation.media_type: {"schema": schema}}
    responses: Json = {"200": {"description": "The answer.", "content": content}}
    refusals = {*_ANY, *operation.refusals}
    if operation.records:
        responses["200"]["description"] = (
            "Nothing was recorded: it was a dry run, or it was recorded before (`Idempotent-Replay: true`)."
        )
        responses["201"] = {"description": "It is recorded, durably.", "content": content}
        refusals.update(_RECORDING)
    for status in sorted(refusals):
        responses[str(status.value)] = {"$ref": f"#/components/responses/{status.name}"}
    return responses
