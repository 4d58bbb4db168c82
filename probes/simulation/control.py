r"""The control interface: POST /control/NAME with a JSON object calls the method of that name with it.

`{"vm": "acme-web-00001", "user": "CORP\\alice"}` to `/control/power_off` is `world.machines.power_off(…)`. The
reply is JSON: what the method returned, or `{"error": …}` with status 400 or, for an unknown object, 404.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from aiohttp import web

from probes.simulation.entities import ENTITY_TYPES, Entity, Vm
from probes.simulation.inventory import UnknownObjectError
from probes.simulation.wire import Wire
from probes.simulation.world import World


def actions(world: World, wire: Wire) -> dict[str, Callable[..., object]]:
    """Every action by its name."""
    machines, outages, storage = world.machines, world.outages, world.storage
    oddities, mishaps = world.oddities, world.mishaps
    return {
        "power_off": machines.power_off,
        "power_on": machines.power_on,
        "suspend": machines.suspend,
        "resume": machines.resume,
        "reset": machines.reset,
        "power_cycle": machines.power_cycle,
        "guest_shutdown": machines.guest_shutdown,
        "guest_reboot": machines.guest_reboot,
        "guest_crash": machines.guest_crash,
        "ha_reset": machines.ha_reset,
        "kill": machines.kill,
        "vmcp_terminate": machines.vmcp_terminate,
        "heartbeat": machines.heartbeat,
        "vmotion": machines.vmotion,
        "storage_vmotion": machines.storage_vmotion,
        "move": machines.move,
        "move_pool": machines.move_pool,
        "rename": machines.rename,
        "mark_template": machines.mark_template,
        "set_custom_value": machines.set_custom_value,
        "set_address": machines.set_address,
        "set_guest_network": machines.set_guest_network,
        "set_networks": machines.set_networks,
        "connection_state": machines.connection_state,
        "unreadable": machines.unreadable,
        "add_vm": machines.add_vm,
        "reveal_config": machines.reveal_config,
        "remove_vm": machines.remove_vm,
        "register_vm": machines.register_vm,
        "continue_disks": storage.continue_disks,
        "snapshot": storage.snapshot,
        "place_swap": storage.place_swap,
        "place_configuration": storage.place_configuration,
        "map_lun": storage.map_lun,
        "remove_disks": storage.remove_disks,
        "insert_iso": storage.insert_iso,
        "datastore_unreadable": storage.unreadable,
        "datastore_hide": storage.hide,
        "add_vapp": oddities.add_vapp,
        "move_into_vapp": oddities.move_into_vapp,
        "withhold": oddities.withhold,
        "show": oddities.show,
        "show_name_as": oddities.show_name_as,
        "define_attribute": oddities.define_attribute,
        "copy_vm": oddities.copy_vm,
        "set_manager": oddities.set_manager,
        "set_ft_role": oddities.set_ft_role,
        "mount": outages.mount,
        "unmount": outages.unmount,
        "datastore_maintenance": outages.datastore_maintenance,
        "host_not_responding": outages.host_not_responding,
        "host_disconnect": outages.host_disconnect,
        "host_standby": outages.host_standby,
        "host_back": outages.host_back,
        "ha_restart": outages.ha_restart,
        "isolate": outages.isolate,
        "maintenance": outages.maintenance,
        "post_event": world.post_event,
        "post_extended_event": world.post_extended_event,
        "clock_offset": world.clock_offset,
        "host_clock": mishaps.host_clock,
        "boot_time": mishaps.boot_time,
        "date_events": mishaps.date_events,
        "restart_keys": mishaps.restart_keys,
        "forget_events": mishaps.forget_events,
        "restore_events": mishaps.restore_events,
        "become_another": world.become_another,
        "kill_sessions": world.kill_sessions,
        "restart": world.restart,
        "fill": world.fill,
        "wire_fault": wire.inject,
        "wire_clear": wire.clear,
        "wire_idle": wire.idle,
    }


def add_routes(application: web.Application, world: World, wire: Wire) -> None:
    """Serve `/control/NAME`, and `GET /control/objects?type=VirtualMachine` to find names and ids."""
    table = actions(world, wire)

    async def act(request: web.Request) -> web.Response:
        action = table.get(request.match_info["name"])
        if action is None:
            return _error(404, f"no such action; there are {', '.join(sorted(table))}")
        try:
            arguments = await request.json() if request.can_read_body else {}
            inspect.signature(action).bind(**arguments)
            return web.json_response({"result": _plain(action(**arguments))})
        except UnknownObjectError as error:
            return _error(404, str(error))
        except (TypeError, ValueError) as error:
            return _error(400, str(error))

    async def objects(request: web.Request) -> web.Response:
        wanted = request.query.get("type", Vm.TYPE)
        kind = next((each for each in ENTITY_TYPES if wanted == each.TYPE), None)
        if kind is None:
            return _error(404, f"no such type {wanted!r}")
        return web.json_response([_plain(entity) for entity in world.inventory.every(kind)])

    application.router.add_post("/control/{name}", act)
    application.router.add_get("/control/objects", objects)


def _plain(value: object) -> object:
    return {"moid": value.moid, "name": value.name} if isinstance(value, Entity) else value


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
