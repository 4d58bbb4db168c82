"""What stories of the demo choose from: the servers of the simulated vCenter that run, and what they stand on."""

from collections.abc import Iterator
from typing import Final

from probes.simulation.entities import Datastore, Host, HostConnection, Power, Vm
from probes.simulation.world import World

CLIENTS: Final = ("acme", "borealis")
CUSTOMER: Final = r"CUSTOMER\mallory"
EMPLOYEE: Final = r"PROVIDER\ann"
"""Who does things in the stories; the configuration says whose they are."""
HELPERS: Final = 3
"""Machines that are nobody's servers."""
HELPER: Final = "vCLS-"
"""How their names begin, which a rule ignores."""


class Estate:
    """Looks at a world, and changes nothing."""

    def __init__(self, world: World) -> None:
        self._world = world

    def machines(self) -> list[Vm]:
        """All that vCenter lists."""
        return list(self._world.inventory.every(Vm))

    def servers(self) -> list[Vm]:
        """The machines that are clients' virtual servers."""
        return [vm for vm in self.machines() if not vm.template and not vm.name.startswith(HELPER)]

    def running(self, *beginnings: str) -> list[str]:
        """The names of servers that run and whose names begin so."""
        return [
            vm.name
            for vm in self.servers()
            if vm.power is Power.ON and vm.name.startswith(beginnings or ("",))
        ]

    def running_on(self, host: Host) -> list[str]:
        """The servers that run on a host."""
        return [vm.name for vm in self.servers() if vm.host is host and vm.power is Power.ON]

    def running_with(self, host: Host, datastore: Datastore) -> list[str]:
        """The servers that run on a host with a disk on a datastore."""
        return [
            vm.name
            for vm in self.servers()
            if vm.host is host
            and vm.power is Power.ON
            and any(disk.datastore is datastore for disk in vm.disks)
        ]

    def hosts(self) -> list[Host]:
        """Those that are well."""
        return [
            host
            for host in self._world.inventory.every(Host)
            if host.connection is HostConnection.CONNECTED
            and not host.maintenance
            and all(store.mounts[host.moid].accessible for store in self._mounted(host))
        ]

    def mounts(self) -> list[tuple[Host, Datastore]]:
        """Each host that is well with each datastore that it mounts."""
        return [(host, store) for host in self.hosts() for store in self._mounted(host)]

    def _mounted(self, host: Host) -> Iterator[Datastore]:
        return (store for store in self._world.inventory.every(Datastore) if host.moid in store.mounts)


def add_helpers(world: World) -> None:
    """Have vCenter run machines of its own, as it does for its clusters."""
    model = next(iter(world.inventory.every(Vm)))
    for number in range(1, HELPERS + 1):
        world.machines.add_vm(f"{HELPER}{number}", like=model.moid)
