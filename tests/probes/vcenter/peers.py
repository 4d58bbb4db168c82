"""Two simulated vCenters by one interface: what can happen to them both."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from pyVmomi import vim

from probes.simulation import SimulatedVCenter, ThreadedVCenter, build
from probes.simulation.entities import Datastore, Host, Vm
from probes.vcenter.transport import Endpoint, tls_context
from sla.instants import Instant
from tests.peers.proxy import FaultProxy
from tests.peers.soap import logged_in
from tests.peers.vcsim import VcSim
from tests.probes.vcenter.harness import HASTY, QUICK, Hand

_CARD = vim.vm.device.VirtualEthernetCard
USER = "watcher"
PASSWORD = "secret"
LONGEST_WAIT_S = 0.1
"""After which the simulation answers that nothing changed: a look at a quiet vCenter need not take a second."""


class Peer(Protocol):
    """A vCenter with a server that runs on a host, its disks on a datastore, beside others."""

    clock: Hand
    server: str
    host: str
    elsewhere: str
    """Another host that mounts the same datastores."""
    neighbour: str
    """A server on the same datastore that runs elsewhere."""
    datastore: str
    network: str
    """The one that the server is connected to."""
    other_network: str

    @property
    def endpoint(self) -> Endpoint: ...
    def power_off(self, name: str) -> None: ...
    def power_on(self, name: str) -> None: ...
    def suspend(self, name: str) -> None: ...
    def lose_host(self, name: str) -> None: ...
    def regain_host(self, name: str) -> None: ...
    def restart_elsewhere(self, name: str, host: str) -> Instant:
        """As HA does it: connected on another host, booted now, never shown as off."""
        ...

    def reboot_unseen(self, name: str) -> Instant:
        """Off and on, of which the updates show the new boot time only."""
        ...

    def vmotion(self, name: str, host: str) -> None: ...
    def mount(self, host: str, datastore: str, *, accessible: bool) -> None: ...
    def connection(self, name: str, state: str) -> None: ...
    def rename(self, name: str, new: str) -> None: ...
    def set_address(self, name: str, address: str) -> None: ...
    def connect(self, name: str, network: str) -> None:
        """Connect it to this network instead of its own."""
        ...

    def remove(self, name: str) -> None: ...
    def wait_as_asked(self) -> None:
        """Let it answer who waits for updates only when there are some, or as late as it was asked to."""
        ...

    def kill_sessions(self) -> None: ...
    def sessions(self) -> int:
        """How many there are besides our own."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Simulated:
    """slad's own simulation."""

    def __init__(
        self,
        *,
        servers: int = 24,
        hosts: int = 4,
        datastores: int = 3,
        page_objects: int = 100,
        omit_unset: bool = False,
        compress: bool = False,
        tls: ssl.SSLContext | None = None,
        cafile: Path | None = None,
    ) -> None:
        self.clock = Hand()
        self._tls, self._cafile = tls, cafile
        self.vcenter = ThreadedVCenter(
            lambda: SimulatedVCenter(
                build(now=self.clock(), servers=servers, hosts=hosts, datastores=datastores),
                now_us=self.clock,
                tls=tls,
                accounts={USER: PASSWORD},
                page_objects=page_objects,
                longest_wait_s=LONGEST_WAIT_S,
                omit_unset=omit_unset,
                compress=compress,
            )
        )

    def __enter__(self) -> Self:
        self.vcenter.__enter__()
        vms = self.vcenter.do(lambda: list(self.vcenter.world.inventory.every(Vm)))
        plain = [
            vm
            for vm in vms
            if vm.power == "poweredOn" and len(vm.datastores) == len(vm.networks) == 1 and not vm.template
        ]
        one, other = next(
            (one, other)
            for one in plain
            for other in plain
            if one.datastores == other.datastores and one.host is not other.host
        )
        self.server, self.neighbour = one.name, other.name
        self.host, self.elsewhere = one.host.name, other.host.name
        self.datastore = one.datastores[0].name
        self.network, self.other_network = one.networks[0].name, "backup"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.vcenter.__exit__(kind, error, trace)

    @property
    def endpoint(self) -> Endpoint:
        tls = None
        if self._tls is not None:
            tls = tls_context(ca_file=str(self._cafile) if self._cafile else None, pinned=False)
        return Endpoint(host="127.0.0.1", port=self.vcenter.port, tls=tls, deadlines=QUICK)

    def do(self, act: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return self.vcenter.do(act, *arguments, **named)

    @property
    def machines(self) -> Any:
        return self.vcenter.world.machines

    @property
    def outages(self) -> Any:
        return self.vcenter.world.outages

    @property
    def world(self) -> Any:
        return self.vcenter.world

    def vm(self, name: str) -> Vm:
        found: Vm = self.do(self.world.inventory.find, Vm, name)
        return found

    def vms(self) -> list[Vm]:
        found: list[Vm] = self.do(lambda: list(self.world.inventory.every(Vm)))
        return found

    def find(self, kind: type[Host] | type[Datastore], name: str) -> Any:
        return self.do(self.world.inventory.find, kind, name)

    def fault(self, kind: str, **how: Any) -> None:
        self.do(self.vcenter.wire.inject, kind, **how)

    def clear_faults(self) -> None:
        self.do(self.vcenter.wire.clear)

    def power_off(self, name: str) -> None:
        self.do(self.machines.power_off, name, user="alice")

    def power_on(self, name: str) -> None:
        self.do(self.machines.power_on, name, user="alice")

    def suspend(self, name: str) -> None:
        self.do(self.machines.suspend, name, user="alice")

    def lose_host(self, name: str) -> None:
        self.do(self.outages.host_not_responding, name)

    def regain_host(self, name: str) -> None:
        self.do(self.outages.host_back, name)

    def restart_elsewhere(self, name: str, host: str) -> Instant:
        self.do(self.outages.ha_restart, self.vm(name).host.name)
        booted_at = self.vm(name).booted_at
        assert booted_at is not None
        return Instant(booted_at)

    def reboot_unseen(self, name: str) -> Instant:
        def cycle() -> int:
            machine = self.machines.find(name)
            with self.world.inventory.changing(machine):
                machine.booted_at = self.clock()
            return int(machine.booted_at)

        return Instant(self.do(cycle))

    def vmotion(self, name: str, host: str) -> None:
        self.do(self.machines.vmotion, name, host=host)

    def mount(self, host: str, datastore: str, *, accessible: bool) -> None:
        self.do(self.outages.mount, host, datastore=datastore, accessible=accessible)

    def connection(self, name: str, state: str) -> None:
        self.do(self.machines.connection_state, name, state=state)

    def rename(self, name: str, new: str) -> None:
        self.do(self.machines.rename, name, name=new)

    def set_address(self, name: str, address: str) -> None:
        self.do(self.machines.set_address, name, address=address)

    def connect(self, name: str, network: str) -> None:
        self.do(self.machines.set_networks, name, networks=(network,))

    def remove(self, name: str) -> None:
        self.do(self.machines.remove_vm, name)

    def wait_as_asked(self) -> None:
        self.do(setattr, self.vcenter.world, "longest_wait_s", None)

    def kill_sessions(self) -> None:
        assert self.do(self.world.kill_sessions) > 0

    def sessions(self) -> int:
        count: int = self.do(lambda: len(self.world.sessions.by_cookie))
        return count


class Govmomi:
    """govmomi's simulator; whoever acts on it has a session of its own."""

    server, neighbour = "DC0_C0_RP0_VM0", "DC0_C0_RP0_VM2"
    host, elsewhere = "DC0_C0_H0", "DC0_C0_H1"
    datastore = "LocalDS_0"
    other_network = "VM Network"

    def __init__(self) -> None:
        # Servers are spread over hosts and datastores in turn: 3 and 2, so that servers 0 and 2 share a datastore.
        self.clock = Hand()
        self.peer = VcSim(hosts=3, vms=4, datastores=2, user=USER, password=PASSWORD)
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            resources.enter_context(self.peer)
            self._content = resources.enter_context(logged_in(self.peer))
            self.network = self._vm(self.server).network[0].name
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def endpoint(self) -> Endpoint:
        tls = tls_context(ca_file=str(self.peer.cafile), pinned=False)
        return Endpoint(host=self.peer.host, port=self.peer.port, tls=tls, deadlines=QUICK)

    def _vm(self, name: str) -> Any:
        view = self._content.viewManager.CreateContainerView(
            self._content.rootFolder, [vim.VirtualMachine], True
        )
        return next(each for each in view.view if each.name == name)

    def power_off(self, name: str) -> None:
        self._vm(name).PowerOffVM_Task()

    def power_on(self, name: str) -> None:
        self._vm(name).PowerOnVM_Task()

    def suspend(self, name: str) -> None:
        self._vm(name).SuspendVM_Task()

    def lose_host(self, name: str) -> None:
        self.peer.lose_host(name)

    def regain_host(self, name: str) -> None:
        self.peer.regain_host(name)

    def restart_elsewhere(self, name: str, host: str) -> Instant:
        booted_at = self.clock()
        self.peer.set_vm(name, connection="connected", power="poweredOn", booted_at=booted_at, host=host)
        return booted_at

    def reboot_unseen(self, name: str) -> Instant:
        booted_at = self.clock()
        self.peer.set_vm(name, booted_at=booted_at)
        return booted_at

    def vmotion(self, name: str, host: str) -> None:
        self.peer.set_vm(name, host=host)

    def mount(self, host: str, datastore: str, *, accessible: bool) -> None:
        reason = None if accessible else "AllPathsDown_Start"
        self.peer.set_datastore(datastore, host=host, accessible=accessible, reason=reason)

    def connection(self, name: str, state: str) -> None:
        self.peer.set_vm(name, connection=state)

    def rename(self, name: str, new: str) -> None:
        self._vm(name).Rename_Task(new)

    def set_address(self, name: str, address: str) -> None:
        # The simulator takes any property of the guest by this name.
        told = vim.option.OptionValue(key="SET.guest.ipAddress", value=address)
        self._vm(name).ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[told]))

    def connect(self, name: str, network: str) -> None:
        machine = self._vm(name)
        change = vim.vm.device.VirtualDeviceSpec
        cards = [each for each in machine.config.hardware.device if isinstance(each, _CARD)]
        backing = _CARD.NetworkBackingInfo(deviceName=network)
        added = change(operation="add", device=vim.vm.device.VirtualVmxnet3(key=-1, backing=backing))
        machine.ReconfigVM_Task(
            vim.vm.ConfigSpec(
                deviceChange=[*(change(operation="remove", device=card) for card in cards), added]
            )
        )

    def remove(self, name: str) -> None:
        machine = self._vm(name)
        machine.PowerOffVM_Task()
        machine.Destroy_Task()

    def wait_as_asked(self) -> None:
        """It does."""

    def kill_sessions(self) -> None:
        keys = self._others()
        assert keys
        self._content.sessionManager.TerminateSession(keys)

    def sessions(self) -> int:
        return len(self._others())

    def _others(self) -> list[str]:
        manager = self._content.sessionManager
        ours = manager.currentSession.key
        return [each.key for each in manager.sessionList if each.key != ours]


@contextmanager
def behind_proxy(peer: Simulated) -> Iterator[tuple[FaultProxy, Endpoint]]:
    with FaultProxy((peer.endpoint.host, peer.endpoint.port)) as proxy:
        yield proxy, replace(peer.endpoint, port=proxy.port, deadlines=HASTY)
