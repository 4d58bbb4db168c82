r"""What happens to virtual machines: each method changes the inventory and writes the events of it.

`user` is who asked, as vCenter writes it (`DOMAIN\user` or `user`). An empty user means that nobody asked
vCenter: the guest or the host did it, there is no task and the events carry no name.
Machines, hosts and datastores are named by managed object id or by name; UnknownObjectError where there is none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from probes.simulation.entities import (
    Datastore,
    Entity,
    Folder,
    GuestNetwork,
    Host,
    Network,
    Power,
    ResourcePool,
    Task,
    Vm,
    VmConnection,
)
from probes.simulation.events import EventLog
from probes.simulation.inventory import Inventory, UnknownObjectError
from probes.simulation.properties import values_now
from probes.simulation.values import escape, identifier, tagged_reference


class InvalidPowerError(ValueError):
    """The machine cannot do this in the power state that it is in."""

    def __init__(self, requested: Power, existing: Power) -> None:
        super().__init__(f"to be {requested}, but it is {existing}")
        self.requested = requested
        self.existing = existing


class Machines:
    """The virtual machines of one simulated vCenter."""

    def __init__(self, inventory: Inventory, events: EventLog, clock: Callable[[], int]) -> None:
        self.inventory = inventory
        self.events = events
        self.clock = clock
        self._unregistered: dict[str, Vm] = {}

    def find(self, vm: str) -> Vm:
        """The machine with this managed object id or name."""
        return self.inventory.find(Vm, vm)

    # power

    def power_off(self, vm: str, *, user: str = "", clean: bool | None = None) -> Task | None:
        """Switch it off; without a user the guest shut itself down, cleanly unless `clean` says otherwise."""
        machine = self._in_state(vm, Power.OFF, Power.ON, Power.SUSPENDED)
        task, chain = self._begin(machine, "PowerOffVM_Task", "VirtualMachine.powerOff", user)
        if user:
            self.events.post("VmStoppingEvent", machine, user=user, chain=chain)
        with self.inventory.changing(machine):
            machine.power = Power.OFF
            machine.booted_at = None
            machine.clean_power_off = not user if clean is None else clean
            machine.heartbeat = "gray"
        self.events.post("VmPoweredOffEvent", machine, user=user, chain=chain)
        return task

    def power_on(self, vm: str, *, user: str = "") -> Task | None:
        """Switch it on, or resume it: only from off does it boot."""
        machine = self._in_state(vm, Power.ON, Power.OFF, Power.SUSPENDED)
        task, chain = self._begin(machine, "PowerOnVM_Task", "VirtualMachine.powerOn", user)
        resumes = machine.power is Power.SUSPENDED
        starting = "VmResumingEvent" if resumes else "VmStartingEvent"
        self.events.post(starting, machine, user=user, chain=chain)
        with self.inventory.changing(machine):
            if not resumes:
                self.boot(machine)
            machine.power = Power.ON
            machine.clean_power_off = None
            machine.heartbeat = "green"
        self.events.post("VmPoweredOnEvent", machine, user=user, chain=chain)
        return task

    def boot(self, machine: Vm) -> None:
        """Have it boot now, by the clock of its host."""
        machine.booted_at = self.clock() + machine.host.clock_ahead_us

    def resume(self, vm: str, *, user: str = "") -> Task | None:
        """Resume a suspended machine; its bootTime stays."""
        self._in_state(vm, Power.ON, Power.SUSPENDED)
        return self.power_on(vm, user=user)

    def suspend(self, vm: str, *, user: str = "") -> Task | None:
        """Suspend it; its bootTime stays."""
        machine = self._in_state(vm, Power.SUSPENDED, Power.ON)
        task, chain = self._begin(machine, "SuspendVM_Task", "VirtualMachine.suspend", user)
        self.events.post("VmSuspendingEvent", machine, user=user, chain=chain)
        with self.inventory.changing(machine):
            machine.power = Power.SUSPENDED
            machine.suspended_at = self.clock()
            machine.heartbeat = "gray"
        self.events.post("VmSuspendedEvent", machine, user=user, chain=chain)
        return task

    def reset(self, vm: str, *, user: str = "") -> Task | None:
        """Press the reset button: an event, and not one property changes."""
        machine = self._in_state(vm, Power.ON, Power.ON)
        task, chain = self._begin(machine, "ResetVM_Task", "VirtualMachine.reset", user)
        self.events.post("VmResettingEvent", machine, user=user, chain=chain)
        return task

    def power_cycle(self, vm: str, *, user: str = "", down_us: int = 0) -> None:
        """Off and on at once, `down_us` apart by their events: updates show only that bootTime jumped."""
        machine = self._in_state(vm, Power.OFF, Power.ON)
        now = self.clock()
        _, chain = self._begin(machine, "PowerOffVM_Task", "VirtualMachine.powerOff", user, at=now - down_us)
        self.events.post("VmPoweredOffEvent", machine, user=user, chain=chain, at=now - down_us)
        with self.inventory.changing(machine):
            self.boot(machine)
        self.events.post("VmStartingEvent", machine, user=user, chain=chain, at=now)
        self.events.post("VmPoweredOnEvent", machine, user=user, chain=chain, at=now)

    def guest_shutdown(self, vm: str, *, user: str) -> None:
        """Ask the guest to shut down: the request names the user, the power-off that follows does not."""
        machine = self._in_state(vm, Power.OFF, Power.ON)
        self.events.post("VmGuestShutdownEvent", machine, user=user)
        self.power_off(vm)

    def guest_reboot(self, vm: str, *, user: str) -> None:
        """Ask the guest to restart: no property changes."""
        self.events.post("VmGuestRebootEvent", self._in_state(vm, Power.ON, Power.ON), user=user)

    def guest_crash(self, vm: str) -> None:
        """The guest's operating system dies: still on, the heartbeat goes red."""
        machine = self._in_state(vm, Power.ON, Power.ON)
        self.heartbeat(vm, status="red")
        self.events.post("VmGuestOSCrashedEvent", machine)

    def ha_reset(self, vm: str, *, reason: str = "vmtoolsHeartbeatFailure") -> None:
        """HA resets it, for a `reason` of vCenter's: the power stays on."""
        machine = self._in_state(vm, Power.ON, Power.ON)
        why = f"<reason>{escape(reason)}</reason>"
        self.events.post("VmDasBeingResetEvent", machine, extra=why)

    def kill(self, vm: str) -> None:
        """Its host ends its process, for it got no memory."""
        machine = self._in_state(vm, Power.OFF, Power.ON)
        self.events.post_ex("esx.problem.vm.kill.unexpected.noSwapResponse", machine)
        self.power_off(vm, clean=False)

    def vmcp_terminate(self, vm: str) -> None:
        """HA turns it off, for its host does not reach its datastore any more (VM Component Protection)."""
        machine = self._in_state(vm, Power.OFF, Power.ON)
        self.events.post_ex("com.vmware.vc.HA.VmcpStorageFailureDetectedForVm", machine)
        self.events.post_ex("com.vmware.vc.HA.VmcpTerminatingVm", machine)
        self.power_off(vm, clean=False)

    def heartbeat(self, vm: str, *, status: str) -> None:
        """Set what the guest's heartbeat looks like: gray, green, yellow or red."""
        machine = self.find(vm)
        with self.inventory.changing(machine):
            machine.heartbeat = status

    # place

    def vmotion(self, vm: str, *, host: str, user: str = "") -> None:
        """Move it to another host while it runs; without a user DRS did it."""
        machine = self.find(vm)
        source = machine.host
        chain = self.events.post("VmBeingHotMigratedEvent", machine, user=user).key
        self.place(machine, self.inventory.find(Host, host))
        kind = "VmMigratedEvent" if user else "DrsVmMigratedEvent"
        name = f"<name>{escape(source.name)}</name>"
        moved_from = f"<sourceHost>{name}{tagged_reference('host', source)}</sourceHost>"
        self.events.post(kind, machine, user=user, chain=chain, extra=moved_from)

    def place(self, machine: Vm, host: Host) -> None:
        """Register it on this host, without an event."""
        with self.inventory.changing(machine, machine.host, host):
            machine.host.vms.pop(machine.moid, None)
            machine.host = host
            host.vms[machine.moid] = machine

    def storage_vmotion(self, vm: str, *, datastore: str, user: str = "") -> None:
        """Move all its disks to one datastore, and its configuration; a disk that continues others becomes whole."""
        machine = self.find(vm)
        target = self.inventory.find(Datastore, datastore)
        with self.inventory.changing(machine):
            machine.disks = tuple(
                dataclasses.replace(disk, datastore=target, parents=()) for disk in machine.disks
            )
            machine.home = machine.swap = None
            machine.change_version += 1
        self.events.post("VmRelocatedEvent", machine, user=user)

    def move(self, vm: str, *, folder: str, user: str = "") -> None:
        """Put it into another folder."""
        machine, target = self.find(vm), self.inventory.find(Folder, folder)
        with self.inventory.changing(machine):
            machine.parent = target
        self._begin(machine, "MoveIntoFolder_Task", "Folder.moveInto", user)

    def move_pool(self, vm: str, *, pool: str, user: str = "") -> None:
        """Put it into another resource pool."""
        machine, target = self.find(vm), self.inventory.find(ResourcePool, pool)
        with self.inventory.changing(machine):
            machine.pool = target
        self.events.post("VmResourcePoolMovedEvent", machine, user=user)

    # configuration

    def rename(self, vm: str, *, name: str, user: str = "") -> None:
        """Give it another name."""
        machine = self.find(vm)
        names = f"<oldName>{escape(machine.name)}</oldName><newName>{escape(name)}</newName>"
        with self.inventory.changing(machine):
            self.inventory.rename(machine, name)
            machine.change_version += 1
        self.events.post("VmRenamedEvent", machine, user=user, extra=names)

    def mark_template(self, vm: str, *, template: bool = True) -> None:
        """Make it a template, or a machine again."""
        machine = self.find(vm)
        with self.inventory.changing(machine):
            machine.template = template
            machine.change_version += 1
        what = "VmConvertedToTemplateEvent" if template else "VmConvertedToVmEvent"
        self.events.post_ex(f"com.vmware.vc.vm.{what}", machine)

    def set_custom_value(self, vm: str, *, field: int, value: str) -> None:
        """Set a custom attribute of it."""
        machine = self.find(vm)
        with self.inventory.changing(machine):
            machine.custom_values[field] = value

    def set_address(self, vm: str, *, address: str) -> None:
        """Set what VMware Tools report as its IP address; "" for none."""
        machine = self.find(vm)
        with self.inventory.changing(machine):
            machine.address, machine.guest = address, None

    def set_guest_network(
        self,
        vm: str,
        *,
        cards: Iterable[Iterable[str]],
        others: Iterable[Iterable[str]] = (),
        primary: str = "",
    ) -> None:
        """Set what VMware Tools report of its network: addresses of cards and of other adapters; see GuestNetwork."""
        machine = self.find(vm)
        with self.inventory.changing(machine):
            machine.guest = GuestNetwork(
                cards=tuple(map(tuple, cards)), others=tuple(map(tuple, others)), primary=primary
            )

    def set_networks(self, vm: str, *, networks: Iterable[str], user: str = "") -> None:
        """Connect it to these networks, a card for each, and to no other."""
        machine = self.find(vm)
        with self.inventory.changing(machine):
            machine.networks = tuple(self.inventory.find(Network, name) for name in networks)
            machine.change_version += 1
        self.events.post("VmReconfiguredEvent", machine, user=user, extra="<configSpec></configSpec>")

    def connection_state(self, vm: str, *, state: str) -> None:
        """Set its connectionState; while it is inaccessible or invalid there is no configuration."""
        machine, new = self.find(vm), VmConnection(state)
        with self.inventory.changing(machine):
            machine.connection = new
            machine.config_known = new not in (VmConnection.INACCESSIBLE, VmConnection.INVALID)
        event = {
            VmConnection.CONNECTED: "VmConnectedEvent",
            VmConnection.DISCONNECTED: "VmDisconnectedEvent",
            VmConnection.ORPHANED: "VmOrphanedEvent",
        }.get(new)
        if event:
            self.events.post(event, machine)

    def unreadable(self, vm: str, *, paths: Iterable[str] = ("*",)) -> None:
        """Take the right to read these properties of any object from every account; "*" is all, none gives it back."""
        found = self.inventory.objects.get(vm)
        machine = self.find(vm) if found is None else found
        before, machine.unreadable = machine.unreadable, frozenset(paths)
        affected = before | machine.unreadable
        self.inventory.changed(machine, *(values_now(machine) if "*" in affected else sorted(affected)))

    # coming and going

    def add_vm(
        self, name: str, *, like: str, user: str = "", config_known: bool = True, power: str = "poweredOn"
    ) -> Vm:
        """Create a machine in the place of another; without configuration until `reveal_config`."""
        model = self.find(like)
        moid = self.inventory.new_moid("vm-")
        on = Power(power) is Power.ON
        machine = dataclasses.replace(
            model,
            moid=moid,
            name=name,
            instance_uuid=identifier("added", name, moid),
            power=Power(power),
            connection=VmConnection.CONNECTED,
            booted_at=self.clock() + model.host.clock_ahead_us if on else None,
            clean_power_off=None,
            suspended_at=None,
            heartbeat="green" if on else "gray",
            template=False,
            config_known=config_known,
            custom_values=dict(model.custom_values),
            unreadable=frozenset(),
        )
        self.inventory.add(machine)
        self.events.post("VmCreatedEvent", machine, user=user)
        return machine

    def reveal_config(self, vm: str) -> None:
        """Let vCenter learn the configuration of a machine that was added without one."""
        machine = self.find(vm)
        with self.inventory.changing(machine):
            machine.config_known = True

    def remove_vm(self, vm: str, *, user: str = "") -> Vm:
        """Unregister it; `register_vm` brings it back."""
        machine = self.find(vm)
        self.inventory.remove(machine)
        self._unregistered[machine.name] = machine
        self.events.post("VmRemovedEvent", machine, user=user)
        return machine

    def register_vm(self, name: str, *, user: str = "") -> Vm:
        """Register a removed machine again: the same instance UUID under a new managed object id."""
        gone = self._unregistered.pop(name, None)
        if gone is None:
            raise UnknownObjectError(f"no unregistered VirtualMachine {name!r}")
        machine = self.inventory.add(dataclasses.replace(gone, moid=self.inventory.new_moid("vm-")))
        self.events.post("VmRegisteredEvent", machine, user=user)
        return machine

    # shared steps

    def _in_state(self, vm: str, requested: Power, *allowed: Power) -> Vm:
        machine = self.find(vm)
        if machine.power not in allowed:
            raise InvalidPowerError(requested, machine.power)
        return machine

    def _begin(
        self, entity: Entity, method: str, description: str, user: str, at: int | None = None
    ) -> tuple[Task | None, int | None]:
        """The task of a user's request, and the chain of its events; neither where nobody asked."""
        if not user:
            return None, None
        moid = self.inventory.new_moid("task-")
        task = Task(
            moid=moid,
            name=moid,
            parent=None,
            entity=entity,
            description_id=description,
            method=method,
            user=user,
            at=self.clock() if at is None else at,
        )
        return task, self.events.post_task(task).key
