"""What `slad doctor` says of rules, on what a simulated vCenter shows."""

from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.doctor import examined
from daemon.doctor.finding import Finding, Level
from daemon.doctor.rules import likeness
from probes.simulation.entities import Folder
from tests.daemon.harness import running_machines, simulated, write_config

RULES = """
[[rule]]
folder = "/DC1/vm/acme/**"
client = "acme"

[[rule]]
folder = "/DC1/vm/Acme/Web"
client = "acme"

[[rule]]
resource_pool = "/DC1/host/Resources/acme"
client = "acme"

[[rule]]
folder = "/DC1/vm/acme"
name = "acme-*"
client = "acme"

[[rule]]
name = "nobody"
client = "acme"
"""


def found(folder: Path, rules: str = RULES, **how: bool) -> dict[str, Finding]:
    with simulated(30) as vcenter:
        if how.get("withhold"):
            vcenter.do(
                lambda: vcenter.world.oddities.withhold(vcenter.world.inventory.find(Folder, "acme").moid)
            )
        if how.get("copy"):
            first = running_machines(vcenter)[0]
            vcenter.do(vcenter.world.oddities.copy_vm, "copy", like=first)
        config = write_config(folder, vcenter, rule=rules)
        return {each.about: each for each in examined(config, {}, SystemClock())}


def test_each_rule_is_told_with_how_many_servers_it_takes_and_what_is_nearest(tmp_path: Path) -> None:
    findings = found(tmp_path)
    assert findings["rule 1"].level is Level.OK
    assert findings["rule 1"].text == "takes 15 servers"
    assert findings["rule 2"].remedy == "the nearest folder is /DC1/vm/acme"
    assert findings["rule 3"].remedy == "the nearest resource pool is /DC1/host/Cluster1/Resources/acme"
    assert "earlier rules take the 15 servers that match it" in findings["rule 4"].text
    assert (findings["rule 5"].level, findings["rule 5"].text) == (Level.WARN, "takes no server")
    assert "rule" not in findings
    assert "identity" not in findings


def test_servers_whose_folder_is_not_known_are_told(tmp_path: Path) -> None:
    finding = found(tmp_path, withhold=True)["rule"]
    assert finding.level is Level.WARN
    assert "15 servers" in finding.text
    assert "for want of: folder: acme-" in finding.text


def test_servers_with_one_uuid_are_told(tmp_path: Path) -> None:
    finding = found(tmp_path, copy=True)["identity"]
    assert finding.level is Level.WARN
    assert "2 servers show the instance UUID" in finding.text
    assert "copy on vc1" in finding.text


@pytest.mark.parametrize(
    ("glob", "nearest"),
    [
        ("/DC1/vm/acme", "/DC1/vm/ACME"),
        ("/DC1/vm/Clients/ACME/**", "/DC1/vm/ACME"),
        ("/dc1/vm/borealis/web", "/DC1/vm/Borealis"),
        ("/DC2/vm/ACMEE", "/DC1/vm/ACME"),
    ],
)
def test_what_is_nearest_is_so_by_levels_and_letters(glob: str, nearest: str) -> None:
    paths = ["/DC1", "/DC1/vm", "/DC1/vm/ACME", "/DC1/vm/Borealis", "/DC1/vm/Other/Web"]
    assert max(paths, key=lambda path: likeness(glob, path)) == nearest
