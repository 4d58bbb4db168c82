"""The page that tells what slad reads of a vCenter names all of it."""

from pathlib import Path

import pytest

from probes.vcenter.event_types import EVENT_TYPES
from probes.vcenter.inventory import ATTRIBUTE_NAMES
from probes.vcenter.needed_files import PATHS
from probes.vcenter.subscription import wanted

PAGE = (Path(__file__).parents[3] / "docs" / "slad-vcenter.md").read_text()
WATCHED = wanted(resource_pools=True, attributes=True, networks=True, placeholders=True, addresses=True)
NAMES = {
    *WATCHED,
    *(path for paths in WATCHED.values() for path in paths),
    *ATTRIBUTE_NAMES,
    *PATHS,
    *EVENT_TYPES,
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_page_names_what_is_read(name: str) -> None:
    assert f"`{name}`" in PAGE
