"""The whole daemon in this process, and what happens to virtual servers: as `slad status` and `slad server` tell it."""

import asyncio
import hashlib
import json
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from daemon.app import App
from daemon.cli import main
from daemon.control.client import ControlClient, Json
from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Host, Vm
from probes.simulation.wire import WireFaultKind
from sla.calendars import calendar_of
from sla.instants import SECOND, parse_instant
from tests.daemon.harness import Samples, by_server, running_app, scraped, simulated, write_config
from tests.peers.tls import issue
from tests.waiting import until, until_told

COUNTED = {"up": "up", "down": "down", "unobserved": "unobserved"}
CORRECTED = {"up": "up", "down": "down", "unknown": "unobserved"}
LONGEST_BOOT_DOUBT_S = 3
"""A boot so soon after the loss of contact may be the one before it, by vCenter's clock."""


class Asked:
    """What the daemon in `folder` says through its control door."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "control.sock"

    async def status(self) -> Json:
        async with ControlClient(self._socket) as client:
            return await client.status()

    async def server(self, name: str) -> Json:
        async with ControlClient(self._socket) as client:
            return await client.server(name)

    async def lines(self) -> list[str]:
        async with ControlClient(self._socket) as client:
            return [line async for line in client.export()]

    async def until(self, name: str, holds: Callable[[Json], bool], what: str) -> Json:
        async def found() -> Json | None:
            told = await self.server(name)
            return told if holds(told) else None

        return await until_told(found, what)

    async def is_(self, name: str, state: str) -> Json:
        return await self.until(name, lambda told: told["state"] == state, f"{name} {state}")


async def in_contact(app: App, *sources: str) -> None:
    def all_up() -> bool:
        samples = scraped(*app.addresses[0])
        return all(samples.get(("slad_source_up", frozenset({("source", name)}))) == 1 for name in sources)

    await until(all_up, f"contact with {sources}")


def machines_on_one_host(vcenter: ThreadedVCenter) -> tuple[str, list[str]]:
    """A host and the names of what runs on it."""

    def found() -> tuple[str, list[str]]:
        for host in vcenter.world.inventory.every(Host):
            names = [vm.name for vm in host.vms.values() if vm.power.value == "poweredOn" and not vm.template]
            if names:
                return host.name, names
        raise AssertionError("no host runs anything")

    return vcenter.do(found)


def a_running_machine(vcenter: ThreadedVCenter) -> str:
    return machines_on_one_host(vcenter)[1][0]


def has_been_down(told: Json) -> bool:
    return bool(told["outages"] and told["outages"][0]["until"])


def unknown_for_long(told: Json) -> bool:
    lasted_us = parse_instant(told["settled_at"]) - parse_instant(told["since"])
    return lasted_us > LONGEST_BOOT_DOUBT_S * SECOND


class Accounts(dict[str, str]):
    """Lets everybody in, and remembers what each said."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, user: str, _: object = None) -> str:
        self.asked.append(user)
        return "secret"


async def test_a_password_in_doubt_is_not_sent_and_the_watch_says_why_and_waits(tmp_path: Path) -> None:
    accounts = Accounts()
    with simulated(accounts=accounts) as vcenter:
        config = write_config(tmp_path, vcenter)
        (tmp_path / "password").write_bytes("secret".encode("utf-16"))
        async with running_app(config) as app:
            asked = Asked(tmp_path)
            said = f"{tmp_path}/password is in UTF-16 or UTF-32: save it as UTF-8"
            async with asyncio.timeout(30):
                while (await asked.status())["sources"][0]["note"] != said:  # noqa: ASYNC110  only asking tells
                    await asyncio.sleep(0.05)
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            labels = frozenset({("source", "vc1"), ("reason", "credentials")})
            assert samples["slad_source_errors_total", labels] >= 1
            assert accounts.asked == []
            (tmp_path / "password").write_bytes(b"\xef\xbb\xbfsecret\r\n")
            await in_contact(app, "vc1")
    assert set(accounts.asked) == {"slad"}


async def test_a_vcenter_is_reached_by_an_ipv6_number_with_a_pin(tmp_path: Path) -> None:
    certificate = issue(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.certfile, certificate.keyfile)
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.certfile.read_text())).hexdigest()
    with simulated(host="::1", tls=tls) as vcenter:
        config = write_config(tmp_path, vcenter)
        text = config.read_text().replace('scheme = "http"', f'pin = "sha256:{pin}"')
        config.write_text(re.sub("address = .*", f'address = "[0:0::1]:{vcenter.port}"', text))
        async with running_app(config) as app:
            await in_contact(app, "vc1")


