"""On which datastores needed files lie: names and paths of files become datastores.

A name of a datastore is one within its datacenter only, so those that the server uses and that its host mounts come first.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from probes.vcenter import soap
from probes.vcenter.inventory import Inventory
from probes.vcenter.needed_files import NeededFile, needed_files, volume_urls
from probes.vcenter.objects import Place, Vm
from probes.vcenter.values import Moid, as_people_write_it

NAME_LIMIT: Final = 80
"""How much of a name stands for a datastore that cannot be found."""


class Volumes:
    """The datastores as they can be found now by the names and paths in which files are told."""

    def __init__(self, inventory: Inventory) -> None:
        self._datastores = inventory.datastores
        self._by_name: dict[str, list[Moid]] = {}
        self._by_volume: dict[str, list[Moid]] = {}
        """Of two datacenters that mount one export each has a datastore of its own."""
        for moid, datastore in inventory.datastores.items():
            if datastore.listed:
                self._by_name.setdefault(as_people_write_it(datastore.name), []).append(moid)
                volume = _VOLUME.search(datastore.url)
                if volume is not None:
                    self._by_volume.setdefault(volume[1], []).append(moid)

    def places(self, vm: Vm, told: Mapping[str, soap.Value]) -> tuple[Place, ...]:
        """Where the files are that a server needs, each datastore once, by what was told of it."""
        urls = volume_urls(told)
        found: dict[Moid, Place] = {}
        for file in needed_files(told):
            moid = self._datastore(vm, file, urls)
            known = found.get(moid)
            if known is None:
                found[moid] = Place(moid, file.role, file.configured)
            elif file.configured and not known.configured:
                found[moid] = Place(moid, known.role, configured=True)
        return tuple(found.values())

    def _datastore(self, vm: Vm, file: NeededFile, urls: Mapping[str, str]) -> Moid:
        """Its id, or `[NAME]` where no datastore that can be read is the one."""
        if file.datastore is not None and self._is_listed(file.datastore):
            return file.datastore
        name = self._name_in(file.name)
        volume = _VOLUME.search(urls.get(name) or file.name)
        by_volume = self._by_volume.get(volume[1], []) if volume is not None else []
        found = self._of_server(vm, by_volume) or self._of_server(vm, self._by_name.get(name, []))
        return found or Moid(f"[{(name or file.datastore or file.name)[:NAME_LIMIT]}]")

    def _is_listed(self, moid: Moid) -> bool:
        return moid in self._datastores and self._datastores[moid].listed

    def _name_in(self, file: str) -> str:
        """The datastore's name in `[NAME] FOLDER/FILE`; it may hold brackets itself."""
        ends = [each.start() for each in _END.finditer(file)] if file.startswith("[") else []
        names = [as_people_write_it(file[1:end]) for end in ends]
        return next((name for name in names if name in self._by_name), names[0] if names else "")

    def _of_server(self, vm: Vm, candidates: Sequence[Moid]) -> Moid | None:
        """The one of several datastores that a server uses, or that its host mounts; None where that is none or several."""
        if len(candidates) > 1:
            used = [moid for moid in candidates if moid in vm.datastores]
            candidates = used or [moid for moid in candidates if vm.host in self._datastores[moid].mounts]
        return candidates[0] if len(candidates) == 1 else None


_END: Final = re.compile(r"\](?= |$)")
_VOLUME: Final = re.compile(r"/vmfs/volumes/([^/]+)")
