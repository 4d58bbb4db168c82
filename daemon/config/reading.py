"""A slad.toml as the text and the TOML that it is: what of that is wrong is told with its line."""

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import tomli

from daemon.config.problems import ConfigError, Problem
from daemon.config.slips import slip_of
from daemon.os_faults import refused

_MAX_FILE_BYTES: Final = 4 * 1024 * 1024


def read_text(path: Path) -> str:
    """What a file says. Raises ConfigError for one that cannot be read, is too large or is no UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, 1, f"cannot be read: {refused(error)}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise _unreadable(path, 1, f"is larger than {_MAX_FILE_BYTES} bytes")
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, line, "is not UTF-8: save the file as UTF-8") from None


def parsed(text: str) -> Mapping[str, object]:
    """The tables that it has. Raises TOMLDecodeError, RecursionError."""
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError:
        raise
    except ValueError:  # what Python says of a number with thousands of digits
        raise tomli.TOMLDecodeError("A number is too long", text, 0) from None


@contextmanager
def told_by_line(path: Path, text: str) -> Iterator[None]:
    """Have what is no TOML be a ConfigError that says what is wrong, and where."""
    try:
        yield
    except tomli.TOMLDecodeError as error:
        raise _unreadable(path, *slip_of(text, error)) from None
    except RecursionError:
        raise _unreadable(path, 1, "is nested too deeply") from None


def _unreadable(path: Path, line: int, text: str) -> ConfigError:
    return ConfigError([Problem(file=path, line=line, key="", text=text)])