async def test_an_ha_restart_is_an_outage_from_loss_of_contact_to_boot(tmp_path: Path) -> None:
    with simulated(60) as vcenter:
        host, names = machines_on_one_host(vcenter)
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            await asked.is_(names[0], "up")
            vcenter.do(vcenter.world.outages.host_not_responding, host)
            lost = await asked.is_(names[0], "unknown")
            assert lost["outages"] == []
            await asked.until(names[0], unknown_for_long, "more than a doubt")
            vcenter.do(vcenter.world.outages.ha_restart, host)
            await asked.is_(names[0], "up")
            told = await asked.until(names[0], has_been_down, "the outage")
            (outage,) = told["outages"]
            assert outage["legs"] == ["running"]
            assert outage["from"] == lost["since"]
            assert outage["from"] < outage["until"] <= told["settled_at"]
            assert (await asked.status())["down"] == []


async def test_a_host_that_only_lost_its_management_path_costs_its_servers_nothing(tmp_path: Path) -> None:
    with simulated(60) as vcenter:
        host, names = machines_on_one_host(vcenter)
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            await asked.is_(names[0], "up")
            vcenter.do(vcenter.world.outages.host_not_responding, host)
            lost = await asked.is_(names[0], "unknown")
            assert {leg["state"] for leg in lost["legs"]} == {"unknown"}
            vcenter.do(vcenter.world.outages.host_back, host)
            await asked.is_(names[0], "up")
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            assert sum(by_server(samples, "slad_server_downtime_seconds_total").values()) == 0
            for name in names:
                assert (await asked.server(name))["outages"] == []


async def test_a_machine_unregistered_and_back_was_in_service_and_down(tmp_path: Path) -> None:
    with simulated() as vcenter:
        name = a_running_machine(vcenter)
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            before = await asked.is_(name, "up")
            vcenter.do(vcenter.world.machines.remove_vm, name)
            gone = await asked.is_(name, "unknown")
            assert {leg["reason"] for leg in gone["legs"]} == {"vCenter does not list it"}
            vcenter.do(vcenter.world.machines.register_vm, name)
            await asked.is_(name, "up")
            told = await asked.until(name, has_been_down, "the outage")
            assert told["server"] == before["server"]
            (outage,) = told["outages"]
            assert outage["from"] == gone["since"]


async def test_a_server_that_is_renamed_goes_on_under_its_name_and_with_its_owner(tmp_path: Path) -> None:
    with simulated() as vcenter:
        name = a_running_machine(vcenter)
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            before = await asked.is_(name, "up")
            for new, client in (("acme-renamed", "acme"), ("zebra-renamed", "unassigned")):
                vcenter.do(vcenter.world.machines.rename, name, name=new)
                name = new

                def shown(new: str = new, client: str = client) -> bool:
                    labels = {("name", new), ("client", client), ("server", before["server"])}
                    return any(
                        family == "slad_server_info" and labels <= given
                        for family, given in scraped(*app.addresses[0])
                    )

                await until(shown, f"{new} of {client} on slad_server_info")
                assert (await asked.server(new))["client"] == client


async def test_a_dead_vcenter_leaves_the_servers_of_another_alone(tmp_path: Path) -> None:
    with simulated() as alive, simulated(20, seed=2, clients=("echo",)) as dead:
        config = write_config(tmp_path, alive)
        table = f'[vcenter.vc2]\naddress = "{dead.host}:{dead.port}"\nscheme = "http"\nuser = "slad"\n'
        config.write_text(config.read_text() + table + 'password_file = "password"\npoll = "1s"\n')
        async with running_app(config) as app:
            await in_contact(app, "vc1", "vc2")
            asked = Asked(tmp_path)
            dead.do(dead.wire.inject, WireFaultKind.UNAVAILABLE)

            def is_lost() -> bool:
                return scraped(*app.addresses[0])["slad_source_up", frozenset({("source", "vc2")})] == 0

            await until(is_lost, "the loss of vc2")
            victim = a_running_machine(alive)
            alive.do(alive.world.machines.power_off, victim, user="eve")
            await asked.is_(victim, "down")
            sources = {source["name"]: source for source in (await asked.status())["sources"]}
            assert sources["vc1"]["up"]
            assert sources["vc2"]["note"]
            dead.do(dead.wire.clear)
            await in_contact(app, "vc1", "vc2")
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            downtime = by_server(samples, "slad_server_downtime_seconds_total")
            assert {server for server, seconds in downtime.items() if seconds} == {
                (await asked.server(victim))["server"]
            }


