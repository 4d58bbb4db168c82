import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli.check_config import check_config
from daemon.cli.words import local
from daemon.ledger import Batch, Ledger, Trace
from daemon.new_tokens import new_token
from sla.instants import parse_instant
from tests.daemon.harness import simulated
from tests.peers.tls import issue
from tests.probes.targets.targets import closed_port

ROOT = Path(__file__).parents[3]

GOOD = """\
observer = "mon1"
[ledger]
path = "ledger.db"
[vcenter.east]
address = "vc.example.net"
user = "slad"
password_file = "password"
poll = "20s"
[vcenter.lab]
address = "127.0.0.1:8989"
scheme = "http"
user = "slad"
password_file = "password"
legs = ["running"]
[client.acme]
name = "Acme Ltd."
timezone = "America/Toronto"
tech_admins = ["ann", "bob"]
users = ['ACME\\*', "bob"]
contract.availability.legs = ["running"]
[[rule]]
name = "vCLS-*"
ignore = true
[[rule]]
vcenter = "east"
folder = "/DC/vm/Acme/**"
attribute = { name = "Tier", value = "gold" }
client = "acme"
solution = "mail"
[people]
employees = ['PROV\\*']
[[people.automation]]
users = ["portal"]
acts_for = "client"
"""


NO_DURATION = '"20" is no duration: write a whole number and s, m, h or d, such as "5s" or "10m"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("hunter2")
    (tmp_path / "password").chmod(0o600)
    return tmp_path


def run(folder: Path, text: str, *options: str) -> Result:
    (folder / "slad.toml").write_text(text)
    return CliRunner().invoke(check_config, ["--config", str(folder / "slad.toml"), *options])


def test_a_file_without_problems_is_said_to_be_usable_and_what_it_means(folder: Path) -> None:
    result = run(folder, GOOD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == f"""\
{folder}/slad.toml can be used.

observer  mon1
ledger    {folder}/ledger.db
web       127.0.0.1:10999, without TLS or passwords
control   /run/slad/control.sock
hub       none: the evidence stays in the ledger

2 vCenters
  east  https://vc.example.net:443  as slad  by the system's authorities  every 20s  watches running, san
  lab   http://127.0.0.1:8989       as slad  a simulation                 every 10s  watches running

2 rules, the first that matches decides; else the client is unassigned
  1.  name vCLS-*                                                       → ignored
  2.  vcenter east and folder /DC/vm/Acme/** and attribute Tier = gold  → client acme, solution mail

1 client, and unassigned
  acme        Acme Ltd.   America/Toronto  tech admins: ann, bob  own terms          every leg is watched
  unassigned  Unassigned  UTC              tech admins: nobody    the terms for all  NOT WATCHED: san, internet

Users of the vCenters, by whom they are; others are no employees
  automation that acts for the client  portal
  employees                            PROV\\*
  of acme                              ACME\\*, bob

Which users the patterns take is not known: There is no ledger {folder}/ledger.db.

Legs of a contract that nobody watches do not count, and every statement names them.
"""
    )


def test_what_is_accepted_at_once_is_said(folder: Path) -> None:
    text = GOOD.replace("[people]\n", '[people]\naccept = ["client_change"]\n')
    assert "\nAccepted at once where it is proved: client_change\n" in run(folder, text).stdout
    assert json.loads(run(folder, text, "--format", "json").stdout)["people"]["accept"] == ["client_change"]


def test_the_same_for_programs(folder: Path) -> None:
    result = run(folder, GOOD, "--format", "json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["usable"], report["problems"], report["warnings"]) == (True, [], [])
    assert report["vcenters"][1] == {
        "name": "lab",
        "address": "127.0.0.1:8989",
        "poll_s": 10,
        "legs": ["running"],
    }
    assert report["people"] == {
        "automation": [{"users": ["portal"], "acts_for": "client"}],
        "employees": ["PROV\\*"],
        "seen": None,
        "accept": [],
    }
    assert [client["users"] for client in report["clients"]] == [["ACME\\*", "bob"], []]
    assert {client["id"]: client["unwatched_legs"] for client in report["clients"]} == {
        "acme": [],
        "unassigned": ["san", "internet"],
    }


async def test_users_seen_are_shown_by_the_pattern_that_takes_each(folder: Path) -> None:
    ledger = Ledger.open(folder / "ledger.db")
    users = ("PROV\\eve", "acme\\bob", "mallory", "", "PROV\\eve", "prov\\ann")
    at = parse_instant("2026-11-18T12:00:00Z")
    traces = [
        Trace(
            json.dumps(["event", "vc1", str(key), "VmPoweredOffEvent"]),
            at,
            at,
            json.dumps([user, "u1", "", "", ""]),
        )
        for key, user in enumerate(users)
    ]
    await ledger.commit(Batch(traces=traces))
    await ledger.close()
    result = await asyncio.to_thread(run, folder, GOOD)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-6:-1] == [
        "Users seen in the last 40 days, by the first pattern that takes each",
        "  PROV\\*      PROV\\eve, prov\\ann",
        "  ACME\\*      acme\\bob",
        "  NO PATTERN  mallory",
        "",
    ]
    report = json.loads((await asyncio.to_thread(run, folder, GOOD, "--format", "json")).stdout)
    assert report["people"]["seen"] == {
        "by_pattern": {"PROV\\*": ["PROV\\eve", "prov\\ann"], "ACME\\*": ["acme\\bob"]},
        "of_no_pattern": ["mallory"],
    }


