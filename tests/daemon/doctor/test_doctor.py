"""`slad doctor` on simulated vCenters, real sockets and real folders: what it finds, and that it leaves no trace."""

import asyncio
import json
import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daemon.cli.doctor import doctor
from daemon.clock import SystemClock
from daemon.config.tables import WebTable
from daemon.config.values import Surroundings
from daemon.doctor import examined
from daemon.doctor.finding import Finding, Level
from daemon.doctor.ledger import file_system_of
from daemon.doctor.listeners import web
from daemon.ledger.lock import Lock
from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Datastore, Vm
from probes.vcenter.transport import Deadlines
from tests.daemon.harness import running_app, running_machines, simulated, write_config
from tests.peers.tls import issue
from tests.peers.vcsim import VcSim

PATIENT = Deadlines(call_s=20.0)


def examine(config: Path, deadlines: Deadlines = PATIENT) -> list[Finding]:
    return list(examined(config, {}, SystemClock(), deadlines))


def failures(findings: list[Finding], about: str = "") -> list[str]:
    return [one.text for one in findings if one.level is Level.FAIL and about in ("", one.about)]


def said(findings: list[Finding], about: str, level: Level = Level.OK) -> str:
    return "\n".join(one.text for one in findings if one.about == about and one.level is level)


def only_failure(findings: list[Finding]) -> Finding:
    (finding,) = (one for one in findings if one.level is Level.FAIL)
    assert finding.remedy, "a failure says how to mend it"
    return finding


