"""The Internet leg in the whole daemon: uplinks and the monitor's own way out are listeners that open and close."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from daemon.watching import internet
from probes.simulation import ThreadedVCenter
from probes.targets.own_addresses import OwnAddresses
from probes.vcenter import addresses
from tests.daemon.app.test_watching import Asked, in_contact
from tests.daemon.harness import (
    by_server,
    running_app,
    running_machines,
    scraped,
    simulated,
    write_config,
)
from tests.waiting import until

LOWEST, HIGHEST = map(int, Path("/proc/sys/net/ipv4/ping_group_range").read_text().split())
CHECK = 'interval = "1s"\ntimeout = "1s"\n'


class Line:
    """A TCP listener on loopback that can be cut and mended."""

    def __init__(self) -> None:
        self._listener = self._open(0)
        self.port: int = self._listener.getsockname()[1]

    @property
    def target(self) -> str:
        return f'"tcp://127.0.0.1:{self.port}"'

    def cut(self) -> None:
        self._listener.close()

    def mend(self) -> None:
        self._listener = self._open(self.port)

    def _open(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        return listener


@contextmanager
def lines(count: int) -> Iterator[list[Line]]:
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            line = Line()
            stack.callback(line.cut)
            made.append(line)
        yield made


def watching(
    folder: Path,
    vcenter: ThreadedVCenter,
    uplink: list[Line],
    vantage: Line,
    internet: str = 'uplink = "transit"\n',
) -> Path:
    near = vantage.target.replace("127.0.0.1", "localhost")  # a target of an uplink's host is refused
    return write_config(
        folder,
        vcenter,
        vantage=f"[vantage]\ntargets = [{near}]\nconfirm = 1\n{CHECK}",
        uplink=f"[uplink.transit]\ntargets = [{', '.join(line.target for line in uplink)}]\nconfirm = 2\n{CHECK}",
        internet=f"[[internet]]\n{internet}",
        reach=f"[reach]\nconfirm = 2\n{CHECK}",
    )


def leg(told: Any, name: str = "internet") -> dict[str, str]:
    (found,) = [leg for leg in told["legs"] if leg["leg"] == name]
    return dict(found)


async def test_an_uplink_below_its_quorum_takes_its_servers_down_and_a_good_round_brings_them_back(
    tmp_path: Path,
) -> None:
    with simulated() as vcenter, lines(4) as (one, two, three, near):
        async with running_app(watching(tmp_path, vcenter, [one, two, three], near)) as app:
            await in_contact(app, "vc1")
            asked, name = Asked(tmp_path), running_machines(vcenter)[0]
            told = await asked.is_(name, "up")
            assert leg(told)["source"] == "internet"
            one.cut()
            await until(
                lambda: sum(
                    value for (family, _), value in scraped(*app.addresses[0]).items() if family == "slad_uplink_target_up"
                ) == 2,
                "one target down",
            )  # fmt: skip
            assert (await asked.server(name))["state"] == "up", "two of three are the quorum"
            two.cut()
            told = await asked.is_(name, "down")
            assert leg(told)["state"] == "down"
            assert "uplink transit: 1 of 3 targets answer, 2 needed" in leg(told)["reason"]
            assert leg(told, "running")["state"] == "up"
            uplink = "slad_uplink_up", frozenset({("uplink", "transit")})
            await until(lambda: scraped(*app.addresses[0])[uplink] == 0, "the uplink down on /metrics")
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            assert not any(by_server(samples, "slad_server_up").values()), "all servers share it"
            assert (
                samples["slad_probes_failed_total", frozenset({("method", "tcp"), ("reason", "refused")})]
                >= 3
            )
            two.mend()
            await asked.is_(name, "up")
            told = await asked.until(name, lambda told: told["outages"][0]["until"] is not None, "its end")
            assert told["outages"][0]["legs"] == ["internet"]


async def test_while_the_monitors_own_line_is_cut_servers_are_unknown_and_none_is_down(
    tmp_path: Path,
) -> None:
    with simulated() as vcenter, lines(3) as (one, two, near):
        async with running_app(watching(tmp_path, vcenter, [one, two], near)) as app:
            await in_contact(app, "vc1")
            asked, name = Asked(tmp_path), running_machines(vcenter)[0]
            await asked.is_(name, "up")
            for line in (near, one, two):
                line.cut()
            told = await asked.is_(name, "unknown")
            assert "the monitor's own way out" in leg(told)["reason"]
            vantage = "slad_vantage_up", frozenset[tuple[str, str]]()
            await until(lambda: scraped(*app.addresses[0]).get(vantage) == 0, "the vantage on /metrics")
            for line in (near, one, two):
                line.mend()
            told = await asked.is_(name, "up")
            assert told["outages"] == [], "not one false down"
            assert not any(
                by_server(
                    await asyncio.to_thread(scraped, *app.addresses[0]), "slad_server_outages_total"
                ).values()
            )


async def test_a_required_check_of_a_servers_own_address_decides_and_rests_while_it_is_off(
    tmp_path: Path,
) -> None:
    with simulated() as vcenter, lines(3) as (one, near, own):
        name, other = running_machines(vcenter)[:2]
        rules = (
            f'name = "{name}"\nuplink = "transit"\nreach = [{own.target}]\nrequired = true\n'
            f'[[internet]]\nname = "{other}"\nuplink = "transit"\nreach = [{own.target}]\n'
        )
        async with running_app(watching(tmp_path, vcenter, [one], near, rules)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            await asked.is_(name, "up")
            own.cut()
            told = await asked.is_(name, "down")
            assert f"tcp://127.0.0.1:{own.port}" in leg(told)["reason"]
            told = await asked.server(other)
            assert told["state"] == "up", "its check is shown only"
            (shown,) = told["reach"]
            assert (shown["target"], shown["required"], shown["state"]) == (
                f"tcp://127.0.0.1:{own.port}",
                False,
                "down",
            )
            assert "refused" in shown["reason"]
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            reach = [
                (dict(key), value)
                for (family, key), value in samples.items()
                if family == "slad_server_reach_up"
            ]
            assert len(reach) == 2, "one for each server that has such a check"
            assert ({"server": told["server"], "target": shown["target"], "required": "false"}, 0) in reach
            vcenter.do(vcenter.world.machines.power_off, name, user="eve")
            told = await asked.until(name, lambda told: leg(told, "running")["state"] == "down", "off")
            assert told["reach"][0]["state"] == "unknown", "it rests"
            own.mend()
            vcenter.do(vcenter.world.machines.power_on, name, user="eve")
            await asked.is_(name, "up")
            third = running_machines(vcenter)[2]
            assert [each["leg"] for each in (await asked.server(third))["legs"]] == ["running", "san"]


async def test_a_reload_brings_an_uplink_and_takes_it_away(tmp_path: Path) -> None:
    with simulated() as vcenter, lines(2) as (one, near):
        plain = write_config(tmp_path, vcenter).read_text()
        config = watching(tmp_path, vcenter, [one], near)
        watched = config.read_text()
        config.write_text(plain)
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            asked, name = Asked(tmp_path), running_machines(vcenter)[0]
            told = await asked.is_(name, "up")
            assert [each["leg"] for each in told["legs"]] == ["running", "san"]
            config.write_text(watched)
            app.reload()
            told = await asked.until(name, lambda told: len(told["legs"]) == 3, "the leg")
            await asked.is_(name, "up")
            config.write_text(plain)
            app.reload()
            await asked.until(name, lambda told: len(told["legs"]) == 2, "the leg gone")
            one.cut()
            await asyncio.sleep(0)
            assert (await asked.is_(name, "up"))["outages"] == []


async def test_a_request_under_way_while_a_reload_moves_its_uplink_is_not_broken_off(tmp_path: Path) -> None:
    """The uplink is tried from another address from then on; one failed round would take it down."""
    asked_for, may_answer = asyncio.Event(), asyncio.Event()
    peers: list[str] = []
    may_answer.set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            peers.append(writer.get_extra_info("peername")[0])
            asked_for.set()
            await may_answer.wait()
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
        writer.close()

    web = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = web.sockets[0].getsockname()[1]
    with simulated() as vcenter, lines(2) as (near, other):
        config = watching(tmp_path, vcenter, [], near)
        slow = f'targets = ["http://127.0.0.1:{port}/"]\nconfirm = 1\ninterval = "5s"\ntimeout = "5s"\n'
        slow = f'{slow}source = "127.0.0.8"\n'
        config.write_text(config.read_text().replace(f"targets = []\nconfirm = 2\n{CHECK}", slow))
        async with web, running_app(config) as app:
            await in_contact(app, "vc1")
            told, name = Asked(tmp_path), running_machines(vcenter)[0]
            await told.is_(name, "up")
            asked_for.clear()
            may_answer.clear()
            await asyncio.wait_for(asked_for.wait(), 15)
            more = f"[uplink.other]\ntargets = [{other.target}]\n"
            config.write_text(config.read_text().replace(slow, f"{slow.replace('0.8', '0.9')}{more}"))
            app.reload()
            new = "slad_uplink_up", frozenset({("uplink", "other")})
            await until(lambda: new in scraped(*app.addresses[0]), "the new configuration")
            may_answer.set()
            await until(lambda: "127.0.0.9" in peers, "a request from the other address")
            assert (await told.is_(name, "up"))["outages"] == []
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            assert not any(family == "slad_probes_failed_total" for family, _ in samples)


async def test_a_reload_follows_whom_to_trust_and_certificates_tell_when_they_end(tmp_path: Path) -> None:
    """An authority in a file that is exchanged under its name."""
    ends = datetime(2099, 2, 28, 23, 59, 58, tzinfo=UTC)
    authority, other, trusted = trustme.CA(), trustme.CA(), tmp_path / "trusted.pem"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", not_after=ends).configure_cert(context)
    other.cert_pem.write_to_path(trusted)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    web = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    target = f"https://127.0.0.1:{web.sockets[0].getsockname()[1]}/"
    labels = frozenset({("uplink", "transit"), ("target", target)})
    with simulated() as vcenter, lines(1) as (near,):
        config = watching(tmp_path, vcenter, [], near)
        text = config.read_text().replace("targets = []", f'targets = ["{target}"]')
        config.write_text(f'{text}\n[probes]\nca_file = "{trusted}"\n')
        async with web, running_app(config) as app:

            def shown(family: str) -> float | None:
                return scraped(*app.addresses[0]).get((f"slad_{family}", labels))

            await until(lambda: shown("uplink_target_up") == 0, "a certificate that is not accepted")
            assert await asyncio.to_thread(shown, "probe_certificate_expiry_timestamp_seconds") is None
            authority.cert_pem.write_to_path(trusted)
            app.reload()
            await until(lambda: shown("uplink_target_up") == 1, "one that is")
            expires_at_s = await asyncio.to_thread(shown, "probe_certificate_expiry_timestamp_seconds")
            assert expires_at_s == ends.timestamp() + 1, "the first second at which it is not valid"
            assert await asyncio.to_thread(shown, "uplink_target_rtt_seconds_count")


async def test_where_pings_are_forbidden_their_targets_are_unknown_and_the_log_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if LOWEST <= HIGHEST:
        pytest.skip("pings are allowed on this machine")
    with simulated() as vcenter, lines(1) as (near,):
        config = watching(tmp_path, vcenter, [], near)
        config.write_text(config.read_text().replace("targets = []", 'targets = ["icmp://127.0.0.2"]'))
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            asked, name = Asked(tmp_path), running_machines(vcenter)[0]
            failed = "slad_probes_failed_total", frozenset({("method", "icmp"), ("reason", "permission")})
            await until(lambda: scraped(*app.addresses[0]).get(failed, 0) >= 3, "three tries")
            told = await asked.server(name)
            assert told["state"] == leg(told)["state"] == "unknown"
            assert told["outages"] == []
    assert "99-slad-ping.conf" in capsys.readouterr().out


async def test_an_address_that_the_monitor_has_is_not_tried_and_its_check_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor has it, loses it, and has it again. It stands for one that a guest can have, which loopback is not."""
    own, changes = {"127.0.0.1"}, 0

    class Kernel(OwnAddresses):
        def __contains__(self, address: object) -> bool:
            return address in own

        @property
        def changes(self) -> int:
            return changes

    monkeypatch.setattr(internet, "OwnAddresses", Kernel)
    monkeypatch.setattr(addresses, "_NOBODYS", ())
    monkeypatch.setattr(addresses, "usable_number", lambda told, prefix=None: str(told or ""))
    with simulated() as vcenter, lines(3) as (one, near, door):
        name = running_machines(vcenter)[0]
        rules = f'name = "{name}"\nuplink = "transit"\nreach = ["tcp://{{address}}:{door.port}"]\nrequired = true\n'
        vcenter.do(vcenter.world.machines.set_address, name, address="127.0.0.1")
        async with running_app(watching(tmp_path, vcenter, [one], near, rules)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            said = "it has no address that can be checked: 127.0.0.1 is the monitor's own"
            told = await asked.until(name, lambda told: said in reasons(told), said)
            assert [(each["target"], each["state"]) for each in told["reach"]] == [
                (f"tcp://{{address}}:{door.port}", "unknown")
            ]
            assert told["state"] == "unknown"
            own.clear()
            changes += 1
            told = await asked.is_(name, "up")
            assert told["reach"][0]["target"] == f"tcp://127.0.0.1:{door.port}"
            own.add("127.0.0.1")
            await asked.until(
                name, lambda told: reasons(told) == ["127.0.0.1 is the monitor's own"], "at once"
            )
            changes += 1
            told = await asked.is_(name, "unknown")
            assert leg(told)["reason"] == said
            assert told["outages"] == []


def reasons(told: Any) -> list[str]:
    return [each["reason"] for each in told["reach"]]


def is_tried_at(target: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a server is tried at one target; at first it is not assigned yet."""
    return lambda told: [row["target"] for row in told["reach"]] == [target]


async def test_an_address_that_two_servers_report_is_neithers(tmp_path: Path) -> None:
    with simulated() as vcenter, lines(2) as (one, near):
        name, other = running_machines(vcenter)[:2]
        rules = 'uplink = "transit"\nreach = ["tcp://{address}:9"]\n'
        vcenter.do(vcenter.world.machines.set_address, name, address="192.0.2.77")
        async with running_app(watching(tmp_path, vcenter, [one], near, rules)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)

            async def until_tried_at(server: str, target: str) -> None:
                await asked.until(server, is_tried_at(target), f"{server} at {target}")

            await until_tried_at(name, "tcp://192.0.2.77:9")
            vcenter.do(vcenter.world.machines.set_address, other, address="192.0.2.77")
            for each in (name, other):
                await until_tried_at(each, "tcp://{address}:9")
            said = "192.0.2.77 is reported by another server too"
            await asked.until(name, lambda told: said in reasons(told)[0], said)
            vcenter.do(
                vcenter.world.machines.set_guest_network,
                other,
                cards=[["192.0.2.77", "192.0.2.78"]],
                primary="192.0.2.77",
            )
            await until_tried_at(other, "tcp://192.0.2.78:9")
            vcenter.do(vcenter.world.machines.set_address, other, address="192.0.2.78")
            await until_tried_at(name, "tcp://192.0.2.77:9")
            await asked.is_(name, "up")  # its check decides nothing


async def test_a_reload_chooses_other_addresses(tmp_path: Path) -> None:
    with simulated() as vcenter, lines(2) as (one, near):
        name = running_machines(vcenter)[0]
        vcenter.do(
            vcenter.world.machines.set_guest_network,
            name,
            cards=[["192.0.2.77", "198.51.100.7"]],
            others=[["172.17.0.1"]],
            primary="172.17.0.1",
        )
        config = watching(
            tmp_path, vcenter, [one], near, 'uplink = "transit"\nreach = ["tcp://{address}:9"]\n'
        )
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            for keys, target in (
                ("", "tcp://192.0.2.77:9"),
                ('prefer = ["198.51.100.0/24"]\n', "tcp://198.51.100.7:9"),
                ('ignore = ["198.51.100.0/24", "192.0.2.0/24"]\n', "tcp://{address}:9"),
            ):
                config.write_text(
                    config.read_text().partition("[reach]")[0] + f"[reach]\nconfirm = 2\n{CHECK}{keys}"
                )
                app.reload()
                await asked.until(name, is_tried_at(target), target)
