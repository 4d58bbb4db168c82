import json
import socket
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config import UNASSIGNED, Config, ConfigError, Problem, load
from daemon.config.secrets import SecretError
from daemon.config.values import Address, Duration
from sla.instants import DAY, MINUTE, SECOND
from sla.records import ClientId, Leg

ROOT = Path(__file__).parents[3]
ACME = ClientId("acme")

VCENTER = """\
[vcenter.east]
address = "vc.example.net"
user = "slad"
password_file = "east.password"
"""
CLIENT = """\
[client.acme]
name = "Acme"
timezone = "America/Toronto"
"""
RULE = """\
[[rule]]
client = "acme"
"""
WHOLE = VCENTER + CLIENT + RULE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    password = tmp_path / "east.password"
    password.write_text("hunter2\n")
    password.chmod(0o600)
    return tmp_path


def read(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Config:
    path = folder / "slad.toml"
    path.write_text(text)
    return load(path, env or {})


def problems(folder: Path, text: str, env: Mapping[str, str] | None = None) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, env)
    assert all(problem.file == folder / "slad.toml" for problem in caught.value.problems)
    return [(problem.line, problem.key, problem.text) for problem in caught.value.problems]


def only_problem(folder: Path, text: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    (problem,) = problems(folder, text, env)
    return problem


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


def test_all_problems_are_told_at_once_each_with_its_line_in_order(folder: Path) -> None:
    text = """\
obsever = "x"
[watch]
tick = "90s"
grase = "1m"
[web]
listen = [
    "0.0.0.0:1",
    "127.0.0.1",
    5,
]
[vcenter.east]
address = "vc:443"
user = "me"
password = "hunter2"
pin = "sha256:zz"
[vcenter.west]
address = "VC"
user = 5
password_file = "nowhere"
[client.acme]
name = "Acme"
timezone = "America/Toronta"
[[rule]]
client = "acne"
[[rule]]
name = "x"
ignore = true
attribute = { name = "x", valu = "y" }
[[rule]]
vcenter = "est"
folder = "Clients/*"
"""
    found = [(line, key) for line, key, _ in problems(folder, text)]
    assert found == [
        (1, "obsever"),
        (3, "watch.tick"),
        (4, "watch.grase"),
        (8, "web.listen[2]"),
        (9, "web.listen[3]"),
        (11, "vcenter.east"),
        (14, "vcenter.east.password"),
        (15, "vcenter.east.pin"),
        (17, "vcenter.west.address"),
        (18, "vcenter.west.user"),
        (19, "vcenter.west.password_file"),
        (22, "client.acme.timezone"),
        (24, "rule[1].client"),
        (28, "rule[2].attribute.value"),
        (28, "rule[2].attribute.valu"),
        (29, "rule[3]"),
        (30, "rule[3].vcenter"),
        (31, "rule[3].folder"),
    ]


def test_a_problem_reads_file_line_key_and_what_would_be_right(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(folder, WHOLE + '[watch]\ntick = "90s"\n')
    assert str(caught.value) == (
        f'{folder}/slad.toml:11: watch.tick: "90s" is out of bounds: from "1s" to "1m"'
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("obsrver = 1", 'did you mean "observer"?'),
        ("[vcenters.east]", 'did you mean "vcenter"?'),
        ("[web]\nlisten_address = 1", 'did you mean "listen"?'),
        ("[watch]\nxyz = 1", "known are tick, grace"),
        ("[control]\nsock = 1", 'did you mean "socket"?'),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(folder: Path, text: str, hint: str) -> None:
    found = problems(folder, text)
    assert [told for _, _, told in found] == [f"is unknown here: {hint}"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = \n", 1, "column 5: Invalid value"),
        ("[web]\n\nlisten = [1\n", 4, "column 1: Unclosed array"),
        ("observer = 'a'\nobserver = 'b'\n", 2, "Cannot overwrite a value"),
        ("a = " + "[" * 10_000, 1, "is nested too deeply"),
        ("a = " + "[" * 399 + "]" * 399, 1, ""),
        ("a = " + "9" * 5000, 1, "A number is too long"),
    ],
)
def test_a_syntax_error_has_its_line_and_column(folder: Path, text: str, line: int, said: str) -> None:
    found_line, _, found = only_problem(folder, text)
    assert found_line == line
    assert said in found


def test_a_file_that_is_not_utf_8_is_refused_with_the_line(folder: Path) -> None:
    path = folder / "slad.toml"
    path.write_bytes(b'observer = "mon1"\n# caf\xe9\n')
    with pytest.raises(ConfigError, match=r"slad\.toml:2: is not UTF-8"):
        load(path, {})


def test_a_file_that_is_not_there_or_endless_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"slad\.toml:1: cannot be read: No such file"):
        load(folder / "slad.toml", {})
    with pytest.raises(ConfigError, match="is larger than"):
        load(Path("/dev/zero"), {})


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('observer = ""', "observer", "is no id"),
        ("observer = 5", "observer", "must be a text in quotes, not 5: write one such as observer = "),
        ("web = 5", "web", "must be a table, not 5"),
        ("contract = 1", "contract", "write [contract.availability]"),
        ("ledger.path = 5", "ledger.path", "must be the path of a file, not 5"),
        ('ledger.path = "/"', "ledger.path", "/ is a folder"),
        (f'ledger.path = "/{"x" * 256}"', "ledger.path", "cannot be a file: File name too long"),
        (f'control.socket = "/{"x" * 107}"', "control.socket", "too long for a socket: at most 107 bytes"),
        ("web.listen = []", "web.listen", "must not be empty"),
        ('web.listen = "a:1"', "web.listen", "must be a list"),
        ('web.listen = ["a:1", "A:1"]', "web.listen", "a:1 is there twice"),
        ('web.listen = ["a:65536"]', "web.listen[1]", "port 65536 is out of bounds: from 0 to 65535"),
        ('web.listen = ["::1:80"]', "web.listen[1]", "IPv6 number in brackets"),
        ('web.listen = ["[:::]:80"]', "web.listen[1]", '":::" is no IP number'),
        ('web.listen = ["1.2.3:80"]', "web.listen[1]", '"1.2.3" is no IP number'),
        (
            f"web.listen = {json.dumps([f'a:{n}' for n in range(17)])}",
            "web.listen",
            "has 17 elements, and at most 16",
        ),
        ('web.config_file = "none.yml"', "web.config_file", "none.yml cannot be read: No such file"),
        ('web.config_file = "."', "web.config_file", "is no file"),
        ('watch.tick = "0s"', "watch.tick", 'from "1s" to "1m"'),
        ('watch.tick = "61s"', "watch.tick", '"61s" is out of bounds'),
        ('watch.grace = "59s"', "watch.grace", 'from "1m" to "7d"'),
        ('watch.grace = "169h"', "watch.grace", '"169h" is out of bounds'),
        ("watch.tick = 5", "watch.tick", "5 is no duration"),
        ('watch.tick = "1.5s"', "watch.tick", "is no duration"),
        ('watch.tick = "٥s"', "watch.tick", "is no duration"),
        ('unassigned.timezone = "Nowhere"', "unassigned.timezone", 'such as "America/Toronto"'),
        ('unassigned.timezone = "../etc/passwd"', "unassigned.timezone", "is no time zone"),
    ],
)
def test_bad_values_are_refused(folder: Path, text: str, key: str, said: str) -> None:
    line, found_key, found = only_problem(folder, text + "\n" + WHOLE)
    assert (line, found_key) == (1, key)
    assert said in found


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("vcenter = 5", "vcenter", "write [vcenter.NAME]"),
        ("[[vcenter]]", "vcenter", "write [vcenter.NAME]"),
        ("vcenter.east = 5", "vcenter.east", "must be a table, not 5"),
        ("client = []", "client", "write [client.NAME]"),
        ("client.acme = []", "client.acme", "must be a table, not []"),
        ("[rule]", "rule", "write [[rule]]"),
        ("rule = [1]", "rule[1]", "must be a table, not 1"),
    ],
)
def test_sections_of_the_wrong_shape_are_refused(folder: Path, text: str, key: str, said: str) -> None:
    line, found_key, found = only_problem(folder, text)
    assert (line, found_key) == (1, key)
    assert said in found


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ('pin = "sha256:00"', "pin", "openssl x509"),
        (f'pin = "{"00" * 32}"', "pin", "is no pin"),
        (f'pin = "sha256:{"00" * 32}"\nca_file = "ca.pem"', "pin", "ca_file is there too"),
        ('ca_file = "east.password"', "ca_file", "holds no certificate in PEM form"),
        ('ca_file = "none.pem"', "ca_file", "cannot be read"),
        ('poll = "2m"', "poll", 'from "1s" to "1m"'),
        ('poll = "0s"', "poll", 'from "1s" to "1m"'),
        ('scheme = "ftp"', "scheme", "must be 'https' or 'http', not \"ftp\""),
        ('scheme = "http"', "scheme", "for simulations on 127.0.0.0/8 alone"),
        ("legs = []", "legs", "must not be empty"),
        ('legs = ["san", "san"]', "legs", "san is there twice"),
        ('legs = ["internet"]', "legs[1]", "vCenter says nothing of the Internet"),
        ('legs = ["disk"]', "legs[1]", "must be 'running', 'san' or 'internet', not \"disk\""),
        ('password_credential = "east"', "password_credential", "password_file is there too"),
        ("ignore_datastores = [5]", "ignore_datastores[1]", "must be a text in quotes, not 5"),
        ('ignore_datastores = [""]', "ignore_datastores[1]", "one line of 1 to 256 characters"),
    ],
)
def test_bad_vcenters_are_refused(folder: Path, keys: str, key: str, said: str) -> None:
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    found = problems(folder, VCENTER + keys + "\n" + CLIENT + RULE)
    assert [found_key for _, found_key, _ in found] == [f"vcenter.east.{key}"]
    assert said in found[0][2]


