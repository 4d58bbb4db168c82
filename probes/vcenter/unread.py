"""What vCenter does not let the account read of objects, or told in a form that it cannot have: not known until it is told.

Later updates speak of other properties only, so what is in here stays until it is told itself.
"""

from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass
from typing import Final

from probes.vcenter.values import Moid

NOTHING: Final[frozenset[str]] = frozenset()
_MAY_BE_UNSET: Final = frozenset(
    {
        "config.ftInfo.role",
        "config.managedBy",
        "runtime.bootTime",
        "parent",
        "parentVApp",
        "customValue",
        "network",
        "guest.ipAddress",
        "guest.net",
    }
)


@dataclass(frozen=True, slots=True)
class Unread:
    """Of one object, of a type `kind`, the properties that are refused, and those that were odd."""

    kind: str
    refused: frozenset[str] = NOTHING
    odd: frozenset[str] = NOTHING

    @property
    def properties(self) -> frozenset[str]:
        """Those that are not known, for either reason."""
        return self.refused | self.odd


class UnreadProperties:
    """By object; an object of which all is known is not in it."""

    def __init__(self) -> None:
        self._objects: dict[Moid, Unread] = {}
        self.moids: Final = self._objects.keys()
        """The objects of which anything is not known, as they are now."""

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, moid: Moid) -> bool:
        return moid in self._objects

    def __iter__(self) -> Iterator[tuple[Moid, Unread]]:
        """Each object with what is not known of it."""
        return iter(self._objects.items())

    def of(self, moid: Moid) -> frozenset[str]:
        """The properties of an object that are not known."""
        unread = self._objects.get(moid)
        return NOTHING if unread is None else unread.properties

    def is_odd(self, moid: Moid) -> bool:
        """Whether any of them was told in a form that it cannot have, and so is to be read again."""
        return moid in self._objects and bool(self._objects[moid].odd)

    def odd(self) -> Iterator[tuple[Moid, Unread]]:
        """The objects of which that is so."""
        return ((moid, unread) for moid, unread in self._objects.items() if unread.odd)

    def told(self, kind: str, moid: Moid, told: Set[str], refused: Set[str]) -> None:
        """Some properties were told, and some refused.

        One that may be unset is left out though it can be read again: with the first other one that is told again.
        """
        before = self._objects.get(moid, Unread(kind))
        if before.refused & told:
            told = told | _MAY_BE_UNSET
        self._set(moid, Unread(kind, (before.refused - told) | refused, before.odd - told))

    def spoil(self, kind: str, moid: Moid, properties: Collection[str]) -> None:
        """Some properties were told in a form that they cannot have."""
        before = self._objects.get(moid, Unread(kind))
        self._set(moid, Unread(kind, before.refused, before.odd.union(properties)))

    def forget(self, moid: Moid) -> None:
        """An object is gone, or told anew as a whole."""
        self._objects.pop(moid, None)

    def _set(self, moid: Moid, unread: Unread) -> None:
        if unread.properties:
            self._objects[moid] = unread
        else:
            self._objects.pop(moid, None)
