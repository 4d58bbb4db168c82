"""Options of the commands that make statements, and where what they make goes: to stdout, or whole into files."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, NoReturn, get_args

import click

from daemon.cli.terminal import complain, is_watched, show_bytes
from daemon.languages import LanguageName
from daemon.os_faults import refused
from daemon.statements.layouts import Files, Layout

EXIT_NOT_MADE: Final = 1
EXIT_NO_SERVICE: Final = 4
"""No server was in service with the client in the month."""

_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644

_layout = click.option(
    "--format",
    "layout",
    type=click.Choice([each.value for each in Layout]),
    callback=lambda _context, _option, value: Layout(value),
    default=Layout.TEXT.value,
    show_default=True,
    help="For people, or for programs. html, pdf and csv are of one client.",
)
_output = click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    callback=lambda _context, _option, value: None if value == Path("-") else value,
    help="A file in place of stdout; of csv a folder, for servers.csv and outages.csv.",
)
_language = click.option(
    "--language",
    type=click.Choice(get_args(LanguageName)),
    help="Of words, dates and numbers; by default the client's, else the provider's.",
)
_letterhead = click.option(
    "--letterhead",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Whose statement it is: a file with the table [provider], such as slad.toml.",
)


def layout_options(command: Callable[..., None]) -> Callable[..., None]:
    """`layout`, `output`, `language` and the file `letterhead`."""
    for option in (_letterhead, _language, _output, _layout):
        command = option(command)
    return command


def check_output(layout: Layout, client: str | None, output: Path | None) -> None:
    """Before anything is worked out: whether there is a place for what will be made. Raises click.UsageError."""
    if client is None and layout not in (Layout.TEXT, Layout.JSON):
        raise click.UsageError(f"--format {layout} is of one client: say --client")
    if layout is Layout.CSV and output is None:
        raise click.UsageError("--format csv makes two files: say --output FOLDER")
    if layout is Layout.PDF and output is None and is_watched():
        raise click.UsageError("a PDF is nothing for a terminal: say --output FILE, or send it elsewhere")


def deliver(files: Files, output: Path | None) -> None:
    """Put files to stdout or to `output`: whole, or not at all. Where that fails the process ends with a sentence."""
    if output is None:
        for content in files.values():
            show_bytes(content)
        return
    try:
        if set(files) == {""}:
            _replace({output: files[""]})
        else:
            _make_folder(output)
            _replace({output / name: content for name, content in files.items()})
    except IsADirectoryError as error:
        not_made(
            f"{error.filename}: is a folder, and a file is to be written: move it, or name another place"
        )
    except OSError as error:
        not_made(f"{output}: {refused(error)}")


def _make_folder(place: Path) -> None:
    """Raises OSError; where a file has its place the process ends with a sentence."""
    try:
        place.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    except FileExistsError:
        not_made(f"{place}: is no folder, and a folder of files is to be written: name another place")


def not_made(message: str) -> NoReturn:
    """End the command that could not make a statement."""
    complain(message)
    sys.exit(EXIT_NOT_MADE)


def nothing_told(month: object, client: str | None) -> NoReturn:
    """End the command whose statement has nothing in it."""
    whose = "" if client is None else f" with client {client}"
    complain(f"nothing is on record of {month}: no server was in service{whose} then")
    sys.exit(EXIT_NO_SERVICE)


def _replace(contents: dict[Path, bytes]) -> None:
    """Write files beside their places, and move them there once all are written. Raises OSError."""
    if len(contents) == 1:
        ((place, content),) = contents.items()
        if place.exists() and not place.is_file():
            place.write_bytes(content)  # a pipe or a device: there is nothing to be moved to
            return
    for place in contents:
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(place))
    written: dict[Path, Path] = {}
    try:
        for link, content in contents.items():
            place = link.resolve()  # what a link leads to, and not the link
            with NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as file:
                written[place] = Path(file.name)
                file.write(content)
                os.fchmod(file.fileno(), _FILE_MODE & ~_umask())
        for place, temporary in written.items():
            temporary.replace(place)
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
