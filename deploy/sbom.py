"""The bill of materials of what slad installs, of requirements.lock: `python -m deploy.sbom` prints it (CycloneDX 1.5).

The lock names the files by their hashes and says by whom each package is wanted; nothing else is asked.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

LOCK: Final = Path(__file__).parents[1] / "requirements.lock"
_PINNED: Final = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?: *; *([^\\]+?))? *\\?$")
_WANTED_BY: Final = re.compile(r"^ +#(?: via)? +(\S+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A package as the lock pins it. `wanted_by`: names of packages, `slad` itself, or a file of requirements."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        """The package's URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def main() -> None:
    """Print it."""
    bom = bill_of_materials(LOCK.read_text(encoding="utf-8"), version("slad"))
    sys.stdout.write(json.dumps(bom, indent=2) + "\n")


def bill_of_materials(lock: str, own_version: str) -> dict[str, Any]:
    """The document. The same lock gives the same bytes: it has no serial number and no time."""
    components = list(pinned(lock))
    own = f"pkg:pypi/slad@{own_version}"
    references = {"slad": own} | {each.name: each.purl for each in components}
    needs: dict[str, list[str]] = {reference: [] for reference in references.values()}
    for each in components:
        for wanting in each.wanted_by:
            if wanting in references:
                needs[references[wanting]].append(each.purl)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "slad",
                "version": own_version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [_shown(each) for each in components],
        "dependencies": [{"ref": reference, "dependsOn": sorted(on)} for reference, on in needs.items()],
    }


def pinned(lock: str) -> Iterator[Component]:
    """What a lock pins. Raises ValueError for a line that is neither a pin, a hash nor a comment."""
    for entry in re.split(r"\n(?=\S)", lock.rstrip("\n")):
        first, *rest = entry.split("\n")
        if first.startswith("#"):
            continue
        found = _PINNED.match(first)
        if found is None:
            raise ValueError(f"no pin: {first}")
        yield Component(
            name=found[1],
            version=found[2],
            marker=found[3] or "",
            hashes=tuple(_HASH.findall(entry)),
            wanted_by=tuple(match[1] for line in rest if (match := _WANTED_BY.match(line))),
        )


def _shown(component: Component) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in component.hashes],
    }
    if component.marker:
        shown["properties"] = [{"name": "slad:marker", "value": component.marker}]
    return shown


if __name__ == "__main__":
    main()