def test_a_ledger_that_is_none_ends_nothing(folder: Path) -> None:
    (folder / "ledger.db").write_text("no ledger")
    result = run(folder, GOOD)
    assert result.exit_code == 0
    assert "Which users the patterns take is not known: " in result.stdout


def test_every_problem_is_a_line_and_the_exit_code_is_1(folder: Path) -> None:
    result = run(folder, GOOD.replace("observer", "obsever").replace("20s", "20"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f'{folder}/slad.toml:1: obsever: is unknown here: did you mean "observer"?',
        f"{folder}/slad.toml:8: vcenter.east.poll: {NO_DURATION}",
        "2 problems; the file cannot be used as it is.",
    ]


def test_problems_for_programs(folder: Path) -> None:
    result = run(folder, GOOD.replace("observer", "obsever"), "--format", "json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["usable"] is False
    assert report["problems"] == [
        {
            "file": f"{folder}/slad.toml",
            "line": 1,
            "key": "obsever",
            "text": 'is unknown here: did you mean "observer"?',
        }
    ]


def test_warnings_go_beside_what_the_file_means(folder: Path) -> None:
    (folder / "password").chmod(0o644)
    result = run(folder, GOOD)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {folder}/slad.toml:7: vcenter.east.password_file: ")
    assert len(json.loads(run(folder, GOOD, "--format", "json").stdout)["warnings"]) == 2


def test_a_wrong_command_line_is_exit_code_2(folder: Path) -> None:
    assert run(folder, GOOD, "--format", "yaml").exit_code == 2


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    result = CliRunner().invoke(check_config, ["--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    assert "none.toml:1: cannot be read: No such file or directory" in result.stderr


def test_hosts_that_are_configured_are_said(folder: Path) -> None:
    result = run(folder, GOOD + '[web]\nhosts = ["Slad.example.net", "10.0.0.7"]\n')
    assert "127.0.0.1:10999, as slad.example.net, 10.0.0.7 too, without TLS" in result.stdout


def test_no_secret_is_printed(folder: Path) -> None:
    for options in ([], ["--format", "json"]):
        assert "hunter2" not in run(folder, GOOD, *options).output


def test_the_shipped_example_can_be_used() -> None:
    result = CliRunner().invoke(check_config, ["--config", str(ROOT / "slad.example.toml")])
    assert result.exit_code == 0


def test_the_web_config_file_is_read_and_told(folder: Path) -> None:
    web = folder / "web.yml"
    text = GOOD + '[web]\nconfig_file = "web.yml"\n'
    web.write_text("basic_auth_users:\n  ann: $2y$10$" + "a" * 53 + "\n")
    result = run(folder, text)
    assert f"web       127.0.0.1:10999, by {web}: no TLS, passwords of ann\n" in result.stdout
    told = json.loads(run(folder, text, "--format", "json").stdout)["web_config"]
    assert told == {"tls": False, "users": ["ann"]}
    for wrong, why in (
        ("basic_auth_users:\n  ann: secret\n", "basic_auth_users: the password of ann is no bcrypt hash"),
        ("tls_server_confg: {}\n", "tls_server_confg: slad knows no such key"),
        ("a: [\n", "this is no YAML: line 2: "),
    ):
        web.write_text(wrong)
        result = run(folder, text)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{web}:1: {why}" in result.stderr
        assert "secret" not in result.stderr


def test_the_control_door_and_its_tokens_are_told(folder: Path) -> None:
    issue(folder)
    tokens = "".join(
        f'[[control.token]]\nname = "{name}"\nrole = "{role}"\nsha256 = "{new_token().sha256}"\n{more}'
        for name, role, more in (("grafana", "read", ""), ("portal", "record", "expires = 2027-12-31\n"))
    )
    door = '[control]\nlisten = ["127.0.0.1:10998"]\ncert_file = "cert.pem"\nkey_file = "key.pem"\n'
    said = run(folder, GOOD + door + tokens).stdout
    assert f"          127.0.0.1:10998, TLS by {folder}/cert.pem, with a token:\n" in said
    assert "  grafana  may read             for ever\n" in said
    assert f"  portal   may read and record  until {local('2028-01-01T00:00:00Z')}\n" in said


def test_what_each_rule_takes_is_told_live(folder: Path) -> None:
    text = """\
[vcenter.lab]
address = "127.0.0.1:{port}"
scheme = "http"
user = "slad"
password_file = "password"
[vcenter.gone]
address = "127.0.0.1:{gone}"
scheme = "http"
user = "slad"
password_file = "password"
[client.acme]
name = "Acme"
timezone = "UTC"
[[rule]]
folder = "/DC1/vm/acme/**"
client = "acme"
[[rule]]
name = "nothing-*"
client = "acme"
"""
    with simulated(14) as vcenter:
        text = text.format(port=vcenter.port, gone=closed_port())
        assert "What the vCenters show" not in run(folder, text).stdout
        said = run(folder, text, "--live")
    assert said.exit_code == 0
    rows = said.stdout.partition("What the vCenters show, by the rule that takes it\n")[2]
    assert re.search(r"vcenter.gone +.*→ see whether port", rows)
    assert re.search(r"rule 1 +takes \d+ servers", rows)
    assert re.search(r"rule 2 +takes no server +→ ", rows)
