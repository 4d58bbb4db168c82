"""Options that several commands have, and what they show on the way."""

import functools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

import click

from daemon.config import DEFAULT_PATH
from daemon.control import DEFAULT_SOCKET
from daemon.control_client import Door
from sla.instants import parse_instant

Format = Literal["text", "json"]

config: Final = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    envvar="SLAD_CONFIG",
    help="The configuration.",
)
output_format: Final = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
socket: Final = click.option(
    "--socket",
    type=click.Path(path_type=Path),
    default=DEFAULT_SOCKET,
    envvar="SLAD_CONTROL_SOCKET",
    show_default=True,
    show_envvar=True,
    help="The daemon's control socket.",
)


def door(command: Callable[..., None]) -> Callable[..., None]:
    """Where the daemon answers: `door`, made of its socket or of URL, token and certificate authorities."""

    @functools.wraps(command)
    def with_door(
        *args: object,
        socket: Path,
        url: str | None,
        token_file: Path | None,
        ca_file: Path | None,
        **rest: object,
    ) -> None:
        if url is None and (token_file or ca_file):
            raise click.UsageError("--token-file and --ca-file are for --url")
        if url is not None and (not url.startswith("https://") or token_file is None):
            raise click.UsageError("--url must begin with https:// and needs --token-file")
        token = "" if token_file is None else token_file.read_text(encoding="utf-8").strip()
        command(
            *args,
            door=Door(socket=socket, url=(url or "").rstrip("/"), token=token, ca_file=ca_file),
            **rest,
        )

    for option in (_ca_file, _token_file, _url, socket):
        with_door = option(with_door)
    return with_door


_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_url = click.option(
    "--url",
    envvar="SLAD_CONTROL_URL",
    show_envvar=True,
    help="The daemon's TCP control door, https://HOST:PORT.",
)
_token_file = click.option(
    "--token-file",
    type=_file,
    envvar="SLAD_TOKEN_FILE",
    show_envvar=True,
    help="A file with the token for --url.",
)
_ca_file = click.option(
    "--ca-file",
    type=_file,
    envvar="SLAD_CA_FILE",
    show_envvar=True,
    help="Whom to trust for --url, in PEM form.",
)


class Instant(click.ParamType[str]):
    """An instant with a zone, as RFC 3339 writes it; seconds may be left out here."""

    name = "instant"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The instant in RFC 3339."""
        text = _TO_THE_MINUTE.sub(r"\1:00\2", value)
        try:
            parse_instant(text)
        except ValueError:
            self.fail(
                f"{value!r} is no instant with a zone: write one such as 2026-12-01T23:30-05:00", param, ctx
            )
        return text


_TO_THE_MINUTE: Final = re.compile(r"^(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2})([Zz]|[+-]\d{2}:\d{2})$")
INSTANT: Final = Instant()


def quoted(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


idempotency_key: Final = click.option(
    "--idempotency-key",
    "key",
    metavar="KEY",
    help="The key of an attempt before this one, so that it is recorded once.",
)
ledger: Final = click.option(
    "--ledger",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A ledger that no daemon has open, in place of the daemon's.",
)

_TOLD_EVERY: Final = 50_000


def progress(what: str, *, every: int = _TOLD_EVERY) -> Callable[[int], None]:
    """What is told how many are done: it shows some numbers, with `what` behind, where somebody is watching stderr."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(done: int) -> None:
        if done % every == 0:
            click.echo(f"\r{done:,} {what}", err=True, nl=False)

    return show
