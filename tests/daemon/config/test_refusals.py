"""What a configuration is refused for: each problem with its line, its key and what would be right."""

import json
from pathlib import Path

import pytest
import trustme

from daemon.config.loading import load
from daemon.config.problems import ConfigError
from tests.daemon.config.configured import CLIENT, RULE, VCENTER, WHOLE, only_problem, problems, read


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
        (14, "vcenter.east.password"),
        (15, "vcenter.east.pin"),
        (17, "vcenter.west.address"),
        (18, "vcenter.west.user"),
        (19, "vcenter.west.password_file"),
        (22, "client.acme.timezone"),
        (24, "rule[1].client"),
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
        ("a = \n", 1, "behind = stands nothing"),
        ("[web]\n\nlisten = [1\n", 3, "a list is not closed"),
        ("observer = 'a'\nobserver = 'b'\n", 2, "observer is there already"),
        ("a = " + "[" * 10_000, 1, "is nested too deeply"),
        ("a = " + "[" * 399 + "]" * 399, 1, ""),
        ("a = " + "9" * 5000, 1, "a number is too long"),
    ],
)
def test_a_syntax_error_has_its_line(folder: Path, text: str, line: int, said: str) -> None:
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
        ("web.families = []", "web.families", "must not be empty"),
        (
            'web.families = ["slad_server_up", "slad_server_up"]',
            "web.families",
            "slad_server_up is there twice",
        ),
        (
            'web.families = ["slad_server_upp"]',
            "web.families[1]",
            'is no family with a series for each server; others are always there: did you mean "slad_server_up"?',
        ),
        ('web.families = ["slad_source_up"]', "web.families[1]", "others are always there"),
        ('web.families = ["up"]', "web.families[1]", "they are slad_server_info, slad_server_up"),
        ("web.families = [5]", "web.families[1]", "5 is no family"),
        ("web.families = [[]]", "web.families[1]", "[] is no family"),
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


PEOPLE = "\n[people]\nemployees = ['PROV\\*']\n"


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ("employees = ['*']", "employees[1]", "would take everybody"),
        ("employees = ['']", "employees[1]", "must be one line of 1 to 256 characters"),
        ("employees = [' ann']", "employees[1]", "no name of a user begins or ends with a space"),
        ("employees = ['ann', 'ann']", "employees", "ann is there twice"),
        ("employees = 'ann'", "employees", "must be a list"),
        ("[[people.automation]]", "automation[1].users", "is missing"),
        ("[[people.automation]]\nusers = []", "automation[1].users", "must not be empty"),
        ("[[people.automation]]\nusers = ['a']\nacts_for = 'me'", "automation[1].acts_for", "'client'"),
        (
            "accept = ['client_chance']",
            "accept[1]",
            '"client_chance" is no category: causes propose client_change and client_system',
        ),
        (
            "accept = ['force_majeure']",
            "accept[1]",
            "no cause proposes force_majeure: causes propose client_change and client_system",
        ),
        ("accept = ['client_change', 'client_change']", "accept", "client_change is there twice"),
        ("accept = 'client_change'", "accept", "must be a list"),
        ("accept = [5]", "accept[1]", "5 is no category"),
        ("employee = ['ann']", "employee", 'did you mean "employees"?'),
    ],
)
def test_bad_people_are_refused(folder: Path, keys: str, key: str, said: str) -> None:
    _, found_key, found = only_problem(folder, WHOLE + f"\n[people]\n{keys}\n")
    assert found_key == f"people.{key}"
    assert said in found


def test_a_user_is_in_one_list(folder: Path) -> None:
    automation = "[[people.automation]]\nusers = ['svc', 'Prov\\*']\n"
    text = VCENTER + CLIENT + "users = ['SVC', 'prov\\*', 'ok']\n" + RULE + PEOPLE + automation
    found = problems(folder, text)
    assert [key for _, key, _ in found] == [
        "client.acme.users[1]",
        "client.acme.users[2]",
        "people.employees[1]",
    ]
    assert [said for *_, said in found] == [
        '"SVC" is in people.automation[1].users too (line 15)',
        '"prov\\\\*" is in people.automation[1].users too (line 15)',
        '"PROV\\\\*" is in people.automation[1].users too (line 15)',
    ]


def test_users_of_clients_mean_nothing_without_employees(folder: Path) -> None:
    config = read(folder, VCENTER + CLIENT + "users = ['ACME\\*']\n" + RULE)
    assert [warning.key for warning in config.warnings] == ["people"]
    assert not read(folder, VCENTER + CLIENT + "users = ['ACME\\*']\n" + RULE + PEOPLE).warnings


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
        ('solution = "x"', ".solution", "is a solution without its client"),
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
