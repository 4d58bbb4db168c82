"""Whose a statement is: as a file says, or as the running daemon does."""

import sys
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

from daemon.cli.terminal import tell
from daemon.config.letterhead import Letterhead, letterhead_of
from daemon.config.loading import load_provider
from daemon.config.pictures import Picture
from daemon.config.problems import ConfigError
from daemon.control.address import ControlAddress
from daemon.languages import LanguageName


def letterhead_in(file: Path | None, language: LanguageName | None) -> Letterhead:
    """The letterhead in a file, or none; where it is bad, that is told on stderr, and the process ends with 1."""
    try:
        letterhead = Letterhead() if file is None else letterhead_of(load_provider(file))
    except ConfigError as error:
        for problem in error.problems:
            tell(str(problem))
        sys.exit(1)
    return _in_language(letterhead, language)


def letterhead_told(address: ControlAddress, client: str, language: LanguageName | None) -> Letterhead:
    """The letterhead for a client, as the daemon has it; ends the command where that does not answer."""
    from daemon.cli.asking import ask  # who asks no daemon does without its client

    told = ask(address, lambda daemon: daemon.letterhead(client))
    logo = told["logo"]
    letterhead = Letterhead(
        name=told["name"],
        address=tuple(told["address"]),
        logo=None if logo is None else Picture(logo["kind"], b64decode(logo["content"])),
        language=told["language"],
    )
    return _in_language(letterhead, language)


def _in_language(letterhead: Letterhead, language: LanguageName | None) -> Letterhead:
    return letterhead if language is None else replace(letterhead, language=language)
