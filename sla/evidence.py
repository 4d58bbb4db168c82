"""Evidence as JSON Lines, the interchange format (`spec/evidence.md`): records to lines, and lines that slad wrote itself
back to records. Lines that others wrote are read by `sla.reader`.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import Field, fields
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn, assert_never

from sla.decoding import (
    KINDS,
    WITHOUT_RECORDED_AT,
    LineError,
    parse_line,
    record_of,
    usual_observation,
    values_of,
)
from sla.instants import Instant, format_instant
from sla.reasons import in_evidence
from sla.records import (
    ALL_LEGS,
    Blind,
    Contract,
    Extra,
    Leg,
    Observation,
    ObservedUntil,
    Record,
    Recorded,
    State,
    Witness,
)
from sla.values import as_instant

_JSON_NAMES: Final = {"start": "from", "end": "until"}
_COMMON: Final = {field.name for field in fields(Recorded)}
_INSTANT_TYPES: Final = (Instant, Instant | None)
_WITNESSES: Final[dict[tuple[object, object], Witness]] = {}
"""One object for each that was ever decoded: there are few of them, and many observations."""
_WORDS: Final = tuple(state.word for state in State)
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class _OwnKey(NamedTuple):
    """What a record says in one key: in which, from which attribute, and how it is written where it is not None."""

    name: str
    key: str
    """As it stands in a line, from the comma before it to the colon."""
    may_be_left_out: bool
    """Where it is empty."""
    text_of: Callable[[Any], str]


def encode(record: Record) -> str:
    """The record's line, without the newline: compact JSON, keys in the order of the format's tables."""
    if isinstance(record, Observation):
        return _encode_observation(record)
    if isinstance(record, Blind | ObservedUntil):
        return _line(record.kind, _witness_keys(record), record.extra)
    if isinstance(record, Recorded):
        return _encode_recorded(record)
    assert_never(record)


def instants_of(record: Recorded) -> Iterator[tuple[str, Instant]]:
    """Each instant that a record names, but its own `recorded_at`, with its key."""
    for field in fields(record):
        value = getattr(record, field.name)
        if value is not None and field.type in _INSTANT_TYPES and field.name not in _COMMON:
            yield _JSON_NAMES.get(field.name, field.name), value


def decoded(line: str) -> Record:
    """The record of a line that `encode` made, with or without salt and proof. Raises ValueError.

    What it refers to is not checked: whoever took the record first did.
    """
    said = parse_line(line.encode())
    kind = str(said.get("kind"))
    observation = usual_observation(said, _WITNESSES) if kind == "observation" else None
    if observation is not None:
        return observation
    if kind not in KINDS:
        raise LineError("kind", "is none that this version knows")
    values = values_of(kind, said, _refuse)
    if kind in WITHOUT_RECORDED_AT:
        witness = values["witness"]
        values["witness"] = _WITNESSES.setdefault((witness.observer, witness.source), witness)
    else:
        values["recorded_at"] = as_instant(said.get("recorded_at"))
    return record_of(kind, said, values)


def _refuse(key: str | None, problem: str) -> NoReturn:
    raise LineError(key, problem)


def _encode_observation(record: Observation) -> str:
    # By far the most frequent kind: put together by hand, a fifth of what json.dumps would take.
    noticed_at = record.noticed_at
    return (
        f'{_by_witness(record.witness)}{_quoted(record.server)},"leg":"{record.leg}","state":"{_WORDS[record.state]}"'
        f',"at":"{format_instant(record.at)}"{_because(record.reason) if record.reason else ""}'
        f"{'' if noticed_at is None else _noted('noticed_at', noticed_at)}{_extra(record.extra) if record.extra else ''}}}"
    )


@lru_cache(maxsize=4096)
def _by_witness(witness: Witness) -> str:
    return f'{{"kind":"observation","observer":{_quoted(witness.observer)},"source":{_quoted(witness.source)},"server":'


def _because(reason: str) -> str:
    return f',"reason":{_quoted(in_evidence(reason))}'


@lru_cache(maxsize=256)
def _noted(key: str, at: Instant) -> str:
    return f',"{key}":"{format_instant(at)}"'  # what is noticed, or recorded, together is at one instant


@lru_cache(maxsize=65_536)
def _quoted(text: str) -> str:
    return _COMPACT.encode(text)


def _encode_recorded(record: Recorded) -> str:
    parts = [f'{{"kind":"{record.kind}"']
    for name, key, may_be_left_out, text_of in _OWN_KEYS[type(record)]:
        value = getattr(record, name)
        if value is None:
            parts.append(f"{key}null")
        elif not (may_be_left_out and value == ""):
            parts.append(key + text_of(value))
    parts.append(_noted("recorded_at", record.recorded_at))
    if record.recorded_by:
        parts.append(f',"recorded_by":{_quoted(record.recorded_by)}')
    parts.append(f"{_extra(record.extra)}}}" if record.extra else "}")
    return "".join(parts)


def _witness_keys(record: Blind | ObservedUntil) -> Iterable[tuple[str, str]]:
    yield "observer", _quoted(record.witness.observer)
    yield "source", _quoted(record.witness.source)
    if isinstance(record, ObservedUntil):
        yield "at", _instant(record.at)
        return
    yield "from", _instant(record.start)
    yield "until", _instant(record.end)
    if record.legs != ALL_LEGS:
        yield "legs", _legs(record.legs)
    if record.reason:
        yield "reason", _quoted(in_evidence(record.reason))


def _own_keys(kind: type[Recorded]) -> Iterator[_OwnKey]:
    """What the records of a kind say in keys of its own, in the order of the format's tables."""
    for field in fields(kind):
        if field.name not in _COMMON:
            yield _OwnKey(
                name=field.name,
                key=f',"{_JSON_NAMES.get(field.name, field.name)}":',
                may_be_left_out=field.default == "",
                text_of=_text_of(kind, field),
            )


def _text_of(kind: type[Recorded], field: "Field[Any]") -> Callable[[Any], str]:
    if kind is Contract and field.name == "terms":
        return str  # JSON as it is
    if field.type == tuple[Leg, ...]:
        return _legs
    return _instant if field.type in _INSTANT_TYPES else _json


def _instant(at: Instant) -> str:
    return f'"{format_instant(at)}"'


@lru_cache(maxsize=64)
def _legs(legs: tuple[Leg, ...]) -> str:
    return _json(legs)


def _json(value: object) -> str:
    plain = value.value if isinstance(value, Enum) else value
    return _COMPACT.encode(plain)


def _extra(extra: Extra) -> str:
    return "".join(f",{_quoted(key)}:{text}" for key, text in extra)


def _line(kind: str, keys: Iterable[tuple[str, str]], extra: Extra) -> str:
    return f'{{"kind":"{kind}"' + "".join(f',"{key}":{text}' for key, text in keys) + _extra(extra) + "}"


_OWN_KEYS: Final = {
    kind: tuple(_own_keys(kind))
    for kind, _ in KINDS.values()
    if isinstance(kind, type) and issubclass(kind, Recorded)
}