@pytest.mark.parametrize("address", ["128.0.0.1", "localhost", "[::1]:80", "127.0.0.1.example.net"])
def test_plain_http_is_for_simulations_on_loopback_numbers_alone(folder: Path, address: str) -> None:
    text = WHOLE.replace("vc.example.net", address).replace("user", 'scheme = "http"\nuser', 1)
    assert only_problem(folder, text)[:2] == (3, "vcenter.east.scheme")


def test_plain_http_has_no_certificate(folder: Path) -> None:
    keys = f'scheme = "http"\npin = "sha256:{"00" * 32}"\n'
    text = VCENTER.replace("vc.example.net", "127.0.0.1:1") + keys + CLIENT + RULE
    assert "means nothing" in only_problem(folder, text)[2]


def test_a_vcenter_needs_an_address_a_user_and_a_password(folder: Path) -> None:
    found = problems(folder, "\n[vcenter.east]\n")
    assert [(line, key) for line, key, _ in found] == [
        (2, "vcenter.east"),
        (2, "vcenter.east.address"),
        (2, "vcenter.east.user"),
    ]
    assert found[1][2] == 'is missing: write one such as address = "vcenter.example.net"'


def test_one_vcenter_is_watched_once(folder: Path) -> None:
    text = (
        VCENTER
        + VCENTER.replace("[vcenter.east", "[vcenter.west").replace(".net", ".NET:443")
        + CLIENT
        + RULE
    )
    assert only_problem(folder, text) == (
        6,
        "vcenter.west.address",
        "vc.example.net:443 is that of vcenter.east (line 2): watch each vCenter once",
    )


