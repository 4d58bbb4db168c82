"""docs/ as a site: it builds strictly, so every link leads somewhere, and the pages that are made say what holds them true."""

import os
import subprocess
import sys
from pathlib import Path

from daemon.control.openapi import document
from daemon.control.operations import OPERATIONS
from deploy.site import hooks

ROOT = Path(__file__).parents[2]
WANTED = ("concepts", "contract", "api", "operating", "restoring", "upgrading", "security", "scale", "words")


def test_the_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    build = (sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path))
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(
        build, check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=110
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    for page in WANTED:
        assert (tmp_path / f"{page}.html").is_file()
    assert (tmp_path / "specification/vectors/vectors.json").is_file(), "vectors are published with it"
    assert "https://fonts." not in (tmp_path / "index.html").read_text(), "nothing is fetched from others"


def test_the_page_of_the_api_has_every_operation_and_every_model() -> None:
    page = hooks.made()["api.md"]
    for operation in OPERATIONS:
        assert f"## `{operation.route.method} {operation.route.template}`" in page
        assert operation.summary in page
    for model in document()["components"]["schemas"]:
        assert f"### {model}\n" in page


def test_the_words_are_those_of_the_architecture() -> None:
    words = hooks.made()["words.md"]
    assert "| **outage**, `Outage`" in words
    assert "Decisions that are not obvious" not in words
