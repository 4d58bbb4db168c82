"""One session's chain of versions: update sets, each taken into the mirror, and what a look has to know of them.

vCenter tells what changed since a version, and the version that this leads to: what cannot be told apart in between would
be missed for ever. So a set that does not say what it leads to, or an update of nobody knows what, ends the session, and
the next one begins with everything. Of an object of which something cannot be read the mirror knows that it is not known;
it is read again until it can be.
"""

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from probes.vcenter import soap
from probes.vcenter.faults import NamelessError, ReplyError, VcenterError, is_of_one_call, reading
from probes.vcenter.inventory import ATTRIBUTE_NAMES, Inventory
from probes.vcenter.objects import Vm
from probes.vcenter.places import PLACES
from probes.vcenter.properties import objects_of
from probes.vcenter.session import Session
from probes.vcenter.subscription import subscribe
from probes.vcenter.values import Moid
from sla.instants import Instant
from sla.texts import NAME_BYTES, cleaned

PAGE_OBJECTS: Final = 500
"""How many objects of an update set are asked for; vCenter gives 100 or so all the same."""
MOST_PAGES: Final = 10_000
"""Of one update set: a million objects at the least. One that has more has no end."""
ODD_AGAIN_S: Final = 5.0
ODD_AT_ONCE: Final = 100
"""How often, and of how many objects of one type at once, it is read again what could not be read."""
NAMED_A_LOOK: Final = 10
"""How many of them are named."""

_NAMED: Final = PLACES | {"Network", "CustomFieldsManager"}
"""Types of which a name, or a place, is that of servers too."""
_INFRASTRUCTURE: Final = frozenset({"HostSystem", "Datastore", "ComputeResource", "Folder", "Datacenter"})


class Chain:
    """The chain of one session. `seen_until` is None until a look was taken of its first set.

    `left_out`: updates that do not say which object they are about may be missing from the first set.
    """

    def __init__(
        self,
        session: Session,
        inventory: Inventory,
        watched: Mapping[str, Sequence[str]],
        *,
        attribute_names: bool,
        left_out: bool = False,
    ) -> None:
        self.session = session
        self.seen_until: Instant | None = None
        self.looks = 0
        """How many were taken."""
        self.nameless = 0
        """How many objects of the first set do not say which they are."""
        self.is_quiet = False
        """Whether nothing was told that is new, when it was asked last."""
        self.touched: set[Moid] = set()
        self.left: list[Vm] = []
        self.places_changed = False
        """Something above virtual servers changed, or the name of something that they use: they are looked at again."""
        self.infrastructure_changed = False
        self._inventory = inventory
        self._watched = {**watched, "CustomFieldsManager": ATTRIBUTE_NAMES}
        self._collector, self._kinds = subscribe(session, watched, attribute_names=attribute_names)
        self._left_out = left_out
        self._version = ""
        self._is_truncated = False
        """More of the last set is to come: its version may be passed once only."""
        self._told_odd: frozenset[Moid] = frozenset()
        """Of which objects it was told that something of them cannot be read."""
        self._odd_read_s = -math.inf
        """When they were read again last, by the monotonic clock."""

    def drain(self, wait_s: int) -> Iterator[None]:
        """Take update sets until one is not truncated; a step for each answer, before it is taken. Raises VcenterError."""
        self.is_quiet = True
        for _ in range(MOST_PAGES):
            update = self.session.wait_for_updates(
                self._collector, self._version, wait_s, PAGE_OBJECTS, once=self._is_truncated
            )
            yield
            if update is None:
                self._is_truncated = False
                return
            with reading("the update set"):
                self._take(update)
            if not self._is_truncated:
                return
        raise ReplyError(f"an update set has more than {MOST_PAGES} pages")

    def looked(self, at: Instant) -> None:
        """A look was taken of what there was until then."""
        self.seen_until = at
        self.looks += 1
        self.touched.clear()
        self.left.clear()
        self.places_changed = self.infrastructure_changed = False

    def read_odd(self) -> None:
        """Read again what was told in a form that it cannot have: as long as that is so, it is unknown. Raises VcenterError."""
        odd = list(self._inventory.unread.odd())
        if not odd or time.monotonic() - self._odd_read_s < ODD_AGAIN_S:
            return
        self._odd_read_s = time.monotonic()
        for kind in {unread.kind for _, unread in odd}:
            moids = [moid for moid, unread in odd if unread.kind == kind][:ODD_AT_ONCE]
            paths = tuple(self._watched[kind])
            try:
                for found in objects_of(self.session, kind, paths, moids):
                    self._apply(kind, [_as_update(found, paths)])
            except VcenterError as error:
                if not is_of_one_call(error):
                    raise  # else they stay unknown

    def newly_odd(self) -> list[str]:
        """The objects of which that is so since this was asked last, by type and id; the first of them."""
        odd = dict(self._inventory.unread.odd())
        new = [(moid, unread) for moid, unread in odd.items() if moid not in self._told_odd]
        self._told_odd = frozenset(odd)
        return [
            cleaned(f"{unread.kind} {moid}: {', '.join(sorted(unread.odd))}", NAME_BYTES)
            for moid, unread in new[:NAMED_A_LOOK]
        ]

    def _take(self, update: Mapping[str, Any]) -> None:
        """Take one page of an update set. Raises ReplyError, or something else, where it breaks the chain."""
        version, truncated = update.get("version"), update.get("truncated")
        if not isinstance(version, str) or not version or (truncated and soap.flag(truncated) is None):
            raise ReplyError("the update set does not say what it leads to")
        nameless = count = 0
        for filter_set in soap.as_list(update.get("filterSet")):
            updates = soap.as_list(filter_set.get("objectSet"))
            count += len(updates)
            nameless += self._apply(self._kinds[filter_set["filter"]], updates)
        self._version, self._is_truncated = version, bool(soap.flag(truncated))
        self.is_quiet = self.is_quiet and not count
        self.nameless += nameless
        if nameless and (self.seen_until is not None or not self._left_out):
            raise NamelessError("an update does not say which object it is about")

    def _apply(self, kind: str, updates: list[Any]) -> int:
        """Take updates into the mirror; how many of them do not say which object they are about."""
        changes = self._inventory.apply(kind, updates)
        self.touched |= changes.touched
        self.left += changes.left
        self.places_changed |= kind in _NAMED
        self.infrastructure_changed |= kind in _INFRASTRUCTURE
        return changes.nameless


def _as_update(found: Mapping[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """All that was read of an object, as an update set tells it: what of `paths` is neither told nor refused is unset."""
    told = [each for each in soap.as_list(found.get("propSet")) if isinstance(each, dict)]
    refused = [each for each in soap.as_list(found.get("missingSet")) if isinstance(each, dict)]
    unset = (
        set(paths) - {str(each.get("name")) for each in told} - {str(each.get("path")) for each in refused}
    )
    return {
        "kind": "enter",
        "obj": found.get("obj"),
        "changeSet": [
            *({"name": each.get("name"), "op": "assign", "val": each.get("val")} for each in told),
            *({"name": path, "op": "remove"} for path in unset),
        ],
        "missingSet": found.get("missingSet"),
    }
