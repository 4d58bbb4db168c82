"""The names of custom attributes: a machine's values name them by key alone, and names come and change at any time.

`CustomFieldsManager.field` is watched. Where a value comes whose name is missing all the same, because the vCenter does
not tell of new ones or the account could not read them, the names are read again, so often as `AGAIN_US` allows.
"""

from collections.abc import Iterable
from typing import Final

from probes.vcenter import soap
from probes.vcenter.faults import PermissionDeniedError, reading
from probes.vcenter.inventory import ATTRIBUTE_NAMES, Inventory, names_of_attributes
from probes.vcenter.listing import has_unnamed_attributes
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from probes.vcenter.values import Moid
from sla.instants import MINUTE, Instant

AGAIN_US: Final = MINUTE // 2


class AttributeNames:
    """Reads names that are missing, in one session."""

    def __init__(self) -> None:
        self._unnamed: set[Moid] = set()
        """The machines that have an attribute without a name."""
        self._read_at: Instant | None = None
        """When they were read last; None before the first time."""

    def follow(self, session: Session, inventory: Inventory, touched: Iterable[Moid], now: Instant) -> bool:
        """Read them where one is missing; whether any is another now. Raises VcenterError."""
        self._unnamed.update(touched)
        self._unnamed = {
            moid
            for moid in self._unnamed & inventory.vms.keys()
            if has_unnamed_attributes(inventory.vms[moid], inventory)
        }
        if not self._unnamed or (self._read_at is not None and 0 <= now - self._read_at < AGAIN_US):
            return False
        self._read_at = now
        try:
            names = read_names(session)
        except PermissionDeniedError:
            return False
        before, inventory.attribute_names = inventory.attribute_names, inventory.attribute_names | names
        return inventory.attribute_names != before


def read_names(session: Session) -> dict[str, str]:
    """The names of the custom attributes by key. Raises VcenterError: also where the account may not read them."""
    with reading("what vCenter says of itself"):
        manager = session.content.customFieldsManager
    names: dict[str, str] = {}
    if manager is None:
        return names
    for found in session.retrieve("CustomFieldsManager", ATTRIBUTE_NAMES, [moid_of(manager)]):
        if soap.as_list(found.get("missingSet")):
            raise PermissionDeniedError("the names of custom attributes may not be read")
        for each in soap.as_list(found.get("propSet")):
            if isinstance(each, dict):
                names |= names_of_attributes(each.get("val"))
    return names