async def test_a_machine_that_cannot_be_read_is_unknown_and_the_others_go_on(tmp_path: Path) -> None:
    with simulated() as vcenter:
        _, (first, *_) = machines_on_one_host(vcenter)
        other = next(name for name in sorted(names_running(vcenter)) if name != first)
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            await asked.is_(first, "up")
            vcenter.do(vcenter.world.machines.unreadable, first)
            await asked.is_(first, "unknown")
            unreadable = ("slad_source_unreadable_objects", frozenset({("source", "vc1")}))
            await until(lambda: scraped(*app.addresses[0])[unreadable] == 1, "the metric")
            assert (await asked.server(other))["state"] == "up"
            vcenter.do(vcenter.world.machines.unreadable, first, paths=())
            told = await asked.is_(first, "up")
            assert told["outages"] == []


def names_running(vcenter: ThreadedVCenter) -> list[str]:
    return vcenter.do(
        lambda: [
            vm.name
            for vm in vcenter.world.inventory.every(Vm)
            if vm.power.value == "poweredOn" and not vm.template
        ]
    )


async def test_the_export_of_a_running_daemon_evaluates_to_its_counters(tmp_path: Path) -> None:
    with simulated() as vcenter:
        names = sorted(names_running(vcenter))[:4]
        machines = vcenter.world.machines
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            for name in names:
                await asked.is_(name, "up")
            for name in names[:2]:
                vcenter.do(machines.power_off, name, user="eve")
            await asked.is_(names[1], "down")
            vcenter.do(machines.power_on, names[0], user="eve")
            await asked.is_(names[0], "up")
            sessions = ("slad_source_sessions_total", frozenset({("source", "vc1")}))
            vcenter.do(vcenter.world.kill_sessions)
            await until(lambda: scraped(*app.addresses[0])[sessions] == 2, "another session")
            told = [await asked.server(name) for name in names]
            evidence = tmp_path / "evidence.jsonl"
            evidence.write_text("".join(f"{line}\n" for line in await asked.lines()))
            left = {server["name"]: await asyncio.to_thread(beyond, evidence, server) for server in told}
            for name in names[2:]:
                assert set(left[name].values()) == {0}, left
            # An event older than an answer that was counted moves no counter back: it is a correction.
            turned = {key: sum(left[name][key] for name in names[:2]) for key in CORRECTED.values()}

            def is_corrected() -> bool:
                return net_corrections(scraped(*app.addresses[0])) == turned

            await until(is_corrected, f"corrections of {turned}")


def beyond(evidence: Path, server: Json) -> dict[str, int]:
    """How much more the evidence has of a server's time in each state than its counters, in microseconds."""
    counted = server["counters_seconds"]
    assert counted["up"] + counted["unobserved"] > 0
    row = evaluated(evidence, server)
    return {
        key: round(row[key] * SECOND) - round(counted[counter] * SECOND) for counter, key in COUNTED.items()
    }


def net_corrections(samples: Samples) -> dict[str, int]:
    """What was corrected into each state and not out of it, in microseconds."""
    net = dict.fromkeys(COUNTED.values(), 0)
    for (name, labels), seconds in samples.items():
        if name == "slad_corrected_seconds_total":
            corrected = dict(labels)
            for word, sign in ((corrected["from"], -1), (corrected["to"], 1)):
                net[CORRECTED[word]] += sign * round(seconds * SECOND)
    return net


def evaluated(evidence: Path, server: Json) -> dict[str, Any]:
    """A server's row as of its settled instant, by `slad evaluate`."""
    zone = {"acme": "America/Toronto"}.get(server["client"], "UTC")
    month = calendar_of(zone).month_of(parse_instant(server["settled_at"]))
    told = evidence.with_suffix(
        ".json"
    )  # what it prints may have the daemon's log in between: they are one process
    arguments = [
        "--month",
        str(month),
        "--as-of",
        server["settled_at"],
        "--format",
        "json",
        "--output",
        str(told),
    ]
    done = CliRunner().invoke(main, ["evaluate", str(evidence), *arguments])
    assert done.exit_code == 0, done.output
    rows = json.loads(told.read_text())["servers"]
    return next(row for row in rows if row["id"] == server["server"])
