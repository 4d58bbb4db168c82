"""What happens to hosts and datastores, and through them to the machines on them.

The events are born on hosts or in vCenter, so they carry no user unless a person asked.
"""

from __future__ import annotations

from collections.abc import Callable

from probes.simulation.entities import (
    Datastore,
    Host,
    HostConnection,
    MountLoss,
    Power,
    Vm,
    VmConnection,
)
from probes.simulation.events import EventLog
from probes.simulation.inventory import Inventory
from probes.simulation.machines import Machines
from probes.simulation.values import escape, tagged_reference

_LOST = {
    MountLoss.APD_START: "esx.problem.storage.apd.start",
    MountLoss.APD_TIMEOUT: "esx.problem.storage.apd.timeout",
    MountLoss.PDL: "esx.problem.scsi.device.state.permanentloss",
}
_CLEARED = {
    MountLoss.APD_START: "esx.clear.storage.apd.exit",
    MountLoss.APD_TIMEOUT: "esx.clear.storage.apd.exit",
    MountLoss.PDL: "esx.clear.scsi.device.state.permanentloss.deviceonline",
}


class Outages:
    """The hosts and datastores of one simulated vCenter."""

    def __init__(
        self, inventory: Inventory, events: EventLog, machines: Machines, clock: Callable[[], int]
    ) -> None:
        self.inventory = inventory
        self.events = events
        self.machines = machines
        self.clock = clock

    def unmount(self, host: str, *, datastore: str) -> None:
        """A person unmounts a datastore from one host; `mount` mounts it again."""
        machine, store = self.inventory.find(Host, host), self.inventory.find(Datastore, datastore)
        mount = store.mounts[machine.moid]
        with self.inventory.changing(store, parts=_parts(machine, mounting=True)):
            mount.mounted = mount.accessible = False
            mount.reason = None

    def mount(
        self, host: str, *, datastore: str, accessible: bool, reason: str = MountLoss.APD_START.value
    ) -> None:
        """One host loses its paths to one datastore, or has them again; `reason` is a value of MountLoss."""
        machine, store = self.inventory.find(Host, host), self.inventory.find(Datastore, datastore)
        if machine.moid not in store.mounts:
            raise ValueError(f"{machine.name} does not mount {store.name}")
        mount = store.mounts[machine.moid]
        before = mount.reason
        with self.inventory.changing(store, parts=_parts(machine, mounting=not mount.mounted)):
            mount.mounted = True
            mount.accessible = accessible
            mount.reason = None if accessible else MountLoss(reason)
        about = {"1": store.moid, "2": store.name}
        if mount.reason is not None and mount.reason is not before:
            self.events.post_ex(_LOST[mount.reason], machine, store, arguments=about)
        elif mount.reason is None and before is not None:
            self.events.post_ex(_CLEARED[before], machine, store, arguments=about)

    def datastore_maintenance(self, datastore: str, *, mode: str) -> None:
        """Set a datastore's maintenanceMode: normal, enteringMaintenance or inMaintenance."""
        store = self.inventory.find(Datastore, datastore)
        with self.inventory.changing(store):
            store.maintenance = mode

    def host_not_responding(self, host: str) -> None:
        """The host stops answering vCenter: its machines are disconnected, their power states stay as last known."""
        machine = self.inventory.find(Host, host)
        self._connect(machine, HostConnection.NOT_RESPONDING)
        self.events.post("HostConnectionLostEvent", machine)
        self._machines_are(machine, VmConnection.DISCONNECTED, "VmDisconnectedEvent")

    def host_disconnect(self, host: str, *, user: str = "", reason: str = "userRequest") -> None:
        """A person disconnects a host from vCenter, or vCenter does it: `reason` is its word, as `licenseExpired`."""
        machine = self.inventory.find(Host, host)
        self._connect(machine, HostConnection.DISCONNECTED)
        why = f"<reason>{escape(reason)}</reason>"
        self.events.post("HostDisconnectedEvent", machine, user=user, extra=why)
        self._machines_are(machine, VmConnection.DISCONNECTED, "VmDisconnectedEvent")

    def host_standby(self, host: str) -> None:
        """A host without running machines goes to sleep to save power; `host_back` wakes it."""
        machine = self.inventory.find(Host, host)
        self._connect(machine, HostConnection.NOT_RESPONDING, power="standBy")
        self.events.post("DrsEnteredStandbyModeEvent", machine)
        self._machines_are(machine, VmConnection.DISCONNECTED, "VmDisconnectedEvent")

    def host_back(self, host: str) -> None:
        """The host answers again and nothing had happened: what ran on it ran throughout."""
        machine = self.inventory.find(Host, host)
        self._connect(machine, HostConnection.CONNECTED)
        self.events.post("HostConnectedEvent", machine)
        self._machines_are(machine, VmConnection.CONNECTED, "VmConnectedEvent")

    def ha_restart(self, host: str) -> list[str]:
        """The host is dead and its running machines start on the others of its cluster; returns their moids.

        Each appears connected on another host with a new bootTime. No poweredOff is ever shown.
        """
        failed = self.inventory.find(Host, host)
        if failed.connection is not HostConnection.NOT_RESPONDING:
            self.host_not_responding(host)
        targets = [
            other
            for other in self.inventory.every(Host)
            if other.parent is failed.parent
            and other is not failed
            and other.connection is HostConnection.CONNECTED
            and not other.maintenance
        ]
        if not targets:
            raise ValueError(f"no other host of the cluster of {failed.name} is connected")
        self.events.post("DasHostFailedEvent", failed, extra=_failed_host(failed))
        self.events.post_ex("com.vmware.vc.HA.DasHostFailedEvent", failed)
        running = [vm for vm in failed.vms.values() if vm.power is Power.ON]
        for number, vm in enumerate(running):
            self._restart(vm, targets[number % len(targets)])
        return [vm.moid for vm in running]

    def isolate(self, host: str) -> list[str]:
        """The host is cut off from the others of its cluster, and HA has it turn off what runs; returns their moids."""
        machine = self.inventory.find(Host, host)
        self.events.post("DasHostIsolatedEvent", machine)
        self.events.post_ex("com.vmware.vc.HA.DasHostIsolatedEvent", machine)
        running = [vm for vm in machine.vms.values() if vm.power is Power.ON]
        for vm in running:
            self.events.post("VmPowerOffOnIsolationEvent", vm)
            self.machines.power_off(vm.moid, clean=False)
        return [vm.moid for vm in running]

    def maintenance(self, host: str, *, on: bool, user: str) -> None:
        """A person puts a host into maintenance mode, or takes it out."""
        machine = self.inventory.find(Host, host)
        with self.inventory.changing(machine):
            machine.maintenance = on
        if on:
            self.events.post("EnteringMaintenanceModeEvent", machine, user=user)
        kind = "EnteredMaintenanceModeEvent" if on else "ExitMaintenanceModeEvent"
        self.events.post(kind, machine, user=user)

    def _restart(self, vm: Vm, target: Host) -> None:
        self.machines.place(vm, target)
        with self.inventory.changing(vm):
            vm.connection = VmConnection.CONNECTED
            self.machines.boot(vm)
            vm.heartbeat = "green"
        self.events.post_ex("com.vmware.vc.ha.VmRestartedByHAEvent", vm)

    def _connect(self, host: Host, state: HostConnection, *, power: str = "unknown") -> None:
        with self.inventory.changing(host):
            host.connection = state
            host.power = "poweredOn" if state is HostConnection.CONNECTED else power

    def _machines_are(self, host: Host, state: VmConnection, event: str) -> None:
        for vm in host.vms.values():
            with self.inventory.changing(vm):
                vm.connection = state
            self.events.post(event, vm)


def _failed_host(host: Host) -> str:
    return f"<failedHost><name>{escape(host.name)}</name>{tagged_reference('host', host)}</failedHost>"


def _parts(host: Host, *, mounting: bool) -> tuple[str, ...]:
    """The paths by which partial updates tell of one host's mount, and of its being mounted where that changes."""
    info = f'host["{host.moid}"].mountInfo'
    mounted = (f"{info}.mounted",) if mounting else ()
    return (*mounted, f"{info}.accessible", f"{info}.inaccessibleReason")
