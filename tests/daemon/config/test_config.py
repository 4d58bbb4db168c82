import json
import re
import socket
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest
import tomli
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config.config import UNASSIGNED
from daemon.config.loading import load
from daemon.config.problems import ConfigError, Problem
from daemon.config.secrets import SecretError
from daemon.config.server_families import NEEDED_BY_DASHBOARDS, NEEDED_BY_RULES, SERVER_FAMILIES
from daemon.config.values import Address, Duration
from sla.instants import DAY, MINUTE, SECOND
from sla.records import Leg
from tests.daemon.config.configured import ACME, CLIENT, RULE, VCENTER, WHOLE, only_problem, problems, read

ROOT = Path(__file__).parents[3]


# What is read


def test_a_short_file_is_completed_by_the_defaults(folder: Path) -> None:
    config = read(folder, WHOLE)
    assert config.observer == socket.gethostname()
    assert config.ledger.path == Path("/var/lib/slad/ledger.db")
    assert config.control.socket == Path("/run/slad/control.sock")
    assert config.web.listen == (Address("127.0.0.1", 10_999),)
    assert config.web.config_file is None
    assert (config.watch.tick, config.watch.grace) == (Duration(5 * SECOND), Duration(15 * MINUTE))
    east = config.vcenters["east"]
    assert (east.address, east.scheme, east.poll) == (
        Address("vc.example.net", 443),
        "https",
        Duration(10 * SECOND),
    )
    assert (east.ca_file, east.pin, east.ignore_datastores) == (None, None, ())
    assert east.legs == (Leg.RUNNING, Leg.SAN)
    assert list(config.clients) == ["acme", UNASSIGNED]
    assert config.clients[UNASSIGNED].timezone == "UTC"
    assert config.clients[ACME].tech_admins == ()
    assert config.warnings == ()


def test_every_key_is_read(folder: Path) -> None:
    (folder / "web.yml").touch()
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    (folder / "credentials").mkdir()
    (folder / "credentials" / "west").write_text("open sesame")
    digits = "AB" * 32
    config = read(
        folder,
        f"""
        observer = "mon1"
        ledger.path = "data/ledger.db"
        web = {{ listen = ["127.0.0.1:0", "[::1]:10999"], config_file = "web.yml" }}
        control.socket = "/tmp/slad.sock"
        watch = {{ tick = "60s", grace = "7d" }}
        unassigned.timezone = "America/Toronto"
        [vcenter.east]
        address = "[2001:DB8::1]:8443"
        user = "slad"
        password_file = "east.password"
        ca_file = "ca.pem"
        poll = "1s"
        ignore_datastores = ["*-local"]
        legs = ["running"]
        [vcenter.west]
        address = "West.example.net"
        user = "slad"
        password_credential = "west"
        pin = "sha256:{digits}"
        [vcenter.north]
        address = "127.0.0.2:8989"
        scheme = "http"
        user = "slad"
        password_file = "east.password"
        {CLIENT}
        tech_admins = ["ann", "bob"]
        [[rule]]
        vcenter = "east"
        folder = "/DC/vm/Acme/**"
        name = "acme-*"
        resource_pool = "/DC/host/C/Resources/*"
        attribute = {{ name = "Client", value = "Acme" }}
        client = "acme"
        solution = "acme-mail"
        [[rule]]
        name = "vCLS-*"
        ignore = true
        """,
        {"CREDENTIALS_DIRECTORY": str(folder / "credentials")},
    )
    assert config.observer == "mon1"
    assert config.ledger.path == folder / "data" / "ledger.db"
    assert config.web.listen == (Address("127.0.0.1", 0), Address("::1", 10_999))
    assert config.web.config_file == folder / "web.yml"
    assert config.control.socket == Path("/tmp/slad.sock")
    assert (config.watch.tick, config.watch.grace) == (Duration(MINUTE), Duration(7 * DAY))
    assert config.clients[UNASSIGNED].timezone == "America/Toronto"
    assert config.clients[ACME].tech_admins == ("ann", "bob")
    east, west, north = config.vcenters.values()
    assert (str(east.address), str(west.address)) == ("[2001:db8::1]:8443", "west.example.net:443")
    assert (east.ca_file, west.pin) == (folder / "ca.pem", bytes.fromhex(digits))
    assert east.password.read().get_secret_value() == "hunter2"
    assert west.password.read().get_secret_value() == "open sesame"
    assert (east.legs, east.ignore_datastores) == ((Leg.RUNNING,), ("*-local",))
    assert (north.scheme, north.address.is_loopback) == ("http", True)
    assigning, ignoring = config.rules
    assert (assigning.client, assigning.solution, assigning.ignore) == ("acme", "acme-mail", False)
    assert (ignoring.client, ignoring.name, ignoring.ignore) == (None, "vCLS-*", True)
    assert config.warnings == ()


