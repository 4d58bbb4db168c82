"""Writes the manual: `python -m deploy.manual.build FOLDER DATE` makes `man/` and `completion/` in the folder."""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from click.shell_completion import get_completion_class

from daemon.cli import main as commands
from deploy.manual import markdown
from deploy.manual.commands import command_pages
from deploy.manual.roff import Page

DOCS: Final = Path(__file__).parents[2] / "docs"
COMPLETIONS: Final[Mapping[str, str]] = {"bash": "slad", "zsh": "_slad", "fish": "slad.fish"}
"""Shells, and how each wants the file to be called."""


def main() -> None:
    """Write everything. The date is YYYY-MM-DD."""
    folder, date = Path(sys.argv[1]), sys.argv[2]
    for page in pages(date):
        file = folder / "man" / f"man{page.section}" / page.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page.text(), encoding="utf-8")
    for shell, name in COMPLETIONS.items():
        file = folder / "completion" / shell / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(completion(shell), encoding="utf-8")


def pages(date: str) -> list[Page]:
    """Every page of the manual."""
    source = f"slad {version('slad')}"
    configuration = Page("slad.toml", 5)
    configuration.head(date=date, source=source)
    markdown.write(configuration, (DOCS / "slad.toml.md").read_text(encoding="utf-8"))
    return [*command_pages(date=date, source=source), configuration]


def completion(shell: str) -> str:
    """What a shell reads to complete command lines of slad: it asks the program itself."""
    found = get_completion_class(shell)
    assert found is not None
    return found(commands, {}, "slad", "_SLAD_COMPLETE").source().lstrip()


if __name__ == "__main__":
    main()
