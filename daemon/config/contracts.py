"""The tables `[contract.*]` and `[client.ID.contract.*]`: as JSON has them, those of a client over those for all."""

from collections.abc import Iterator, Mapping
from datetime import date

from sla.terms import TermsError, parse_terms

Tables = Mapping[str, object]
"""The tables of a contract (spec §10) as JSON has them."""


def tables_of(holder: Mapping[str, object]) -> Tables:
    """The tables below `contract`."""
    return mapping(dates_as_text(mapping(holder.get("contract"))))


def dates_as_text(value: object) -> object:
    """A value from TOML as JSON has it, and so the terms: dates and instants become texts."""
    match value:
        case dict():
            return {key: dates_as_text(inner) for key, inner in value.items()}
        case list():
            return [dates_as_text(inner) for inner in value]
        case date():
            return value.isoformat()
        case _:
            return value


def overridden(general: Tables, own: Tables) -> Tables:
    """The tables of a contract with a client's own keys in the place of those for all."""
    merged = dict(general)
    for name, table in own.items():
        below = general.get(name, {})
        if isinstance(table, dict) and isinstance(below, dict):
            merged[name] = {**below, **table}
        else:
            merged[name] = table
    return merged


def names_key(tables: Tables, key: tuple[str, ...]) -> bool:
    """Whether a fault in a table or in a key of one is these tables' own."""
    if key[0] not in tables:
        return False
    table = tables[key[0]]
    return len(key) == 1 or not isinstance(table, dict) or key[1] in table


def faults_of(tables: Tables) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the tables of a contract, as (path below `contract`, text)."""
    try:
        parse_terms(tables, ())
    except TermsError as error:
        for fault in error.faults:
            yield tuple(fault.key.split(".", 1)), fault.problem


def mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