@contextmanager
def listening(*, accepts: bool = True) -> Iterator[int]:
    """A port that takes connections and never answers; or, without `accepts`, one where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if accepts:
            listener.listen()
        yield listener.getsockname()[1]


def at(port: int, *more: str, scheme: str = "http") -> str:
    """A `[vcenter.vc1]`."""
    lines = [
        f'address = "127.0.0.1:{port}"',
        f'scheme = "{scheme}"',
        'user = "slad"',
        'password_file = "password"',
    ]
    return "\n".join(["[vcenter.vc1]", *lines, *more])


@contextmanager
def simulation(servers: int = 30, **keywords: Any) -> Iterator[ThreadedVCenter]:
    """A simulated vCenter that has seen the end of every connection before it ends itself.

    The doctor also makes connections on which it says nothing, which may still wait to be accepted.
    """
    with simulated(servers, **keywords) as vcenter:
        yield vcenter
        for _ in range(20):
            vcenter.do(int)  # a turn of its loop


def write_config_with(table: str, folder: Path, vcenter: ThreadedVCenter) -> Path:
    """A configuration whose one vCenter is `table`."""
    path = write_config(folder, vcenter)
    path.write_text(
        re.sub(r"\[vcenter\.vc1\].*?(?=\n\[)", lambda _: table, path.read_text(), flags=re.DOTALL)
    )
    return path


@pytest.fixture
def vcenter() -> Iterator[ThreadedVCenter]:
    with simulation() as vcenter:
        yield vcenter


class TestAVCenter:
    def test_that_is_in_order_is_said_to_be_so_with_what_the_account_sees(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        findings = examine(write_config(tmp_path, vcenter))
        assert failures(findings) == []
        text = said(findings, "vcenter.vc1")
        assert "slad is logged in to VMware vCenter Server 8.0.3" in text
        assert "30 virtual machines" in text
        assert "events can be read" in text

    def test_sees_one_login_and_its_end(self, vcenter: ThreadedVCenter, tmp_path: Path) -> None:
        examine(write_config(tmp_path, vcenter))
        assert vcenter.do(lambda: vcenter.world.sessions.by_cookie) == {}

    def test_that_refuses_the_password_is_asked_once(self, tmp_path: Path) -> None:
        asked: list[str] = []

        class Accounts(dict[str, str]):
            def get(self, user: str, default: object = None) -> str:
                asked.append(user)
                return "another password"

        with simulation(accounts=Accounts()) as vcenter:
            finding = only_failure(examine(write_config(tmp_path, vcenter)))
        assert "refused the login of slad" in finding.text
        assert asked == ["slad"]

    def test_whose_password_is_in_doubt_is_not_asked_to_let_anybody_in(self, tmp_path: Path) -> None:
        with simulation() as vcenter:
            config = write_config(tmp_path, vcenter)
            (tmp_path / "password").write_bytes(b"secret\nsecond\n")
            findings = examine(config)
            assert vcenter.do(lambda: vcenter.world.sessions.by_cookie) == {}
        finding = only_failure(findings)
        assert f"{tmp_path}/password holds more than one line" in finding.text
        assert "holds more than one line" in said(findings, "configuration", Level.WARN)

    def test_whose_guests_have_no_address_to_check_has_some_of_them_named(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        reach = '[[internet]]\nreach = ["icmp://{address}"]\n'
        config = write_config(tmp_path, vcenter, internet=reach)
        assert "servers that run report an address that can be checked" in said(
            examine(config), "vcenter.vc1"
        )
        first, second, third, fourth = running_machines(vcenter)[:4]
        machines = vcenter.world.machines
        vcenter.do(machines.set_address, first, address="")
        vcenter.do(machines.set_address, second, address="192.0.2.77")
        vcenter.do(machines.set_address, third, address="192.0.2.77")
        vcenter.do(
            machines.set_guest_network, fourth, cards=[], others=[["172.17.0.1"]], primary="172.17.0.1"
        )
        warned = said(examine(config), "vcenter.vc1", Level.WARN)
        assert f"4 of {len(running_machines(vcenter))} servers that run have no address" in warned
        none = "(VMware Tools report no address of a network adapter of it)"
        for name in (first, fourth):
            assert f"{name} {none}" in warned
        assert "192.0.2.77 is reported by another server too" in warned

    def test_whose_objects_cannot_be_read_has_them_counted_and_some_named(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        names = vcenter.do(lambda: sorted(vm.name for vm in vcenter.world.inventory.every(Vm)))
        for name in names[:7]:
            vcenter.do(vcenter.world.machines.unreadable, name, paths=["runtime.powerState"])
        finding = only_failure(examine(write_config(tmp_path, vcenter)))
        assert "7 virtual machines may not be read" in finding.text
        assert sum(name in finding.text for name in names) == 5
        assert "and 2 more" in finding.text
        assert "Read-only" in finding.remedy

    def test_is_asked_for_what_the_rules_ask_of_servers_and_for_no_more(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        name = vcenter.do(lambda: min(vm.name for vm in vcenter.world.inventory.every(Vm)))
        vcenter.do(vcenter.world.machines.unreadable, name, paths=["network"])
        assert failures(examine(write_config(tmp_path, vcenter))) == []
        rule = '[[rule]]\nnetwork = "x"\nclient = "acme"'
        findings = examine(write_config(tmp_path, vcenter, rule=rule))
        assert re.search(r"[1-9]\d* networks?,", said(findings, "vcenter.vc1"))
        assert f"1 virtual machine may not be read: {name}" in only_failure(findings).text

    def test_whose_account_sees_no_servers_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        vcenter.do(vcenter.world.inventory.empty)
        assert "sees too little" in only_failure(examine(write_config(tmp_path, vcenter))).text

    @pytest.mark.parametrize(("offset_us", "word"), [(60_000_000, " s ahead of"), (-60_000_000, " s behind")])
    def test_whose_clock_is_off_is_warned_about(
        self, vcenter: ThreadedVCenter, tmp_path: Path, offset_us: int, word: str
    ) -> None:
        vcenter.do(vcenter.world.clock_offset, offset_us=offset_us)
        findings = examine(write_config(tmp_path, vcenter))
        assert word in said(findings, "vcenter.vc1", Level.WARN)
        assert failures(findings) == []

    def test_whose_inventory_spans_several_pages_is_counted_whole(self, tmp_path: Path) -> None:
        with simulation(250, page_objects=50) as vcenter:
            datastores = vcenter.do(lambda: len(list(vcenter.world.inventory.every(Datastore))))
            text = said(examine(write_config(tmp_path, vcenter)), "vcenter.vc1")
        assert f"{datastores} datastores, 250 virtual machines" in text

    def test_where_nobody_listens_is_a_failure_that_names_the_port(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        with listening(accepts=False) as port:
            finding = only_failure(examine(write_config_with(at(port), tmp_path, vcenter)))
        assert "cannot be reached" in finding.text
        assert f"port {port}" in finding.remedy

    def test_without_an_address_is_a_failure_of_the_name(
        self, vcenter: ThreadedVCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(host: str, *_: object, **__: object) -> object:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        table = at(443, scheme="https").replace("127.0.0.1", "vcenter.invalid")
        config = write_config_with(table, tmp_path, vcenter)
        monkeypatch.setattr(socket, "getaddrinfo", unknown)  # a resolver may be slow to say so
        assert failures(examine(config), "vcenter.vc1") == [
            "the name vcenter.invalid has no address: Name or service not known"
        ]

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_that_is_mute_is_given_up_after_the_deadline(
        self, vcenter: ThreadedVCenter, tmp_path: Path, scheme: str
    ) -> None:
        with listening() as port:
            config = write_config_with(at(port, scheme=scheme), tmp_path, vcenter)
            assert (
                "did not answer within the deadline"
                in only_failure(examine(config, Deadlines(call_s=0.3))).text
            )

    def test_that_breaks_off_in_the_middle_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        vcenter.do(vcenter.wire.inject, "dropped", method="WaitForUpdatesEx")
        assert "vCenter broke off" in only_failure(examine(write_config(tmp_path, vcenter))).text

    def test_of_which_a_name_is_no_xml_is_examined_all_the_same(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        name = vcenter.do(lambda: min(vm.name for vm in vcenter.world.inventory.every(Vm)))
        vcenter.do(
            lambda: vcenter.wire.inject(
                "replaced", method="WaitForUpdatesEx", find=name, put="\x08" + name[1:]
            )
        )
        findings = examine(write_config(tmp_path, vcenter))
        assert "30 virtual machines: compare that" in said(findings, "vcenter.vc1")
        assert failures(findings) == []

    def test_that_tells_something_in_no_form_is_to_be_recorded(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        vcenter.do(
            lambda: vcenter.wire.inject(
                "replaced", method="WaitForUpdatesEx", find=">poweredOn<", put="><x>1</x><"
            )
        )
        findings = [each for each in examine(write_config(tmp_path, vcenter)) if each.level is Level.FAIL]
        assert [each.text.partition(": ")[0] for each in findings] == [
            "4 hosts cannot be read as told",
            "28 virtual machines cannot be read as told",
        ]
        assert all("slad doctor --record" in each.remedy for each in findings)

    def test_whose_password_only_systemd_has_is_not_logged_in_to(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        table = at(vcenter.port).replace('password_file = "password"', 'password_credential = "vcenter_vc1"')
        findings = examine(write_config_with(table, tmp_path, vcenter))
        assert "the login was not tried" in said(findings, "vcenter.vc1", Level.WARN)
        assert failures(findings) == []


class TestTheCertificate:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> bytes:
        """The SHA-256 of the one that `vcenter` shows."""
        issued = issue(tmp_path)
        first = issued.certfile.read_text().partition("-----END CERTIFICATE-----")
        return sha256(ssl.PEM_cert_to_DER_cert(first[0] + first[1])).digest()

    @pytest.fixture
    def vcenter(self, certificate: bytes, tmp_path: Path) -> Iterator[ThreadedVCenter]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        with simulation(tls=context) as vcenter:
            yield vcenter

    def test_that_is_pinned_proves_the_vcenter(
        self, vcenter: ThreadedVCenter, certificate: bytes, tmp_path: Path
    ) -> None:
        table = at(vcenter.port, f'pin = "sha256:{certificate.hex()}"', scheme="https")
        findings = examine(write_config_with(table, tmp_path, vcenter))
        assert failures(findings) == []
        assert certificate.hex(":").upper() in said(findings, "vcenter.vc1")

    def test_that_an_authority_of_the_configuration_issued_proves_the_vcenter(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        table = at(vcenter.port, 'ca_file = "ca.pem"', scheme="https")
        assert failures(examine(write_config_with(table, tmp_path, vcenter))) == []

    @pytest.mark.parametrize("trust", [f'pin = "sha256:{"00" * 32}"', "# the system's authorities"])
    def test_that_is_not_trusted_stops_before_the_login_and_is_shown_as_a_pin(
        self, vcenter: ThreadedVCenter, certificate: bytes, tmp_path: Path, trust: str
    ) -> None:
        config = write_config_with(at(vcenter.port, trust, scheme="https"), tmp_path, vcenter)
        findings = examine(config)
        pin = f'pin = "sha256:{certificate.hex(":").upper()}"'
        assert pin in only_failure(findings).remedy
        assert "logged in" not in said(findings, "vcenter.vc1")
        again = config.with_name("again.toml")
        again.write_text(config.read_text().replace(trust, pin))
        assert failures(examine(again)) == [], "the pin as shown is one that the configuration takes"


def test_govmomis_simulator_passes_the_same_examination(tmp_path: Path) -> None:
    with VcSim(hosts=3, vms=6, datastores=2, user="slad", password="secret") as peer:
        shutil.copy(peer.cafile, tmp_path / "vcsim.pem")
        table = at(peer.port, 'ca_file = "vcsim.pem"', scheme="https")
        with simulation() as unused:
            findings = examine(write_config_with(table, tmp_path, unused))
    assert failures(findings) == []
    text = said(findings, "vcenter.vc1")
    assert "3 hosts, 2 datastores, 6 virtual machines" in text
    assert "events can be read" in text


class TestTheLedger:
    def test_that_another_process_holds_is_a_failure(self, vcenter: ThreadedVCenter, tmp_path: Path) -> None:
        config = write_config(tmp_path, vcenter)
        lock = Lock(tmp_path / "ledger.db")
        try:
            finding = only_failure(examine(config))
        finally:
            lock.release()
        assert "is in use by process" in finding.text
        assert failures(examine(config)) == []

    def test_in_a_folder_that_is_not_there_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        config = write_config(tmp_path, vcenter, ledger='[ledger]\npath = "missing/ledger.db"')
        assert "missing cannot be looked into" in only_failure(examine(config)).text

    def test_and_the_folder_stay_as_they_are(self, vcenter: ThreadedVCenter, tmp_path: Path) -> None:
        config = write_config(tmp_path, vcenter)
        before = sorted(tmp_path.iterdir())
        examine(config)
        assert sorted(tmp_path.iterdir()) == before

    @pytest.mark.parametrize(
        ("folder", "kind"),
        [
            ("/var/lib/slad", "ext4"),
            ("/mnt/the files/slad", "nfs4"),
            ("/mnt/the files", "nfs4"),
            ("/mnt/the", "xfs"),
            ("/run/slad", "tmpfs"),
        ],
    )
    def test_is_on_the_file_system_that_the_kernel_names(self, folder: str, kind: str) -> None:
        mountinfo = (
            "1 0 8:1 / / rw - rootfs none rw\n"
            "2 1 8:1 / / rw,relatime shared:1 - xfs /dev/sda1 rw\n"
            "3 2 8:2 / /var rw - ext4 /dev/sda2 rw\n"
            "4 2 0:40 / /mnt/the\\040files rw shared:7 - nfs4 nas:/x rw\n"
            "5 2 0:24 / /run rw - tmpfs tmpfs rw\n"
        )
        assert file_system_of(Path(folder), mountinfo) == kind


class TestTheDoors:
    async def test_of_a_slad_that_runs_are_in_order(self, vcenter: ThreadedVCenter, tmp_path: Path) -> None:
        async with running_app(write_config(tmp_path, vcenter)) as app:
            listen = f'[web]\nlisten = ["127.0.0.1:{app.addresses[0][1]}"]'
            findings = await asyncio.to_thread(examine, write_config(tmp_path, vcenter, web=listen))
        assert failures(findings) == []
        assert "slad runs and answers" in said(findings, "control")
        assert "is in use by the slad that runs" in said(findings, "ledger")
        assert "is in use, as it is while slad runs" in said(findings, "web")

    def test_an_address_that_another_program_has_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        with listening() as port:
            config = write_config(tmp_path, vcenter, web=f'[web]\nlisten = ["127.0.0.1:{port}"]')
            finding = only_failure(examine(config))
        assert "cannot be listened on: Address already in use" in finding.text

    def test_the_control_doors_address_is_tried_too(self, vcenter: ThreadedVCenter, tmp_path: Path) -> None:
        issue(tmp_path)
        (tmp_path / "key.pem").chmod(0o600)
        with listening() as port:
            control = f"""[control]
