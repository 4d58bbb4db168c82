"""What a value of a reply should be, read strictly.

Absence is no statement: for a value that is unset, or that vCenter leaves out, each function gives what stands for none.
For one that is something else than it should be it raises ValueError, and nothing is guessed.
"""

import re
from collections.abc import Callable
from sys import intern
from typing import Any, Final, NewType

from probes.vcenter import soap
from sla.sharing import sharing
from sla.texts import NAME_BYTES, cleaned, is_clean_id

Moid = NewType("Moid", str)
"""An object's id within one vCenter."""

_same_moids: Final[Callable[[tuple[Moid, ...]], tuple[Moid, ...]]] = sharing()
_ESCAPED: Final = re.compile("%(2[fF]|5[cC]|25)")
_MEANT: Final = {"2f": "/", "5c": "\\", "25": "%"}


def text(value: soap.Value | None) -> str:
    """A value's character data; "" for anything else. Of all here it alone refuses nothing."""
    return value if isinstance(value, str) else ""


def word(value: soap.Value | None, most_bytes: int = NAME_BYTES) -> str:
    """A text of bounded length, "" for none."""
    if isinstance(value, str):
        return cleaned(value, most_bytes)
    if value:
        raise _no("text", value)
    return ""


def common_word(value: soap.Value | None) -> str:
    """One of vCenter's own words, "" for none; one object for all that it is told of."""
    return intern(word(value))


def name(value: soap.Value | None) -> str:
    """A name as people write it, "" for none."""
    return as_people_write_it(word(value))


def as_people_write_it(name: str) -> str:
    """A name of vCenter's, in which slash, backslash and percent sign are escaped, as its own pages show it."""
    return _ESCAPED.sub(lambda found: _MEANT[found[1].lower()], name) if "%" in name else name


def flag(value: soap.Value | None) -> bool | None:
    """A boolean, or None for none."""
    told = soap.flag(value)
    if told is None and value:
        raise _no("boolean", value)
    return told


def identifier(value: object) -> str:
    """A key or an id, which is never absent."""
    if not isinstance(value, str) or not is_clean_id(value):
        raise _no("id", value)
    return value


def as_moid(value: object) -> Moid:
    """The id that a reference to a managed object holds, which is never absent; one object for all references to it."""
    return Moid(intern(identifier(value)))


def reference(value: soap.Value | None) -> Moid | None:
    """A reference to a managed object, or None for none."""
    return as_moid(value) if value else None


def references(value: soap.Value | None) -> tuple[Moid, ...]:
    """An array of references to managed objects."""
    return _same_moids(tuple(map(as_moid, items(value, "ManagedObjectReference"))))


def items(value: soap.Value | None, item: str) -> list[Any]:
    """The items of a vim25 `ArrayOf…` value, whose children are all called `item`."""
    if isinstance(value, dict) and len(value) == (item in value) + (soap.TYPE in value):
        return soap.as_list(value.get(item))
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    raise _no("array", value)


def members(value: object) -> dict[str, Any]:
    """A data object's members by name; empty for none."""
    if value and not isinstance(value, dict):
        raise _no("data object", value)
    return value if isinstance(value, dict) else {}


def _no(what: str, value: object) -> ValueError:
    return ValueError(f"no {what}: {cleaned(repr(value), NAME_BYTES)}")
