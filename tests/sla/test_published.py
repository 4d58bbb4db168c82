"""docs/specification: the sections that docstrings cite are there, and the published vectors give the bytes that are published."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from daemon.cli import main
from sla.terms import DEFAULTS

ROOT: Final = Path(__file__).parents[2]
SPECIFICATION: Final = ROOT / "docs/specification"
VECTORS: Final = SPECIFICATION / "vectors"
CASES: Final[list[dict[str, Any]]] = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))
_TIME_ZONES: Final = re.compile(rb'"time_zones": ?"[^"]*"')
_CITED: Final = re.compile(r"spec (§\d+[\d.a-c]*(?:(?: and|,| to) §\d+[\d.a-c]*)*)")


def sources() -> Iterator[tuple[str, str]]:
    """Every text of the project that may cite the specification, by its name."""
    for folder in ("daemon", "probes", "sla", "tests", "docs", "deploy"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".md") and "node_modules" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


SOURCES: Final = dict(sources())


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", (SPECIFICATION / page).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_section_that_is_cited_is_a_heading() -> None:
    numbers = {re.split(r"[. ] ?(?=\D)", heading)[0] for heading in headings("sla.md")}
    cited = {
        (number.rstrip("."), name)
        for name, text in SOURCES.items()
        for found in _CITED.findall(text)
        for number in re.findall(r"§(\d+[\d.a-c]*)", found)
    }
    assert len({number for number, _ in cited}) > 40
    assert not {(number, name) for number, name in cited if number not in numbers}


def test_every_page_that_is_cited_is_there_and_has_the_part() -> None:
    pages = {path.name for path in SPECIFICATION.glob("*.md")}
    cited = [
        (page, part, name)
        for name, text in SOURCES.items()
        for page, part in re.findall(r"`?spec/(\w+\.md)`?(?:, ([A-Z][\w' ]+))?", text)
    ]
    assert len(cited) > 30
    for page, part, name in cited:
        assert page in pages, name
        if part:
            assert any(
                part.startswith(heading.partition(". ")[2] or heading) for heading in headings(page)
            ), (page, part, name)


def test_nothing_but_tests_points_outside_of_the_project() -> None:
    outside = {name for name, text in SOURCES.items() if "../shared" in text or "../contract/" in text}
    assert not {name for name in outside if not name.startswith("tests/")}


def test_the_terms_of_the_specification_are_the_defaults() -> None:
    tomli = pytest.importorskip("tomli")
    text = (SPECIFICATION / "sla.md").read_text(encoding="utf-8")
    assert tomli.loads(text.partition("```toml")[2].partition("```")[0])["contract"] == DEFAULTS


@pytest.fixture(params=CASES, ids=[case["name"] for case in CASES])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def evaluated(case: dict[str, Any], *more: str) -> tuple[bytes, str]:
    """What `slad evaluate` gives of a vector, and what it says."""
    evidence = VECTORS / case["name"] / "evidence.jsonl"
    asked = ["evaluate", str(evidence), "--verify", "--month", case["month"], "--as-of", case["as_of"]]
    result = CliRunner().invoke(main, [*asked, "--format", "json", *more])
    assert result.exit_code == 0, result.stderr
    return bytes(result.stdout_bytes), result.stderr


def published(case: dict[str, Any], file: str) -> bytes:
    return (VECTORS / str(case["name"]) / file).read_bytes()


def test_a_vector_gives_the_published_figures_and_heads(case: dict[str, Any]) -> None:
    figures, said = evaluated(case)
    assert figures == published(case, "figures.json")
    for head in case["heads"].values():
        assert f"{head['seq']} {head['head']}" in said


def test_a_vector_gives_the_published_statement(case: dict[str, Any]) -> None:
    """But for the release of the time-zone data, which is this machine's."""
    made, _ = evaluated(case, "--client", case["client"])
    expected = published(case, "statement.json")
    assert _TIME_ZONES.search(expected)
    assert _TIME_ZONES.sub(b"", made) == _TIME_ZONES.sub(b"", expected)


def test_a_vector_that_was_changed_is_noticed(case: dict[str, Any], tmp_path: Path) -> None:
    text = published(case, "evidence.jsonl").decode()
    changed = tmp_path / "evidence.jsonl"
    changed.write_text(text.replace('"state":"down"', '"state":"up"', 1))
    result = CliRunner().invoke(main, ["verify", str(changed)])
    assert result.exit_code == 1


def test_every_vector_is_described_and_listed() -> None:
    described = re.findall(r"^\| `([\w-]+)` \|", (SPECIFICATION / "vectors.md").read_text(), re.MULTILINE)
    assert described == [case["name"] for case in CASES]
    assert sorted(described) == sorted(path.name for path in VECTORS.iterdir() if path.is_dir())
