"""The devices of a virtual machine, and what its guest says of its network cards, as vim25 XML."""

from __future__ import annotations

from probes.simulation.entities import DistributedPortgroup, Network, OpaqueNetwork, Power, Vm
from probes.simulation.values import escape, identifier, tagged_reference

FIRST_CARD = 4000
PREFIX_LENGTH = 24


def devices(vm: Vm) -> str:
    """The fragment of `config.hardware.device`: disks, an ISO image if there is one, a card for each network."""
    return f' xsi:type="ArrayOfVirtualDevice">{_disks(vm)}{_cdrom(vm)}{_cards(vm)}'


def guest_nics(vm: Vm) -> str:
    """The fragment of `guest.net`: the guest's address is that of its first card; nothing while VMware Tools do not run."""
    items = ""
    if tools_run(vm):
        items = "".join(
            f'<GuestNicInfo xsi:type="GuestNicInfo"><network>{escape(network.name)}</network>'
            f"{f'<ipAddress>{vm.address}</ipAddress>' if vm.address and not number else ''}"
            f"<macAddress>{_mac(vm, number)}</macAddress><connected>true</connected>"
            f"<deviceConfigId>{FIRST_CARD + number}</deviceConfigId>"
            f"{_ip_config(vm.address) if vm.address and not number else ''}</GuestNicInfo>"
            for number, network in enumerate(vm.networks)
        )
    return f' xsi:type="ArrayOfGuestNicInfo">{items}'


def tools_run(vm: Vm) -> bool:
    """Whether VMware Tools run in the guest."""
    return vm.power is Power.ON and vm.heartbeat != "gray"


def _ip_config(address: str) -> str:
    return (
        f"<ipConfig><ipAddress><ipAddress>{address}</ipAddress><prefixLength>{PREFIX_LENGTH}</prefixLength>"
        "<origin>manual</origin><state>preferred</state></ipAddress></ipConfig>"
    )


def _mac(vm: Vm, number: int) -> str:
    """The address of a card: that of the first is given, the others follow from it."""
    return vm.mac if number == 0 else f"{vm.mac[:6]}{int(vm.mac[6:8], 16) + number & 255:02x}{vm.mac[8:]}"


def _device(kind: str, key: int, label: str, content: str) -> str:
    return (
        f'<VirtualDevice xsi:type="{kind}"><key>{key}</key><deviceInfo>'
        f"<label>{label}</label><summary>{label}</summary></deviceInfo>{content}</VirtualDevice>"
    )


def _disks(vm: Vm) -> str:
    return "".join(
        _device(
            "VirtualDisk",
            disk.key,
            f"Hard disk {number}",
            '<backing xsi:type="VirtualDiskFlatVer2BackingInfo">'
            f"<fileName>[{escape(disk.datastore.name)}] {escape(vm.name)}/{disk.key}.vmdk</fileName>"
            f"{tagged_reference('datastore', disk.datastore)}<diskMode>persistent</diskMode>"
            "<split>false</split><writeThrough>false</writeThrough><thinProvisioned>true</thinProvisioned>"
            f"</backing><controllerKey>1000</controllerKey><unitNumber>{number - 1}</unitNumber>"
            f"<capacityInKB>{disk.capacity_kb}</capacityInKB>",
        )
        for number, disk in enumerate(vm.disks, start=1)
    )


def _connectable(vm: Vm) -> str:
    connected = "true" if vm.power is Power.ON else "false"
    return (
        "<connectable><startConnected>true</startConnected><allowGuestControl>true</allowGuestControl>"
        f"<connected>{connected}</connected></connectable>"
    )


def _cdrom(vm: Vm) -> str:
    if vm.iso is None:
        return ""
    image = f"<fileName>[{escape(vm.iso.name)}] iso/install.iso</fileName>"
    return _device(
        "VirtualCdrom",
        3000,
        "CD/DVD drive 1",
        f'<backing xsi:type="VirtualCdromIsoBackingInfo">{image}{tagged_reference("datastore", vm.iso)}</backing>'
        f"{_connectable(vm)}<controllerKey>200</controllerKey><unitNumber>0</unitNumber>",
    )


def _cards(vm: Vm) -> str:
    return "".join(
        _device(
            "VirtualVmxnet3",
            FIRST_CARD + number,
            f"Network adapter {number + 1}",
            f"{_backing(network)}{_connectable(vm)}<controllerKey>100</controllerKey>"
            f"<unitNumber>{7 + number}</unitNumber><addressType>assigned</addressType>"
            f"<macAddress>{_mac(vm, number)}</macAddress><wakeOnLanEnabled>true</wakeOnLanEnabled>",
        )
        for number, network in enumerate(vm.networks)
    )


def _backing(network: Network) -> str:
    match network:
        case DistributedPortgroup():
            port = (
                f"<switchUuid>{identifier('switch')}</switchUuid><portgroupKey>{network.moid}</portgroupKey>"
            )
            kind, content = "DistributedVirtualPort", f"<port>{port}</port>"
        case OpaqueNetwork():
            name = f"<opaqueNetworkId>{identifier(network.moid)}</opaqueNetworkId>"
            kind, content = "OpaqueNetwork", f"{name}<opaqueNetworkType>nsx.LogicalSwitch</opaqueNetworkType>"
        case _:
            name = f"<deviceName>{escape(network.name)}</deviceName>"
            kind, content = "Network", f"{name}{tagged_reference('network', network)}"
    return f'<backing xsi:type="VirtualEthernetCard{kind}BackingInfo">{content}</backing>'