def test_systemd_says_where_the_ledger_and_the_socket_are(folder: Path) -> None:
    env = {"STATE_DIRECTORY": "/state/a:/state/b", "RUNTIME_DIRECTORY": "/runtime"}
    config = read(folder, WHOLE, env)
    assert config.ledger.path == Path("/state/a/ledger.db")
    assert config.control.socket == Path("/runtime/control.sock")


def test_a_pin_may_have_colons(folder: Path) -> None:
    config = read(folder, VCENTER + f'pin = "sha256:{":".join(["0a"] * 32)}"\n' + CLIENT + RULE)
    assert config.vcenters["east"].pin == bytes([10]) * 32


def test_tables_are_frozen(folder: Path) -> None:
    config = read(folder, WHOLE)
    with pytest.raises(ValueError, match="frozen"):
        config.watch.tick = Duration(1)


def test_the_example_can_be_used() -> None:
    config = load(ROOT / "slad.example.toml", {})
    assert config.rules
    assert [warning.key for warning in config.warnings] == ["vcenter.east.password_credential"]


def test_the_example_of_a_hub_can_be_used_by_one() -> None:
    config = load(ROOT / "slad-hub.example.toml", {})
    assert config.hub is not None
    nothing_watched, unchecked = config.warnings
    assert "as with 'slad hub run'" in nothing_watched.text
    assert unchecked.key == "hub.password_credential"


# The contract (spec §10)


def test_a_clients_own_terms_lie_over_those_for_all_and_the_rest_has_its_default(folder: Path) -> None:
    config = read(
        folder,
        WHOLE
        + """
        [contract.availability]
        target = "0.9995"
        [contract.scheduled_maintenance]
        max_per_week = "2h"
        [client.acme.contract.availability]
        basis = "service"
        [client.acme.contract.scheduled_maintenance]
        emergency_in_cap = false
        """,
    )
    assert config.contract(ACME) == {
        "availability": {"target": "0.9995", "basis": "service"},
        "scheduled_maintenance": {"max_per_week": "2h", "emergency_in_cap": False},
    }
    assert config.contract(UNASSIGNED) == {
        "availability": {"target": "0.9995"},
        "scheduled_maintenance": {"max_per_week": "2h"},
    }
    assert config.terms(ACME, ()).availability.basis.value == "service"
    assert config.terms(UNASSIGNED, ()).chronic_outages.interruptions == 5


def test_holidays_may_be_dates_of_toml(folder: Path) -> None:
    config = read(folder, WHOLE + "[contract.support]\nholidays = [2026-07-01]\n")
    assert config.contract(ACME) == {"support": {"holidays": ["2026-07-01"]}}


