"""What the whole daemon holds in memory: what is equal is one object, however it came in."""

import asyncio
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    ModuleType,
)

from daemon.app import App
from daemon.ledger import snapshot_of
from probes.simulation.entities import Vm
from tests.daemon.harness import by_server, running_app, scraped, simulated, write_config
from tests.waiting import until

FEW = 20
"""So many objects may be equal without being of servers: words that several parts have in their own code."""
A_SERVER_BYTES = 5_000
"""What all objects take of a server that is up, alone in its solution: its share of tables among them."""
NOT_ITS_OWN = (
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    ModuleType,
    asyncio.AbstractEventLoop,
    asyncio.Future,
    type,
)
"""By these one comes to all else in the process: the vCenter runs in it too."""


def held_by(app: App) -> Iterator[object]:
    """All objects that an app holds."""
    seen, waiting = {id(app)}, [app]
    while waiting:
        held = waiting.pop()
        yield held
        for each in gc.get_referents(held):
            if id(each) not in seen and not isinstance(each, NOT_ITS_OWN):
                seen.add(id(each))
                waiting.append(each)


def shows_servers(app: App) -> bool:
    """Whether a scrape has servers."""
    return bool(by_server(scraped(*app.addresses[0]), "slad_server_up"))


def objects_by_value(app: App) -> Mapping[object, int]:
    """How many objects there are of each text, and of each tuple of texts, such as legs, datastores and places."""
    ids: defaultdict[object, set[int]] = defaultdict(set)
    held = list(held_by(app))
    for each in held:
        if type(each) is str or (
            isinstance(each, tuple) and each and all(isinstance(text, str) for text in each)
        ):
            ids[each].add(id(each))
    return {value: len(objects) for value, objects in ids.items()}


async def bytes_held(folder: Path, servers: int) -> int:
    """What the objects of a daemon take that was scraped, after its first sync."""
    with simulated(servers=servers) as vcenter:
        async with running_app(write_config(folder, vcenter)) as app:
            await until(partial(shows_servers, app), "the first figures")
            return sum(map(sys.getsizeof, held_by(app)))


async def test_a_server_takes_little(tmp_path: Path) -> None:
    few, many = 200, 600
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    more = await bytes_held(tmp_path / "many", many) - await bytes_held(tmp_path / "few", few)
    assert more / (many - few) < A_SERVER_BYTES


async def test_what_many_servers_have_alike_is_held_once_before_and_after_a_restart(tmp_path: Path) -> None:
    with simulated(servers=60) as vcenter:
        config = write_config(tmp_path, vcenter)
        uuids = {vm.instance_uuid for vm in vcenter.do(lambda: list(vcenter.world.inventory.every(Vm)))}
        for is_restarted in (False, True):
            assert snapshot_of(tmp_path / "ledger.db").exists() == is_restarted
            async with running_app(config) as app:
                await until(partial(shows_servers, app), "the first figures")
                objects = objects_by_value(app)
            assert uuids & objects.keys()
            several = {value: count for value, count in objects.items() if value in uuids and count > 1}
            assert several == {}, "a server's id"
            assert {value: count for value, count in objects.items() if count > FEW} == {}
