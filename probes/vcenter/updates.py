"""What an update says of an object, in whatever form it came: what cannot be read of it is told, and makes no guess."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from probes.vcenter import soap, values
from probes.vcenter.plain_updates import PlainUpdate
from probes.vcenter.values import Moid

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class ObjectUpdate(NamedTuple):
    """An update of an object: vCenter's word for what it is, what properties are now, and those that vCenter does not tell.

    A property that was removed, or is unset, is None; one that is told twice is as it was told last. Where it is not
    `is_whole`, the update says more than could be read.
    """

    kind: str
    moid: Moid
    told: Mapping[str, soap.Value | None] = _NOTHING
    refused: frozenset[str] = frozenset()
    is_whole: bool = True


def as_update(told: object) -> ObjectUpdate:
    """An item of an update set. Raises ValueError where it does not say which object it is about."""
    if isinstance(told, PlainUpdate):
        return ObjectUpdate(told.kind, values.as_moid(told.obj), told.properties)
    if isinstance(told, soap.UnreadableItem):
        return ObjectUpdate("", values.as_moid(told.said("obj")), is_whole=False)
    if isinstance(told, dict):
        return _as_update(told, values.as_moid(told.get("obj")))
    raise ValueError("no update of an object")


def _as_update(update: dict[str, Any], moid: Moid) -> ObjectUpdate:
    kind = update.get("kind")
    changes, missing = soap.as_list(update.get("changeSet")), soap.as_list(update.get("missingSet"))
    told: dict[str, soap.Value | None] = {}
    is_whole = True
    for change in changes:
        try:
            name, value = _change(change)
        except ValueError:
            is_whole = False
        else:
            told.pop(name, None)  # its parts may have been told in between
            told[name] = value
    paths = [path for each in missing if isinstance(each, dict) and isinstance(path := each.get("path"), str)]
    return ObjectUpdate(
        kind if isinstance(kind, str) else "",
        moid,
        told,
        frozenset(paths),
        is_whole=is_whole and len(set(paths)) == len(missing),
    )


def _change(told: object) -> tuple[str, soap.Value | None]:
    """A property's name and what it is now. Raises ValueError for what says neither."""
    if not isinstance(told, dict):
        raise ValueError("no change of a property")  # noqa: TRY004  one error for what is none
    name = values.identifier(told.get("name"))
    match told.get("op"):
        case "assign" | "add":
            return name, told.get("val")
        case "remove" | "indirectRemove":
            return name, None
        case _:
            raise ValueError("no change that there is")
