"""The man pages: whole, and without a warning by either of the two programs that show them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.manual.build import pages
from deploy.manual.roff import Page, filled
from tests.daemon.cli.recording import run
from tests.daemon.cli.test_help import COMMANDS
from tests.peers import require

DATE = "2026-12-01"
PAGES = {page.file: page for page in pages(DATE)}


def shown(page: Page) -> str:
    """A page as mandoc shows it, on one line."""
    require(shutil.which("mandoc"), "mandoc is not installed")
    result = subprocess.run(
        ["mandoc", "-Tutf8", "-Owidth=1000"], input=page.text(), check=True, capture_output=True, text=True
    )
    return " ".join(re.sub(".\b", "", result.stdout).split())


def test_there_is_a_page_of_every_command_and_of_the_configuration() -> None:
    assert set(PAGES) == {"slad.1", "slad.toml.5"} | {f"slad-{'-'.join(path)}.1" for path in COMMANDS}


def test_what_is_built_is_what_a_folder_gets(tmp_path: Path) -> None:
    build = (sys.executable, "-m", "deploy.manual.build", str(tmp_path), DATE)
    subprocess.run(build, check=True, cwd=Path(__file__).parents[2])
    files = {file.name: file.read_text() for file in tmp_path.glob("man/man*/*")}
    assert files == {name: page.text() for name, page in PAGES.items()}
    assert {file.name for file in tmp_path.glob("completion/*/*")} == {"slad", "_slad", "slad.fish"}


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_mandoc_and_groff_have_nothing_to_say_of_a_page(page: Page, tmp_path: Path) -> None:
    file = tmp_path / page.file
    file.write_text(page.text())
    for program, *options in (
        ("mandoc", "-Tlint", "-Wwarning"),
        ("groff", "-K", "utf8", "-man", "-ww", "-z", "-Tutf8"),
    ):
        require(shutil.which(program), f"{program} is not installed")
        result = subprocess.run([program, *options, file], check=False, capture_output=True, text=True)
        assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_a_page_says_what_help_says(path: tuple[str, ...]) -> None:
    text = shown(PAGES[f"{'-'.join(('slad', *path))}.1"])
    helped = run(*path, "--help").stdout
    for option in re.findall(r"^  (?:-h, )?(--\S+)", helped, re.MULTILINE):
        assert option in text
    usage = re.search(r"Usage: \w+ *(.*?)\n\n", helped, re.DOTALL)
    assert usage is not None
    assert " ".join(usage[1].split()) in text
    example = helped.partition("\n  Example:\n")[2]
    assert " ".join(example.split()) in text


def test_a_page_refers_to_pages_that_there_are() -> None:
    for page in PAGES.values():
        referred = re.findall(r"\\fB([\w\\.-]+)\\fR\((\d)\)", page.text())
        assert referred
        assert {f"{name}.{section}".replace("\\-", "-") for name, section in referred} <= set(PAGES)


@pytest.mark.parametrize(
    "text", [".TH is no request", "'tis", r"C:\new \fBbold\fR", "a 'b' `c` \"d\" ^ ~ - -- --option -x", "\\"]
)
def test_every_character_is_itself(text: str) -> None:
    page = Page("odd", 7)
    page.head(date=DATE, source="odd")
    page.heading("NAME")
    page.lines.append(r"odd \- odd")
    page.heading(text)
    page.paragraph(text.replace("`", ""))
    page.item(filled(text.replace("`", "")), text.replace("`", ""))
    page.verbatim([text, "", text])
    assert shown(page).count(" ".join(text.replace("`", "").split())) >= 3
    assert shown(page).count(text) >= 2


def test_marks_of_markdown_become_fonts() -> None:
    assert filled("a `code` and **bold `too`** and *this* of [a page](page.md), `2*3*4`") == (
        r"a \fBcode\fR and \fBbold \fBtoo\fR\fR and \fIthis\fR of a page, \fB2*3*4\fR"
    )