@pytest.mark.parametrize("name", ["a b", "", "-a", "east/recovered", "x" * 65, "internet"])
def test_a_vcenters_name_must_suit_the_evidence(folder: Path, name: str) -> None:
    line, _, found = only_problem(folder, WHOLE.replace("vcenter.east", f'vcenter."{name}"'))
    assert line == 1
    assert "is no id" in found or "another witness" in found


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ('tech_admins = ["a", "b", "c"]', "tech_admins", "has 3 elements, and at most 2 can be"),
        ('tech_admins = ["a", "a"]', "tech_admins", "a is there twice"),
        ('tech_admins = "a"', "tech_admins", "must be a list"),
        ("contract = 5", "contract", "must be a table, not 5"),
    ],
)
def test_bad_clients_are_refused(folder: Path, keys: str, key: str, said: str) -> None:
    line, found_key, found = only_problem(folder, VCENTER + CLIENT + keys + "\n" + RULE)
    assert (line, found_key) == (8, f"client.acme.{key}")
    assert said in found


def test_a_client_needs_a_name_and_a_time_zone(folder: Path) -> None:
    found = problems(folder, "[client.acme]\n")
    assert [key for _, key, _ in found] == ["client.acme.name", "client.acme.timezone"]


def test_nobody_is_the_client_of_unassigned_servers_but_slad(folder: Path) -> None:
    text = WHOLE + CLIENT.replace("acme", "unassigned")
    assert only_problem(folder, text)[:2] == (10, "client.unassigned")


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ('name = "x"', "", "has no outcome"),
        ('name = "x"\nignore = false', "", "has no outcome"),
        ('solution = "x"', "", "has no outcome"),
        ('ignore = true\nclient = "acme"', ".client", "means nothing where ignore = true"),
        ('ignore = true\nsolution = "x"', ".solution", "means nothing where ignore = true"),
        ('ignore = "yes"\nclient = "acme"', ".ignore", "must be true or false"),
        ('client = "acne"', ".client", '"acne" is not defined: did you mean "acme"?'),
        ('client = "xyz"', ".client", '"xyz" is not defined: define it as [client.xyz]'),
        ('client = "unassigned"', ".client", "is not defined"),
        ('client = "acme"\nvcenter = "eats"', ".vcenter", '"eats" is not defined: did you mean "east"?'),
        ('client = "acme"\nsolution = "{name}"', ".solution", "must be a plain name"),
        ('client = "acme"\nfolder = "Acme"', ".folder", "must start with /"),
        ('client = "acme"\nfolder = "/a/**b"', ".folder", "must have a name"),
        ('client = "acme"\nfolder = "/a//b"', ".folder", "must have a name"),
        ('client = "acme"\nresource_pool = "x"', ".resource_pool", "must start with /"),
        ('client = "acme"\nattribute = "x"', ".attribute", "must be a table"),
        ('client = "acme"\nattribute = { name = "x" }', ".attribute.value", "is missing"),
    ],
)
def test_bad_rules_are_refused(folder: Path, keys: str, key: str, said: str) -> None:
    line, found_key, found = only_problem(folder, VCENTER + CLIENT + "[[rule]]\n" + keys + "\n")
    assert found_key == "rule[1]" + key
    assert line >= 8
    assert said in found


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("", ""),
        ("", 'name = "x"\n'),
        ('vcenter = "east"\n', 'vcenter = "east"\nname = "x"\n'),
        ('name = "x"\n', 'name = "x"\nattribute = { name = "a", value = "b" }\n'),
        ('attribute = { name = "a", value = "b" }\n', 'attribute = { value = "b", name = "a" }\n'),
    ],
)
def test_a_rule_that_an_earlier_one_leaves_nothing_is_refused(folder: Path, earlier: str, later: str) -> None:
    rules = f'[[rule]]\nname = "other"\nclient = "acme"\n[[rule]]\n{earlier}client = "acme"\n[[rule]]\n{later}ignore = true\n'
    assert only_problem(folder, VCENTER + CLIENT + rules)[1:] == (
        "rule[3]",
        "can never match: rule 2 (line 11) takes every server that it would",
    )


def test_rules_that_only_overlap_are_fine(folder: Path) -> None:
    rules = '[[rule]]\nname = "x"\nvcenter = "east"\nclient = "acme"\n[[rule]]\nname = "x"\nclient = "acme"\n'
    assert len(read(folder, VCENTER + CLIENT + rules).rules) == 2


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
