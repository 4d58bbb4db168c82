"""What `/metrics` shows of hosts and datastores, which servers' alerts are inhibited by."""

from pathlib import Path

from probes.simulation.entities import Datastore
from tests.daemon.app.test_watching import in_contact, machines_on_one_host
from tests.daemon.harness import running_app, scraped, simulated, write_config
from tests.waiting import until


async def test_hosts_and_datastores_that_fail_are_on_metrics_and_so_is_their_return(tmp_path: Path) -> None:
    with simulated() as vcenter:
        host, _ = machines_on_one_host(vcenter)
        name = vcenter.do(lambda: next(iter(vcenter.world.inventory.every(Datastore))).name)
        responding = "slad_host_responding", frozenset({("vcenter", "vc1"), ("host", host)})
        accessible = "slad_datastore_accessible", frozenset({("vcenter", "vc1"), ("datastore", name)})
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")

            async def shows(key: tuple[str, frozenset[tuple[str, str]]], value: float) -> None:
                await until(lambda: scraped(*app.addresses[0]).get(key) == value, f"{key} {value}")

            await shows(responding, 1)
            await shows(accessible, 1)
            vcenter.do(vcenter.world.outages.host_not_responding, host)
            await shows(responding, 0)
            vcenter.do(vcenter.world.outages.host_back, host)
            await shows(responding, 1)
            vcenter.do(vcenter.world.outages.mount, host, datastore=name, accessible=False)
            await shows(accessible, 0)
            vcenter.do(vcenter.world.outages.mount, host, datastore=name, accessible=True)
            await shows(accessible, 1)
