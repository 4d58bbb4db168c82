"""Every model that the control API answers with: one language, in seconds."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from daemon.control.openapi import document
from daemon.control.operations import OPERATIONS
from daemon.replies.common import At, Error, Reply, Seconds
from sla import records

COUNTS = {
    "servers",
    "servers_down",
    "fully_eligible",
    "partly",
    "not_at_all",
    "count",
    "evaluation_count",
    "records",
    "seq",
    "size_bytes",
    "states",
    "version",
    "corrects",
    "outdated",
    "attempts",
    "figures",
    "proposals_pending",
    "verified_until",
    "behind_records",
    "disagreements",
}
"""The fields that are plain integers."""


def models_in(annotation: Any) -> Iterator[type[Reply]]:
    """The models that an annotation holds, and those within them."""
    if isinstance(annotation, type) and issubclass(annotation, Reply):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation):
        yield from models_in(part)


def holds(annotation: Any, wanted: Any) -> bool:
    return annotation == wanted or any(holds(part, wanted) for part in get_args(annotation))


MODELS = {model for each in OPERATIONS for model in models_in(each.answer)} | {Error}
FIELDS = [
    (model, name, annotation)
    for model in MODELS
    for name, annotation in get_type_hints(model, include_extras=True).items()
    if name in model.model_fields
]


def test_there_are_models_of_all_nouns() -> None:
    names = {model.__name__ for model in MODELS}
    assert names >= {"Status", "ServerStatus", "SolutionStatus", "ExclusionStatus", "RequestStatus", "ClientStatus"}  # fmt: skip
    assert len(names) == len(MODELS), "two models of one name"
    assert names & set(vars(records)) == set(), "a record of that name is another thing"
    assert names <= set(document()["components"]["schemas"])


def test_no_duration_is_told_in_microseconds() -> None:
    assert [(model, name) for model, name, _ in FIELDS if name.endswith("_us")] == []


def test_durations_are_seconds_and_nothing_else_is_called_so() -> None:
    timed = {(model, name) for model, name, annotation in FIELDS if holds(annotation, Seconds)}
    called = {(model, name) for model, name, _ in FIELDS if name == "seconds" or name.endswith("_seconds")}
    assert timed == called
    assert len(timed) > 10


def test_a_number_that_is_no_duration_is_a_count() -> None:
    numbers = {
        name
        for _, name, annotation in FIELDS
        if not holds(annotation, Seconds)
        and not holds(annotation, At)
        and (holds(annotation, int) or holds(annotation, float))
    }
    assert numbers == COUNTS


def test_a_span_has_from_and_until() -> None:
    for model in MODELS:
        for name, field in model.model_fields.items():
            told = {"start": "from", "end": "until"}.get(name)
            assert field.serialization_alias == told, (model, name)
