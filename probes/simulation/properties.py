"""Which properties the simulation serves, and how each is written.

`LEAVES` has one function for each property that is a value; `STRUCTS` names the data objects above them, which
are put together from their leaves. A path that is in neither does not exist here: CreateFilter refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import cast

from probes.simulation import hardware, layout, values
from probes.simulation.entities import (
    ENTITY_TYPES,
    Cluster,
    CustomFields,
    Datacenter,
    Datastore,
    DistributedPortgroup,
    Entity,
    Folder,
    Host,
    Mount,
    Network,
    OpaqueNetwork,
    Power,
    ResourcePool,
    Task,
    VirtualApp,
    Vm,
    is_a,
)

Reader = Callable[[Entity], str | None]


def _custom_values(vm: Vm) -> str:
    items = "".join(
        f'<CustomFieldValue xsi:type="CustomFieldStringValue"><key>{key}</key>'
        f"<value>{values.escape(value)}</value></CustomFieldValue>"
        for key, value in vm.custom_values.items()
    )
    return f' xsi:type="ArrayOfCustomFieldValue">{items}'


def _tools(vm: Vm) -> str:
    return "guestToolsRunning" if hardware.tools_run(vm) else "guestToolsNotRunning"


def _clean_power_off(vm: Vm) -> str | None:
    return None if vm.clean_power_off is None else values.boolean(vm.clean_power_off)


def _address(vm: Vm) -> str | None:
    address = vm.address if vm.guest is None else vm.guest.primary
    return values.string(address) if vm.power is Power.ON and address else None


def _vm_parent(vm: Vm) -> str | None:
    """In a vApp it has none."""
    return values.reference(vm.parent if vm.vapp is None else None)


def _manager(vm: Vm) -> str | None:
    if vm.manager is None or not vm.config_known:
        return None
    key, kind = map(values.escape, vm.manager)
    return f' xsi:type="ManagedByInfo"><extensionKey>{key}</extensionKey><type>{kind}</type>'


def _ft_role(vm: Vm) -> str | None:
    return None if vm.ft_role is None or not vm.config_known else f' xsi:type="xsd:int">{vm.ft_role}'


def _configured(read: Callable[[Vm], str]) -> Callable[[Vm], str | None]:
    """`read` for a property of `config`, which is unset as a whole while no configuration is known."""
    return lambda vm: read(vm) if vm.config_known else None


def mount_info(mount: Mount, volume: str) -> str:
    """The members of a HostMountInfo."""
    reason = "" if mount.reason is None else f"<inaccessibleReason>{mount.reason}</inaccessibleReason>"
    return (
        f"<path>{volume}</path><accessMode>readWrite</accessMode>"
        f"<mounted>{'true' if mount.mounted else 'false'}</mounted>"
        f"<accessible>{'true' if mount.accessible else 'false'}</accessible>{reason}"
    )


def _mounts(datastore: Datastore) -> str:
    items = "".join(
        f'<DatastoreHostMount xsi:type="DatastoreHostMount"><key type="HostSystem">{moid}</key>'
        f"<mountInfo>{mount_info(mount, datastore.volume)}</mountInfo></DatastoreHostMount>"
        for moid, mount in datastore.mounts.items()
    )
    return f' xsi:type="ArrayOfDatastoreHostMount">{items}'


def _fields(fields: CustomFields) -> str:
    items = "".join(
        f'<CustomFieldDef xsi:type="CustomFieldDef"><key>{key}</key><name>{values.escape(name)}</name>'
        "<type>xsd:string</type><managedObjectType>VirtualMachine</managedObjectType></CustomFieldDef>"
        for key, name in fields.names.items()
    )
    return f' xsi:type="ArrayOfCustomFieldDef">{items}'


def task_info(task: Task) -> str:
    """The members of a TaskInfo."""
    at = values.instant_text(task.at)
    return (
        f'<key>{task.moid}</key><task type="Task">{task.moid}</task><name>{task.method}</name>'
        f"<descriptionId>{task.description_id}</descriptionId>{values.tagged_reference('entity', task.entity)}"
        f"<entityName>{values.escape(task.entity.name)}</entityName><state>success</state>"
        "<cancelled>false</cancelled><cancelable>false</cancelable>"
        f'<reason xsi:type="TaskReasonUser"><userName>{values.escape(task.user)}</userName></reason>'
        f"<queueTime>{at}</queueTime><startTime>{at}</startTime><completeTime>{at}</completeTime>"
        "<eventChainId>0</eventChainId>"
    )


_PLACE: dict[str, Callable[[Entity], str | None]] = {
    "name": lambda e: values.string(e.name),
    "parent": lambda e: values.reference(e.parent),
}
_VM: dict[str, Callable[[Vm], str | None]] = {
    "name": lambda vm: values.string(vm.shown_as or vm.name),
    "parent": _vm_parent,
    "parentVApp": lambda vm: values.reference(vm.vapp),
    "resourcePool": lambda vm: values.reference(vm.pool),
    "customValue": _custom_values,
    "runtime.powerState": lambda vm: values.enum("VirtualMachinePowerState", vm.power),
    "runtime.connectionState": lambda vm: values.enum("VirtualMachineConnectionState", vm.connection),
    "runtime.host": lambda vm: values.reference(vm.host),
    "runtime.bootTime": lambda vm: values.instant(vm.booted_at),
    "runtime.cleanPowerOff": _clean_power_off,
    "runtime.suspendTime": lambda vm: values.instant(vm.suspended_at),
    "config.name": _configured(lambda vm: values.string(vm.name)),
    "config.template": _configured(lambda vm: values.boolean(vm.template)),
    "config.instanceUuid": _configured(lambda vm: values.string(vm.instance_uuid)),
    "config.changeVersion": _configured(lambda vm: values.string(str(vm.change_version))),
    "config.files.vmPathName": _configured(lambda vm: values.string(layout.configuration(vm))),
    "config.datastoreUrl": _configured(layout.urls),
    "config.managedBy": _manager,
    "config.ftInfo.role": _ft_role,
    "config.hardware.device": _configured(hardware.devices),
    "layoutEx.file": _configured(layout.files),
    "layoutEx.disk": _configured(layout.disks),
    "datastore": lambda vm: values.references(vm.datastores),
    "network": lambda vm: values.references(vm.networks),
    "guest.ipAddress": _address,
    "guest.net": hardware.guest_nics,
    "guest.toolsRunningStatus": lambda vm: values.string(_tools(vm)),
    "guestHeartbeatStatus": lambda vm: values.enum("ManagedEntityStatus", vm.heartbeat),
}
_VAPP: dict[str, Callable[[VirtualApp], str | None]] = {
    **_PLACE,
    "parentFolder": lambda vapp: values.reference(vapp.folder),
    "parentVApp": lambda vapp: values.reference(vapp.parent if isinstance(vapp.parent, VirtualApp) else None),
}
_HOST: dict[str, Callable[[Host], str | None]] = {
    **_PLACE,
    "runtime.connectionState": lambda host: values.enum("HostSystemConnectionState", host.connection),
    "runtime.powerState": lambda host: values.enum("HostSystemPowerState", host.power),
    "runtime.inMaintenanceMode": lambda host: values.boolean(host.maintenance),
    "vm": lambda host: values.references(host.vms.values()),
}
_DATASTORE: dict[str, Callable[[Datastore], str | None]] = {
    **_PLACE,
    "host": _mounts,
    "summary.name": lambda ds: values.string(ds.name),
    "summary.type": lambda ds: values.string(ds.storage_type),
    "summary.url": lambda ds: values.string(f"ds://{ds.volume}/"),
    "summary.accessible": lambda ds: values.boolean(ds.accessible),
    "summary.maintenanceMode": lambda ds: values.string(ds.maintenance),
}
_TASK: dict[str, Callable[[Task], str | None]] = {
    "info": lambda task: f' xsi:type="TaskInfo">{task_info(task)}',
    "info.state": lambda _: values.enum("TaskInfoState", "success"),
    "info.error": lambda _: None,
}
_FIELDS: dict[str, Callable[[CustomFields], str | None]] = {"field": _fields}

# The same value under a second name, as vCenter serves it.
_VM_ALIASES = {
    **{f"summary.{path}": path for path in _VM if path.startswith("runtime.")},
    "summary.config.name": "config.name",
    "summary.config.template": "config.template",
    "summary.config.instanceUuid": "config.instanceUuid",
    "summary.guest.ipAddress": "guest.ipAddress",
    "summary.guest.toolsRunningStatus": "guest.toolsRunningStatus",
    "summary.customValue": "customValue",
}
_HOST_ALIASES = {f"summary.{path}": path for path in _HOST if path.startswith("runtime.")}
ALIASES: dict[str, dict[str, str]] = {Vm.TYPE: _VM_ALIASES, Host.TYPE: _HOST_ALIASES}

_PLACES = (Folder, Datacenter, Cluster, ResourcePool, Network, DistributedPortgroup, OpaqueNetwork)
LEAVES: dict[str, dict[str, Reader]] = {
    **{kind.TYPE: dict(_PLACE) for kind in _PLACES},
    VirtualApp.TYPE: cast("dict[str, Reader]", _VAPP),
    Vm.TYPE: cast("dict[str, Reader]", _VM | {alias: _VM[path] for alias, path in _VM_ALIASES.items()}),
    Host.TYPE: cast(
        "dict[str, Reader]", _HOST | {alias: _HOST[path] for alias, path in _HOST_ALIASES.items()}
    ),
    Datastore.TYPE: cast("dict[str, Reader]", _DATASTORE),
    Task.TYPE: cast("dict[str, Reader]", _TASK),
    CustomFields.TYPE: cast("dict[str, Reader]", _FIELDS),
}
STRUCTS: dict[str, dict[str, str]] = {
    Vm.TYPE: {
        "runtime": "VirtualMachineRuntimeInfo",
        "config": "VirtualMachineConfigInfo",
        "config.files": "VirtualMachineFileInfo",
        "config.ftInfo": "FaultToleranceConfigInfo",
        "config.hardware": "VirtualHardware",
        "layoutEx": "VirtualMachineFileLayoutEx",
        "guest": "GuestInfo",
        "summary": "VirtualMachineSummary",
        "summary.runtime": "VirtualMachineRuntimeInfo",
        "summary.config": "VirtualMachineConfigSummary",
        "summary.guest": "VirtualMachineGuestSummary",
    },
    Host.TYPE: {
        "runtime": "HostRuntimeInfo",
        "summary": "HostListSummary",
        "summary.runtime": "HostRuntimeInfo",
    },
    Datastore.TYPE: {"summary": "DatastoreSummary"},
}
_KEYED_MOUNT = re.compile(
    r'host\["(?P<host>[^"]+)"\]\.mountInfo(?:\.(?P<member>mounted|accessible|inaccessibleReason))?'
)


def canonical(wsdl_type: str, path: str) -> str:
    """The path under which changes of `path` are announced."""
    return ALIASES.get(wsdl_type, {}).get(path, path)


def values_now(entity: Entity) -> dict[str, str | None]:
    """Every property of the object under its own name, aliases left out."""
    aliases = ALIASES.get(entity.TYPE, {})
    return {path: read(entity) for path, read in LEAVES[entity.TYPE].items() if path not in aliases}


def exists(wsdl_type: str, path: str) -> bool:
    """Whether every kind of object that is of the WSDL's type has this property."""
    kinds = [kind.TYPE for kind in ENTITY_TYPES if is_a(kind, wsdl_type)]
    return bool(kinds) and all(path in LEAVES[kind] or path in STRUCTS.get(kind, {}) for kind in kinds)