def test_what_is_wrong_with_terms_is_told_where_it_stands_and_once(folder: Path) -> None:
    text = """\
[contract.availability]
target = 0.999
[contract.chronic_outages]
interruption = 5
[client.acme]
name = "Acme"
timezone = "UTC"
[client.acme.contract.availability]
basis = "gross"
[client.globex]
name = "Globex"
timezone = "UTC"
contract.support = 5
contract.suport = {}
"""
    found = problems(folder, text)
    assert [(line, key) for line, key, _ in found] == [
        (2, "contract.availability.target"),
        (4, "contract.chronic_outages.interruption"),
        (9, "client.acme.contract.availability.basis"),
        (13, "client.globex.contract.support"),
        (14, "client.globex.contract.suport"),
    ]
    assert "interruptions" in found[1][2]


# Legs that nobody watches


def test_the_internet_is_watched_by_nobody_yet(folder: Path) -> None:
    assert read(folder, WHOLE).unwatched_legs() == {"acme": (Leg.INTERNET,), UNASSIGNED: (Leg.INTERNET,)}


def test_a_leg_that_the_contract_leaves_out_is_not_missed(folder: Path) -> None:
    text = WHOLE + '[client.acme.contract.availability]\nlegs = ["running", "san"]\n'
    assert read(folder, text).unwatched_legs() == {"acme": (), UNASSIGNED: (Leg.INTERNET,)}


def test_a_leg_is_missed_that_one_of_a_clients_vcenters_does_not_watch(folder: Path) -> None:
    west = VCENTER.replace("east]", "west]").replace("vc.", "west.") + 'legs = ["running"]\n'
    text = VCENTER + west + CLIENT + CLIENT.replace("acme", "globex")
    text += '[[rule]]\nvcenter = "east"\nclient = "acme"\n[[rule]]\nvcenter = "west"\nclient = "globex"\n'
    assert read(folder, text).unwatched_legs() == {
        "acme": (Leg.INTERNET,),
        "globex": (Leg.SAN, Leg.INTERNET),
        UNASSIGNED: (Leg.SAN, Leg.INTERNET),
    }


def test_without_a_vcenter_no_leg_is_watched(folder: Path) -> None:
    config = read(folder, CLIENT + RULE)
    assert config.unwatched_legs()[ACME] == tuple(Leg)
    assert [(w.line, w.text) for w in config.warnings] == [
        (1, "nothing is watched: there is no [vcenter.NAME]")
    ]


# What is refused


# Warnings


def test_an_open_door_and_a_client_without_servers_are_warned_of(folder: Path) -> None:
    config = read(folder, VCENTER + CLIENT + '[web]\nlisten = ["127.0.0.1:1", "0.0.0.0:2"]\n')
    assert [(warning.line, warning.key) for warning in config.warnings] == [
        (5, "client.acme"),
        (9, "web.listen[2]"),
    ]


def test_a_door_with_passwords_is_not_warned_of(folder: Path) -> None:
    (folder / "web.yml").touch()
    config = read(folder, WHOLE + '[web]\nlisten = ["0.0.0.0:2"]\nconfig_file = "web.yml"\n')
    assert config.warnings == ()


def test_families_that_the_mixin_needs_and_that_are_left_out_are_warned_of(folder: Path) -> None:
    needed = [*NEEDED_BY_RULES, *NEEDED_BY_DASHBOARDS]
    for families, said in (
        (needed, []),
        (NEEDED_BY_RULES, [f"dashboards of deploy/mixin need {', '.join(NEEDED_BY_DASHBOARDS)} too"]),
        (needed[1:], ["rules and alerts of deploy/mixin need slad_server_info too"]),
    ):
        config = read(folder, WHOLE + f"[web]\nfamilies = {json.dumps(families)}\n")
        assert config.web.families == tuple(families)
        assert [(each.line, each.key, each.text) for each in config.warnings] == [
            (11, "web.families", text) for text in said
        ]


def test_the_page_about_scrapes_names_every_family_and_lists_those_that_rules_need() -> None:
    page = (Path(__file__).parents[3] / "docs/scrapes.md").read_text()
    (example,) = re.findall("```toml\n(.*?)```", page, re.DOTALL)
    assert tomli.loads(example)["web"]["families"] == list(NEEDED_BY_RULES)
    assert {family for family in SERVER_FAMILIES if f"`{family}`" not in page} == set()


