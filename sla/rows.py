"""Records as rows of plain JSON values, four times as fast to read as their lines, and the way back.

For slad alone, to keep what it has read: a row says neither what its values mean nor which version wrote it, so it is of use to
the very version that did. Evidence is lines (`sla.evidence`).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from enum import Enum
from operator import attrgetter
from sys import intern
from types import NoneType, UnionType
from typing import Any, Final, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints

from sla.records import Record
from sla.sharing import sharing

_Read = Callable[[Any], Any]


def rows_of(records: Iterable[tuple[int, Record]]) -> str:
    """Numbered records as one JSON array of rows."""
    return json.dumps(
        [(number, record.kind, *_FORMS[record.kind].values(record)) for number, record in records],
        default=attrgetter("value"),  # of an Enum
        separators=(",", ":"),
    )


def records_of(rows: str | bytes) -> Iterator[tuple[int, Record]]:
    """The numbered records of what `rows_of` made. Raises ValueError, TypeError or KeyError for anything else."""
    for number, kind, *values in json.loads(rows):
        form = _FORMS[kind]
        for place, read in form.readers:
            values[place] = read(values[place])
        yield number, form.make(**dict(zip(form.names, values, strict=True)))


class _RowForm(NamedTuple):
    """How records of a kind become rows and rows become records."""

    make: Callable[..., Record]
    names: tuple[str, ...]
    values: Callable[[Record], tuple[Any, ...]]
    readers: tuple[tuple[int, _Read], ...]
    """What makes a field's value of JSON's, by the field's place; of those fields that JSON has not as they are."""


def _form_of(kind: type[Record]) -> _RowForm:
    hints = get_type_hints(kind)
    names = tuple(field.name for field in fields(kind))
    readers = ((place, _reader_of(hints[name])) for place, name in enumerate(names))
    return _RowForm(
        make=kind,
        names=names,
        values=attrgetter(*names),
        readers=tuple((place, read) for place, read in readers if read is not None),
    )


def _reader_of(hint: Any) -> _Read | None:
    """What reads a value of a type that JSON has not; None for one that it has."""
    if isinstance(hint, NewType):
        return _reader_of(hint.__supertype__)
    if hint is str:
        return intern  # most are ids, and names of who recorded it: other records have them too
    if hint in (int, NoneType):
        return None
    if get_origin(hint) in (Union, UnionType):
        (plain,) = (each for each in get_args(hint) if each is not NoneType)
        read = _reader_of(plain)
        return None if read is None else lambda value: None if value is None else read(value)
    if get_origin(hint) is tuple:
        return _tuple_reader(_reader_of(get_args(hint)[0]))
    make: _Read = hint
    return make if issubclass(hint, Enum) else lambda value: make(*value)  # a named tuple


def _tuple_reader(read: _Read | None) -> _Read:
    same: Callable[[tuple[Any, ...]], tuple[Any, ...]] = sharing()  # most servers have the same legs
    return lambda values: same(tuple(values if read is None else map(read, values)))


_FORMS: Final = {kind.kind: _form_of(kind) for kind in get_args(Record)}
