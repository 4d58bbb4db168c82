"""How commands ask the running daemon, have it record something, and end when it refuses.

Exit codes of all of them: 0 done; 1 refused, or nothing of that name: nothing was recorded; 2 wrong usage; 3 the daemon
cannot be reached, or did not answer: what was to be recorded may be.
"""

import asyncio
import re
import shlex
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Final, NoReturn, Protocol, TypeVar

from daemon.cli import terminal
from daemon.cli.options import Sending
from daemon.cli.terminal import complain
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import (
    BrokenOffError,
    ControlClient,
    ControlError,
    DaemonUnreachableError,
    Json,
    NotRecordedError,
    RefusedByDaemonError,
    UnconfirmedByDaemonError,
)

EXIT_REFUSED: Final = 1
EXIT_UNREACHABLE: Final = 3
ATTEMPTS: Final = 3
RETRY_S: Final = 1.0
OPTIONS: Final[Mapping[str, str]] = {
    "duration_seconds": "--duration",
    "valid_seconds": "--expires",
    "opened_at": "--at",
    "given_at": "--at",
    "opened_by": "--by",
}
"""Fields of what is recorded that commands call otherwise."""

_Found = TypeVar("_Found")


_INSTANT: Final = re.compile(r"(?<![\"'\w])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z(?![\"'\w])")


class _Confirmable(Protocol):
    async def __call__(self, daemon: ControlClient, *, confirmed: bool) -> Json: ...


def ask(address: ControlAddress, question: Callable[[ControlClient], Awaitable[_Found]]) -> _Found:
    """What the daemon answers; ends the command where it does not."""
    try:
        return _answer(address, question)
    except ControlError as error:
        _end(error)


def record(
    address: ControlAddress,
    path: str,
    body: Mapping[str, object],
    *,
    sending: Sending,
    dry_run: bool = False,
) -> Json:
    """Have the daemon record something, once: where the answer broke off it is asked again under the same key.

    Keys of `body` whose value is None are left out. What the daemon records only when it is confirmed is asked about.
    """
    said, key = _given(body), sending.key or str(uuid.uuid4())
    with nullcontext() if dry_run else _naming_the_key(key):
        return _confirmed(
            address, partial(_recorded, path=path, body=said, key=key, dry_run=dry_run), yes=sending.yes
        )


def record_or_refusal(
    address: ControlAddress,
    path: str,
    body: Mapping[str, object],
    *,
    sending: Sending,
    dry_run: bool = False,
) -> Json | RefusedByDaemonError:
    """As `record`, of one of several things: what the daemon refuses ends nothing."""
    key = sending.key or str(uuid.uuid4())
    try:
        return _answer(
            address,
            partial(_recorded, path=path, body=body, key=key, dry_run=dry_run, confirmed=sending.yes),
        )
    except RefusedByDaemonError as error:
        return error
    except ControlError as error:
        _end(error)


def confirm(doubtful: Iterable[str], question: str, *, yes: bool) -> None:
    """Ask whether what gives pause is meant; ends the command where it is not, or where nobody is there to say so."""
    told = () if yes else tuple(doubtful)
    if not told:
        return
    for each in told:
        complain(for_people(each))
    if not sys.stdin.isatty():
        complain("this may be a slip: nothing was done. Where it is meant, say so with --yes")
    elif terminal.confirm(question):
        return
    sys.exit(EXIT_REFUSED)


def _answer(address: ControlAddress, question: Callable[[ControlClient], Awaitable[_Found]]) -> _Found:
    async def asked() -> _Found:
        async with ControlClient(address) as daemon:
            return await question(daemon)

    return asyncio.run(asked())


def _confirmed(address: ControlAddress, attempt: _Confirmable, *, yes: bool) -> Json:
    """What an attempt gives, that is repeated confirmed where the daemon wants that and somebody does."""
    try:
        return _answer(address, partial(attempt, confirmed=yes))
    except UnconfirmedByDaemonError as error:
        confirm((message for _, message in error.fields), "Record it all the same?", yes=False)
    except ControlError as error:
        _end(error)
    return ask(address, partial(attempt, confirmed=True))


async def _recorded(
    daemon: ControlClient,
    path: str,
    body: Mapping[str, object],
    *,
    key: str,
    dry_run: bool = False,
    confirmed: bool,
) -> Json:
    failure: DaemonUnreachableError | None = None
    may_be_recorded = False
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(RETRY_S)
        try:
            return await daemon.record(path, body, key=key, dry_run=dry_run, confirmed=confirmed)
        except DaemonUnreachableError as error:
            if failure is None and not isinstance(error, BrokenOffError | NotRecordedError):
                raise
            may_be_recorded |= isinstance(error, BrokenOffError)
            failure = error
    assert failure is not None
    if dry_run or not may_be_recorded:
        raise failure
    raise BrokenOffError(f"{failure}; {_again(key)}") from failure


@contextmanager
def _naming_the_key(key: str) -> Iterator[None]:
    """Whoever interrupts a recording learns how to find out what became of it."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"interrupted; {_again(key)}")
        sys.exit(EXIT_UNREACHABLE)


def _again(key: str) -> str:
    return f"it may be on record or not: repeat the command with --idempotency-key {shlex.quote(key)}, and it is recorded once"


def _given(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}


def for_people(text: str) -> str:
    """What the daemon says, with instants as commands show them; what is quoted was typed so."""
    return _INSTANT.sub(lambda found: local(found[0]), text)


def _end(error: ControlError) -> NoReturn:
    fields = error.fields if isinstance(error, RefusedByDaemonError) else ()
    texts = [f"{OPTIONS.get(field, field)}: {message}" if field else message for field, message in fields]
    for text in texts or [str(error)]:
        complain(for_people(text))
    sys.exit(EXIT_UNREACHABLE if isinstance(error, DaemonUnreachableError) else EXIT_REFUSED)
