"""How problems in slad.toml are worded: where they are, what is wrong, what would be right."""

import re
from collections.abc import Iterable
from typing import Final, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from daemon.config.lines import KeyPath
from daemon.config.tables import Table
from daemon.config.values import nearest, shown


def key_text(path: KeyPath) -> str:
    """A path for people: elements are counted from 1, and names that TOML quotes are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else shown(part))
    return text


_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def unknown_key(key: str, known: Iterable[str]) -> str:
    """What to say of a key that is none of those known."""
    known = tuple(known)
    return f"is unknown here: {nearest(key, known) or 'known are ' + ', '.join(known)}"


def causes_of(error: ValidationError) -> list[ErrorDetails]:
    """What pydantic found, without what is missing beside an unknown key: that one is it, mistyped."""
    found = error.errors(include_url=False)
    mistyped = {details["loc"][:-1] for details in found if details["type"] == "extra_forbidden"}
    return [each for each in found if each["type"] != "missing" or each["loc"][:-1] not in mistyped]


def told(model: type[Table], details: ErrorDetails) -> str:
    """What pydantic found, as what is wrong and what would be right."""
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])
    table = _table_at(model, details["loc"])
    name = str(next(part for part in reversed(details["loc"]) if isinstance(part, str)))
    value = details["input"]
    if details["type"] == "extra_forbidden":
        return unknown_key(name, table.model_fields)
    match details["type"]:
        case "missing":
            return f"is missing: write one such as {name} = {_example(table, name)}"
        case "literal_error" | "enum":
            return f"must be {details['ctx']['expected']}, not {shown(value)}"
        case "too_short":
            return f"must not be empty: write one such as {name} = {_example(table, name)}"
        case "too_long":
            return f"has {details['ctx']['actual_length']} elements, and at most {details['ctx']['max_length']} can be"
        case "dict_type" | "model_type":
            return f"must be a table, not {shown(value)}"
        case kind:
            return f"must be {_KINDS[kind]}, not {shown(value)}: write one such as {name} = {_example(table, name)}"


_KINDS: Final = {
    "string_type": "a text in quotes",
    "tuple_type": "a list",
    "bool_type": "true or false",
}


def _table_at(model: type[Table], loc: tuple[int | str, ...]) -> type[Table]:
    """The table that holds the last key of a path."""
    for part in loc[:-1]:
        annotation = model.model_fields[part].annotation if isinstance(part, str) else None
        for inner in (annotation, *get_args(annotation)):
            if isinstance(inner, type) and issubclass(inner, Table):
                model = inner
    return model


def _example(table: type[Table], name: str) -> str:
    examples = table.model_fields[name].examples
    assert examples, f"{table.__name__}.{name} has no example"
    return shown(examples[0])