socket = "control.sock"
listen = ["127.0.0.1:{port}"]
cert_file = "cert.pem"
key_file = "key.pem"
[[control.token]]
name = "portal"
role = "record"
sha256 = "{"0" * 64}"
"""
            finding = only_failure(examine(write_config(tmp_path, vcenter, control=control)))
        assert finding.about == "control"
        assert "cannot be listened on: Address already in use" in finding.text

    def test_an_address_that_is_not_of_this_machine_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        config = write_config(tmp_path, vcenter, web='[web]\nlisten = ["192.0.2.1:10999"]')
        assert "Cannot assign requested address" in only_failure(examine(config)).text

    def test_the_names_by_which_others_may_ask_are_said(self) -> None:
        surroundings = Surroundings(folder=Path(), env={})
        table = WebTable.model_validate(
            {"listen": ["0.0.0.0:0"], "hosts": ["slad.example.net"]}, context=surroundings
        )
        *_, finding = web(table, running=False)
        assert finding.level is Level.OK
        assert "localhost" in finding.text
        assert "slad.example.net" in finding.text

    def test_a_web_config_file_that_cannot_be_used_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        (tmp_path / "web.yml").write_text("basic_auth_users: {ann: plain}\n")
        web = '[web]\nlisten = ["127.0.0.1:0"]\nconfig_file = "web.yml"'
        assert only_failure(examine(write_config(tmp_path, vcenter, web=web))).about == "web"

    def test_a_control_socket_without_a_folder_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        config = write_config(tmp_path, vcenter, control='[control]\nsocket = "missing/control.sock"')
        assert only_failure(examine(config)).about == "control"

    def test_a_file_in_the_place_of_the_control_socket_is_a_failure(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        (tmp_path / "control.sock").write_text("")
        assert "is no socket" in only_failure(examine(write_config(tmp_path, vcenter))).text


class TestTheCommand:
    def test_exits_with_0_when_all_works_and_shows_a_line_for_each_finding(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        result = CliRunner().invoke(doctor, ["--config", str(write_config(tmp_path, vcenter))])
        lines = result.stdout.splitlines()
        assert result.exit_code == 0
        assert lines[0] == f"ok    configuration: {tmp_path}/slad.toml can be used"
        assert lines[-1].endswith(" 0 FAIL")

    def test_exits_with_1_for_a_configuration_that_cannot_be_used_and_tells_every_problem(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "slad.toml").write_text("obsever = 1\n[web]\nlisten = 3\n")
        result = CliRunner().invoke(doctor, ["--config", str(tmp_path / "slad.toml")])
        assert result.exit_code == 1
        assert f"FAIL  configuration: {tmp_path}/slad.toml:1: obsever" in result.stdout
        assert f"FAIL  configuration: {tmp_path}/slad.toml:3: web.listen" in result.stdout

    def test_tells_programs_the_same(self, vcenter: ThreadedVCenter, tmp_path: Path) -> None:
        config = write_config(tmp_path, vcenter, control='[control]\nsocket = "missing/control.sock"')
        result = CliRunner().invoke(doctor, ["--config", str(config), "--format", "json"])
        report = json.loads(result.stdout)
        assert (result.exit_code, report["works"]) == (1, False)
        (failed,) = (row for row in report["findings"] if row["level"] == "FAIL")
        assert failed["about"] == "control"
        assert failed["remedy"]

    def test_exits_with_2_for_a_wrong_command_line(self) -> None:
        assert CliRunner().invoke(doctor, ["--format", "yaml"]).exit_code == 2

    def test_prints_no_password_and_nothing_that_steers_the_terminal(
        self, vcenter: ThreadedVCenter, tmp_path: Path
    ) -> None:
        name = vcenter.do(lambda: min(vm.name for vm in vcenter.world.inventory.every(Vm)))
        vcenter.do(vcenter.world.machines.rename, name, name="\x9b2Jevil")
        vcenter.do(vcenter.world.machines.unreadable, "\x9b2Jevil", paths=["runtime.powerState"])
        result = CliRunner().invoke(doctor, ["--config", str(write_config(tmp_path, vcenter))])
        assert "\\x9b2Jevil" in result.stdout
        assert "\x9b" not in result.stdout
        assert "secret" not in result.stdout