# Secrets


def test_a_password_that_others_can_read_is_warned_of(folder: Path) -> None:
    (folder / "east.password").chmod(0o604)
    (warning,) = read(folder, WHOLE).warnings
    assert (warning.line, warning.key) == (4, "vcenter.east.password_file")
    assert "chmod" in warning.text


def test_a_credential_that_systemd_does_not_hand_over_is_refused(folder: Path) -> None:
    text = WHOLE.replace("password_file", "password_credential")
    line, key, found = only_problem(folder, text, {"CREDENTIALS_DIRECTORY": str(folder / "none")})
    assert (line, key) == (4, "vcenter.east.password_credential")
    assert "none/east.password cannot be read" in found


@pytest.mark.parametrize("name", ["../east.password", "", ".", "a b"])
def test_a_credential_is_a_name_and_no_path(folder: Path, name: str) -> None:
    text = WHOLE.replace('password_file = "east.password"', f'password_credential = "{name}"')
    assert "is no credential's name" in only_problem(folder, text, {"CREDENTIALS_DIRECTORY": str(folder)})[2]


def test_without_systemd_a_credential_is_unchecked_and_cannot_be_read(folder: Path) -> None:
    config = read(folder, WHOLE.replace("password_file", "password_credential"))
    assert [warning.key for warning in config.warnings] == ["vcenter.east.password_credential"]
    with pytest.raises(SecretError, match="CREDENTIALS_DIRECTORY is not set"):
        config.vcenters["east"].password.read()


def test_a_secret_shows_nowhere_but_where_it_is_asked_for(folder: Path) -> None:
    config = read(folder, WHOLE)
    east = config.vcenters["east"]
    password = east.password.read()
    shown = [
        repr(config),
        str(config),
        repr(east),
        str(east),
        repr(east.model_dump()),
        east.model_dump_json(),
    ]
    shown += [repr(password), str(password), repr(east.password), f"{password}"]
    assert not [text for text in shown if "hunter2" in text]
    assert password.get_secret_value() == "hunter2"


def test_a_password_written_into_the_file_is_refused_without_quoting_it(folder: Path) -> None:
    text = WHOLE.replace(
        'password_file = "east.password"', 'password = "hunter2"\nuser_password = ["hunter2"]'
    )
    with pytest.raises(
        ConfigError, match=r'vcenter.east.password: .* did you mean "password_file"'
    ) as caught:
        read(folder, text)
    error = caught.value
    shown = [repr(error), str(error), repr(error.problems), "".join(traceback.format_exception(error))]
    assert not [text for text in shown if "hunter2" in text]


# Whatever the file says


PIECES = st.sampled_from(
    [
        *WHOLE.splitlines(),
        *(ROOT / "slad.example.toml").read_text().splitlines(),
        "[vcenter]", "[[vcenter]]", "[client.acme.contract]", "[[client.acme]]", "[rule.attribute]", "[[web]]",
        "contract = {}", "listen = [[]]", "attribute = []", "pin = 1979-05-27", "poll = nan", "name = inf", "x = {y = {}}",
        'legs = [{}, "san", 1]', 'address = ""', "user = true", "[contract.availability.legs]", '"" = 1', "'a.b'.c = 1",
    ]
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(PIECES, max_size=12))
def test_any_file_is_a_configuration_or_has_problems_with_lines_in_it(folder: Path, lines: list[str]) -> None:
    found: Sequence[Problem] = ()
    try:
        config = read(folder, "\n".join(lines))
        assert config.unwatched_legs().keys() == config.clients.keys()
    except ConfigError as error:
        found = error.problems
    assert all(1 <= problem.line <= len(lines) + 1 for problem in found)
    assert list(found) == sorted(found, key=lambda problem: problem.line)
