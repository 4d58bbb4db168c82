"""The devices of a virtual machine, and what its guest says of its network cards, as vim25 XML."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from probes.simulation import layout
from probes.simulation.entities import (
    Disk,
    DistributedPortgroup,
    GuestNetwork,
    Network,
    OpaqueNetwork,
    Power,
    Vm,
)
from probes.simulation.values import escape, identifier, tagged_reference

FIRST_CARD = 4000
PREFIX_LENGTH = 24
_NO_CARD: Final = -1
"""The device of an adapter that the guest made itself."""


def devices(vm: Vm) -> str:
    """The fragment of `config.hardware.device`: disks, an ISO image if there is one, a card for each network."""
    return f' xsi:type="ArrayOfVirtualDevice">{_disks(vm)}{_cdrom(vm)}{_cards(vm)}'


def guest_nics(vm: Vm) -> str:
    """The fragment of `guest.net`: the machine's cards, and what else the guest has; nothing while VMware Tools do not run.

    An adapter that is no card of the machine has no network that vCenter knows, and the device -1.
    """
    items = ""
    if tools_run(vm):
        guest = vm.guest or GuestNetwork(cards=((vm.address,) if vm.address else (),))
        items = "".join(
            _guest_nic(network.name, addresses, _mac(vm, number), FIRST_CARD + number)
            for number, (network, addresses) in enumerate(
                zip_longest(vm.networks, guest.cards[: len(vm.networks)])
            )
        ) + "".join(
            _guest_nic("", addresses, f"02:42:00:00:00:{number:02x}", _NO_CARD)
            for number, addresses in enumerate(guest.others)
        )
    return f' xsi:type="ArrayOfGuestNicInfo">{items}'


def _guest_nic(network: str, addresses: Sequence[str] | None, mac: str, device: int) -> str:
    named = f"<network>{escape(network)}</network>" if network else ""
    told = "".join(f"<ipAddress>{escape(each)}</ipAddress>" for each in addresses or ())
    config = "".join(map(_ip_address, addresses or ()))
    return (
        f'<GuestNicInfo xsi:type="GuestNicInfo">{named}{told}<macAddress>{mac}</macAddress>'
        f"<connected>true</connected><deviceConfigId>{device}</deviceConfigId>"
        f"{f'<ipConfig>{config}</ipConfig>' if config else ''}</GuestNicInfo>"
    )


def tools_run(vm: Vm) -> bool:
    """Whether VMware Tools run in the guest."""
    return vm.power is Power.ON and vm.heartbeat != "gray"


def _ip_address(address: str) -> str:
    return (
        f"<ipAddress><ipAddress>{escape(address)}</ipAddress><prefixLength>{PREFIX_LENGTH}</prefixLength>"
        "<origin>manual</origin><state>preferred</state></ipAddress>"
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
            f"{_disk_backing(vm, disk)}<controllerKey>1000</controllerKey><unitNumber>{number - 1}</unitNumber>"
            f"<capacityInKB>{disk.capacity_kb}</capacityInKB>",
        )
        for number, disk in enumerate(vm.disks, start=1)
    )


def _disk_backing(vm: Vm, disk: Disk) -> str:
    if disk.lun:
        content = (
            f"{_file(vm, disk, 0)}<lunUuid>{disk.lun}</lunUuid><deviceName>{disk.lun}</deviceName>"
            "<compatibilityMode>physicalMode</compatibilityMode><diskMode>independent_persistent</diskMode>"
        )
        return f'<backing xsi:type="VirtualDiskRawDiskMappingVer1BackingInfo">{content}</backing>'
    chain = ""
    for unit in reversed(range(len(disk.parents) + 1)):
        content = (
            f"{_file(vm, disk, unit)}<diskMode>persistent</diskMode>"
            f"<split>false</split><writeThrough>false</writeThrough><thinProvisioned>true</thinProvisioned>{chain}"
        )
        chain = f"<parent>{content}</parent>"
    return f'<backing xsi:type="VirtualDiskFlatVer2BackingInfo">{content}</backing>'


def _file(vm: Vm, disk: Disk, unit: int) -> str:
    datastore = layout.unit_datastore(disk, unit)
    name = f"<fileName>{escape(layout.unit_file(vm, disk, unit))}</fileName>"
    return name + tagged_reference("datastore", datastore)


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
