"""The walk-through in README.md, word for word, on free ports."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import require

ROOT = Path(__file__).parents[2]
HEADING = "## From an outage to the pager"
PORTS = ("8989", "10999", "9090", "9093", "9095")


def free_ports(count: int) -> list[str]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@pytest.mark.timeout(300)
def test_the_walk_through_ends_with_one_page_and_a_statement_that_the_evidence_proves(tmp_path: Path) -> None:
    for program in ("prometheus", "prometheus-alertmanager", "curl"):
        require(shutil.which(program), f"needs {program}")
    section = (ROOT / "README.md").read_text().split(HEADING)[1].split("\n## ")[0]
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    assert "slad notice give" in script
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for port, own in zip(PORTS, free_ports(len(PORTS)), strict=True):
        script = script.replace(port, own)
        for file in (tmp_path / "deploy/try").iterdir():
            file.write_text(file.read_text().replace(port, own))
    walk = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = walk.communicate(timeout=240)
    finally:
        if walk.poll() is None:
            os.killpg(walk.pid, signal.SIGKILL)
    place = tmp_path / "walk"
    logs = "".join(f"--- {path.name}\n{path.read_text()[-1000:]}" for path in place.glob("*.log"))
    assert walk.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM), said + logs
    pages = [line for line in (place / "pages.log").read_text().splitlines() if line.startswith("firing")]
    assert len(pages) == 1
    assert pages[0].startswith(
        "firing: ChronicOutage: Chronic outage of mail (acme). 5 qualifying interruptions"
    )
    assert "chronic" in said
    assert "The notice is valid" in said
    assert "acme-app-00001" in (place / "statement.txt").read_text()
    assert (place / "recomputed.txt").read_text()
