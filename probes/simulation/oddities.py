"""What a real vCenter shows beside what is plain: vApps, things that come late, and machines that look like others.

Objects are named by managed object id or by name; UnknownObjectError where there is none.
"""

from __future__ import annotations

import dataclasses

from probes.simulation.entities import Entity, Folder, Power, ResourcePool, VirtualApp, Vm, VmConnection
from probes.simulation.events import EventLog
from probes.simulation.inventory import Inventory, UnknownObjectError
from probes.simulation.machines import Machines


class Oddities:
    """The odd things of one simulated vCenter."""

    def __init__(self, inventory: Inventory, events: EventLog, machines: Machines) -> None:
        self.inventory = inventory
        self.events = events
        self.machines = machines
        self._withheld: dict[str, Entity] = {}

    # places

    def add_vapp(self, name: str, *, pool: str, folder: str = "") -> VirtualApp:
        """Make a vApp in a resource pool, and in a folder unless the pool is a vApp itself."""
        return self.inventory.add(
            VirtualApp(
                moid=self.inventory.new_moid("resgroup-v"),
                name=name,
                parent=self.inventory.find(ResourcePool, pool),
                folder=self.inventory.find(Folder, folder) if folder else None,
            )
        )

    def move_into_vapp(self, vm: str, *, vapp: str) -> None:
        """Put a machine into a vApp: it has no folder of its own then. "" takes it out again, into its folder."""
        machine = self.machines.find(vm)
        target = self.inventory.find(VirtualApp, vapp) if vapp else None
        with self.inventory.changing(machine):
            machine.vapp = target
            machine.pool = target or machine.pool

    def withhold(self, moid: str) -> None:
        """Show any object no more, as to an account that lost the right to it; `show` shows it again, as it was."""
        entity = self.inventory.objects.get(moid)
        if entity is None:
            raise UnknownObjectError(f"no object {moid!r}")
        self._withheld[moid] = entity
        self.inventory.remove(entity)

    def show(self, moid: str) -> None:
        """Show what was withheld."""
        if moid not in self._withheld:
            raise UnknownObjectError(f"no withheld object {moid!r}")
        self.inventory.add(self._withheld.pop(moid))

    # names

    def show_name_as(self, vm: str, *, name: str) -> None:
        """Show another text in place of a machine's name, such as the path of its .vmx file; "" for its name again."""
        machine = self.machines.find(vm)
        with self.inventory.changing(machine):
            machine.shown_as = name

    def define_attribute(self, key: int, *, name: str) -> None:
        """Define a custom attribute, or rename it."""
        with self.inventory.changing(self.inventory.fields):
            self.inventory.fields.names = {**self.inventory.fields.names, key: name}

    # identity

    def copy_vm(
        self, name: str, *, like: str, power: str = "poweredOff", connection: str = "connected"
    ) -> Vm:
        """Register a copy of a machine's files: another object with the same instance UUID."""
        model, on = self.machines.find(like), Power(power) is Power.ON
        copy = self.inventory.add(
            dataclasses.replace(
                model,
                moid=self.inventory.new_moid("vm-"),
                name=name,
                power=Power(power),
                connection=VmConnection(connection),
                booted_at=self.machines.clock() if on else None,
                heartbeat="green" if on else "gray",
                custom_values=dict(model.custom_values),
            )
        )
        self.events.post("VmRegisteredEvent", copy)
        return copy

    def set_manager(self, vm: str, *, extension: str = "", kind: str = "") -> None:
        """Have an extension manage a machine, as a recovery product does its placeholders; "" for nobody."""
        machine = self.machines.find(vm)
        with self.inventory.changing(machine):
            machine.manager = (extension, kind) if extension else None

    def set_ft_role(self, vm: str, *, role: int | None) -> None:
        """Make a machine the primary (1) or the secondary (2) of a fault-tolerant pair, or neither."""
        machine = self.machines.find(vm)
        with self.inventory.changing(machine):
            machine.ft_role = role
