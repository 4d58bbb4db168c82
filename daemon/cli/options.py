"""Options that several commands have, and what they show on the way."""

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from daemon.control.address import ControlAddress
from daemon.os_faults import refused
from daemon.places import DEFAULT_CONFIG, DEFAULT_SOCKET
from sla.calendars import Month, check_year, parse_month, year_of
from sla.instants import SECOND, Instant, parse_instant
from sla.terms import parse_duration


class NumberType(click.IntRange):
    """A whole number, which is called so where something else is typed."""

    name = "number"


OutputFormat = Literal["text", "json"]
ListFormat = Literal["text", "json", "csv"]

config: Final = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIG,
    show_default=True,
    envvar="SLAD_CONFIG",
    show_envvar=True,
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
list_format: Final = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="For people, in the clients' local times; for programs, in UTC; for spreadsheets.",
)
jobs: Final = click.option(
    "--jobs",
    type=NumberType(min=1, max=64),
    help="How many processes share the work, whose result is the same; by default one a processor, where there is much to do.",
)
_socket: Final = click.option(
    "--socket",
    type=click.Path(path_type=Path),
    default=DEFAULT_SOCKET,
    envvar=["SLAD_SOCKET", "SLAD_CONTROL_SOCKET"],
    show_default=True,
    show_envvar=True,
    help="The daemon's control socket.",
)


def control_address(command: Callable[..., None]) -> Callable[..., None]:
    """Where the daemon answers: `address`, made of its socket or of URL, token and certificate authorities."""

    @functools.wraps(command)
    def with_address(*args: object, **said: Any) -> None:
        door = {name: said.pop(name) for name in _DOOR}
        command(*args, address=address_of(door), **said)

    for option in (_ca_file, _token_file, _url, _socket):
        with_address = option(with_address)
    return with_address


_DOOR: Final = ("socket", "url", "token_file", "ca_file")


def address_of(said: Mapping[str, Any]) -> ControlAddress:
    """Where the daemon answers, by what was said of its door, None where nothing was. Raises click.UsageError."""
    socket, url, token_file, ca_file = (said[name] for name in _DOOR)
    if typed("socket"):
        if typed("url"):
            raise click.UsageError("--socket and --url are two doors: choose one")
        url = None
    if url is None:
        if typed("token_file") or typed("ca_file"):
            raise click.UsageError("--token-file and --ca-file are for --url")
        return ControlAddress(socket=socket)
    if token_file is None:
        raise click.UsageError("--url needs --token-file")
    return ControlAddress(socket=socket, url=_checked_url(url), token=_token_in(token_file), ca_file=ca_file)


def typed(option: str) -> bool:
    """Whether an option was given by hand, and not by the environment or its default."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port = None
    if port is None or (parts.scheme, parts.path.rstrip("/"), parts.query, parts.fragment) != (
        "https",
        "",
        "",
        "",
    ):
        raise click.UsageError("--url must be https://HOST:PORT")
    return f"https://{parts.netloc}"


def _token_in(file: Path) -> str:
    """The token in a file or a pipe. Raises click.UsageError."""
    from daemon.config.secrets import MAX_SECRET_BYTES, Form, secret_in

    try:
        with file.open("rb") as opened:
            token = secret_in(opened.read(MAX_SECRET_BYTES + 1), Form.TOKEN)
    except OSError as error:
        token = f"cannot be read: {refused(error)}"
    if isinstance(token, str):
        raise click.UsageError(f"{file} {token}. It must hold the one line that `slad token` printed")
    return token.get_secret_value()


_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_url = click.option(
    "--url",
    envvar=["SLAD_URL", "SLAD_CONTROL_URL"],
    show_envvar=True,
    metavar="URL",
    help="In place of the socket: the daemon's control door on TCP, https://HOST:PORT.",
)
_token_file = click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    envvar="SLAD_TOKEN_FILE",
    show_envvar=True,
    help="A file with the token for --url; `slad token` makes one.",
)
_ca_file = click.option(
    "--ca-file",
    type=_file,
    envvar="SLAD_CA_FILE",
    show_envvar=True,
    help="The authorities, in PEM form, that vouch for --url; else the system's.",
)


class InstantWithZone(click.ParamType[str]):
    """An instant with a zone, as RFC 3339 writes it, or as commands show it; seconds may be left out here."""

    name = "instant"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The instant in RFC 3339."""
        text = _TO_THE_MINUTE.sub(r"\1:00\2", _AS_SHOWN.sub(r"\1T", value))
        try:
            parse_instant(text)
        except ValueError:
            self.fail(
                f"{value!r} is no instant with a zone: write one such as 2026-12-01T23:30-05:00", param, ctx
            )
        return text


_AS_SHOWN: Final = re.compile(r"^(\d{4}-\d{2}-\d{2}) ")
_TO_THE_MINUTE: Final = re.compile(r"^(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2})([Zz]|[+-]\d{2}:\d{2})$")
INSTANT: Final = InstantWithZone()


class _DurationType(click.ParamType[int]):
    """A length of time, in seconds."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seconds of a whole number and a unit, such as `90m`."""
        try:
            return parse_duration(value) // SECOND
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION: Final = _DurationType()


def example(command: str) -> str:
    """An epilog that shows a command line as it is, for it to work when it is pasted."""
    return f"\b\nExample:\n  {command}"


class _IdempotencyKeyType(click.ParamType[str]):
    """An idempotency key, as a header can hold it."""

    name = "key"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The key as it is."""
        if not _KEY.fullmatch(value):
            self.fail("a key has 1 to 200 printable ASCII characters, and no blank at its ends", param, ctx)
        return value


_KEY: Final = re.compile(r"(?=.{1,200}\Z)[!-~]([ -~]*[!-~])?")
yes: Final = click.option("--yes", is_flag=True, help="It is meant, whatever there would be to ask.")
_idempotency_key: Final = click.option(
    "--idempotency-key",
    "key",
    type=_IdempotencyKeyType(),
    metavar="KEY",
    help="The key that an unanswered attempt named, so that it is recorded once.",
)


class Sending(NamedTuple):
    """How a recording is sent: under the key of an attempt that was not answered, and whether it is confirmed at once."""

    key: str | None
    yes: bool


def sending(command: Callable[..., None]) -> Callable[..., None]:
    """How a recording is sent: `sending`, made of the key and of what is confirmed."""

    @functools.wraps(command)
    def with_sending(*args: object, key: str | None, yes: bool, **rest: object) -> None:
        command(*args, sending=Sending(key=key, yes=yes), **rest)

    for option in (yes, _idempotency_key):
        with_sending = option(with_sending)
    return with_sending


ledger: Final = click.option(
    "--ledger",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A ledger that no daemon has open, in place of the daemon's.",
)


class MonthType(click.ParamType[Month]):
    """`YYYY-MM`."""

    name = "YYYY-MM"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        """See click."""
        try:
            month = parse_month(value)
            check_year(month.year, value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return month


class InstantType(click.ParamType[Instant]):
    """An instant as `InstantWithZone` takes it, in a year that slad judges."""

    name = "INSTANT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Instant:
        """See click."""
        at = parse_instant(INSTANT.convert(value, param, ctx))
        try:
            check_year(year_of(at), value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return at
