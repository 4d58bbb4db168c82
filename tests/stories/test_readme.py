"""The walk-through in README.md, word for word, on free ports."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.peers import require
from tests.stories.walking import ROOT, Walk, commands, last_words

HEADING = "## From an outage to the pager"
PORTS = ("8989", "10999", "9090", "9093", "9095")


@pytest.mark.timeout(300)
def test_the_walk_through_ends_with_one_page_and_a_statement_that_the_evidence_proves(tmp_path: Path) -> None:
    for program in ("prometheus", "prometheus-alertmanager", "curl"):
        require(shutil.which(program), f"needs {program}")
    script = commands((ROOT / "README.md").read_text().split(HEADING)[1].split("\n## ")[0])
    assert "slad notice give" in script
    status, said = Walk(tmp_path, PORTS, "try").take(script, within_s=240)
    place = tmp_path / "walk"
    logs = last_words({path.name: path for path in place.glob("*.log")})
    assert status in (0, -signal.SIGTERM, 128 + signal.SIGTERM), said + logs
    pages = [line for line in (place / "pages.log").read_text().splitlines() if line.startswith("firing")]
    assert len(pages) == 1
    assert pages[0].startswith(
        "firing: ChronicOutage: Chronic outage of mail (acme). 5 qualifying interruptions"
    )
    assert "chronic" in said
    assert "The notice is valid" in said
    assert "acme-app-00001" in (place / "statement.txt").read_text()
    assert (place / "recomputed.txt").read_text()
