"""The walk-through in deploy/hub, word for word, on free ports and a PostgreSQL of its own; and what is no way into it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import require
from tests.peers.postgres import programs
from tests.stories.walking import Walk, commands, last_words

PORTS = ("8989", "9090", "9093", "9095", "10991", "10992", "10993", "10994")


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    for program in ("prometheus", "prometheus-alertmanager", "curl", "setpriv", "setsid"):
        require(shutil.which(program), f"needs {program}: tests/install-peers")
    assert programs().is_dir()
    walk = Walk(tmp_path, PORTS, "hub")
    yield walk
    if (tmp_path / "hub-demo").is_symlink():
        subprocess.run([tmp_path / "deploy/hub/down"], check=True, timeout=60)


def processes_in(folder: Path) -> list[str]:
    """The numbers of the processes that work in a folder."""
    return [
        place.parent.name
        for place in Path("/proc").glob("[0-9]*/cwd")
        if place.is_symlink() and folder in (link := _target(place)).parents and link != folder
    ]


def _target(link: Path) -> Path:
    try:
        return link.readlink()
    except OSError:
        return Path()  # it has ended


@pytest.mark.timeout(420)
def test_one_dies_and_then_another_and_there_is_one_truth_and_one_page(walk: Walk) -> None:
    script = commands((walk.folder / "deploy/hub/README.md").read_text())
    before_its_end, end = script.rsplit("deploy/hub/down", 1)
    assert end.strip() == ""
    status, said = walk.take(before_its_end, within_s=360)
    place = (walk.folder / "hub-demo").resolve()
    assert status == 0, said + last_words({path.parent.name: path for path in place.glob("*/log")})

    assert said.count('slad_hub_state{state="shipping"} 1.0') == 2
    assert re.findall(r"^slad_hub_active .*", said, re.MULTILINE) == [
        "slad_hub_active 1.0",
        "slad_hub_active 0.0",
        "slad_hub_active 1.0",
    ], "the second takes over"
    assert said.count("client acme, solution none, on simulated") == 2, "both hubs know by which vCenter"
    servers, hosts, down = (
        json.loads(line)["data"]["result"] for line in said.splitlines() if line.startswith('{"status"')
    )
    assert [each["metric"]["job"] for each in servers] == ["slad", "slad"]
    assert [each["metric"]["job"] for each in hosts] == ["slad-monitor", "slad-monitor"]
    assert [(each["metric"]["client"], each["value"][1]) for each in down] == [("acme", "1")]
    pages = [line for line in (place / "pager/log").read_text().splitlines() if line.startswith("firing")]
    assert len(pages) == 1, pages
    assert "acme-app-00001 (acme) is down" in pages[0]
    assert re.findall(r"CHG-\d", said.split("A monitor")[0]) == ["CHG-1", "CHG-2"], (
        "the calendar of the second hub"
    )
    assert re.findall(r'the chain of ledger "(\w+)" holds', said) == ["mon1", "mon2", "hub"]

    assert processes_in(place)
    again = subprocess.run([walk.folder / "deploy/hub/up"], check=False, capture_output=True, text=True)
    assert (again.returncode, again.stderr) == (1, f"it is up already, in {place}: deploy/hub/down ends it\n")
    assert walk.take("deploy/hub/down", within_s=60) == (0, "")
    assert not place.exists()
    assert not (walk.folder / "hub-demo").is_symlink()
    assert processes_in(place) == []
    assert walk.take("deploy/hub/down", within_s=60) == (1, "it is not up: there is no ./hub-demo\n")


def test_what_does_not_come_up_is_said_and_taken_down_again(walk: Walk) -> None:
    (walk.folder / "deploy/hub/monitor.toml").write_text('observer = "@NAME@"\ncolour = "blue"\n')
    status, said = walk.take("sed -i 's/seq 120/seq 4/' deploy/hub/up; deploy/hub/up", within_s=60)
    assert status == 1
    assert "mon1 is not as it should be" in said
    assert "slad.toml:2: colour: " in said
    assert not (walk.folder / "hub-demo").is_symlink()