def leaves_below(wsdl_type: str, path: str) -> tuple[str, ...]:
    """The leaves that `path` stands for: itself, or every leaf of the data object."""
    if path in LEAVES[wsdl_type]:
        return (path,)
    return tuple(leaf for leaf in LEAVES[wsdl_type] if leaf.startswith(f"{path}."))


def top_level(wsdl_type: str) -> tuple[str, ...]:
    """What `all` means in a PropertySpec."""
    return tuple(dict.fromkeys(path.partition(".")[0] for path in LEAVES[wsdl_type]))


def reader(wsdl_type: str, path: str) -> Reader:
    """The function that writes the property's fragment, or None while it is unset.

    `path` is a leaf, a data object, or a member of one host's mount in the form of partial updates.
    """
    if path in LEAVES[wsdl_type]:
        return LEAVES[wsdl_type][path]
    keyed = _KEYED_MOUNT.fullmatch(path)
    if keyed:
        return _mount_reader(keyed["host"], keyed["member"])
    return _struct_reader(wsdl_type, path)


def _mount_reader(host: str, name: str | None) -> Reader:
    def read(entity: Entity) -> str | None:
        assert isinstance(entity, Datastore)
        mount = entity.mounts[host]
        match name:
            case None:
                return f' xsi:type="HostMountInfo">{mount_info(mount, entity.volume)}'
            case "mounted":
                return values.boolean(mount.mounted)
            case "accessible":
                return values.boolean(mount.accessible)
            case _:
                return None if mount.reason is None else values.string(mount.reason)

    return read


def _struct_reader(wsdl_type: str, path: str) -> Reader:
    names = _members(path, LEAVES[wsdl_type])
    members = [(name, reader(wsdl_type, f"{path}.{name}")) for name in names]
    struct = STRUCTS[wsdl_type][path]

    def read(entity: Entity) -> str | None:
        parts = [values.member(name, part) for name, each in members if (part := each(entity)) is not None]
        return f' xsi:type="{struct}">{"".join(parts)}' if parts else None

    return read


def _members(path: str, leaves: Iterable[str]) -> tuple[str, ...]:
    below = (leaf[len(path) + 1 :] for leaf in leaves if leaf.startswith(f"{path}."))
    return tuple(dict.fromkeys(rest.partition(".")[0] for rest in below))
