"""How commands ask the running daemon, have it record something, and end when it refuses.

Exit codes of all of them: 0 done; 1 refused, or nothing of that name: nothing was recorded; 2 wrong usage; 3 the daemon
cannot be reached, or did not answer: what was to be recorded may be.
"""

import asyncio
import shlex
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Final, NoReturn, TypeVar

from daemon.cli.lone_servers import with_solution_id
from daemon.cli.terminal import complain
from daemon.control.client import (
    BrokenOffError,
    ControlAddress,
    ControlClient,
    ControlError,
    DaemonUnreachableError,
    Json,
    RefusedByDaemonError,
)

EXIT_REFUSED: Final = 1
EXIT_UNREACHABLE: Final = 3
ATTEMPTS: Final = 3
RETRY_S: Final = 1.0

_Found = TypeVar("_Found")


def ask(address: ControlAddress, question: Callable[[ControlClient], Awaitable[_Found]]) -> _Found:
    """What the daemon answers; ends the command where it does not."""

    async def asked() -> _Found:
        async with ControlClient(address) as daemon:
            return await question(daemon)

    try:
        return asyncio.run(asked())
    except ControlError as error:
        _end(error)


def record(
    address: ControlAddress,
    path: str,
    body: Mapping[str, object],
    *,
    key: str | None = None,
    dry_run: bool = False,
) -> Json:
    """Have the daemon record something, once: where the answer broke off it is asked again under the same key.

    Keys of `body` whose value is None are left out.
    """
    said, key = _given(body), key or str(uuid.uuid4())
    with nullcontext() if dry_run else _naming_the_key(key):
        return ask(address, lambda daemon: _recorded(daemon, path, said, key=key, dry_run=dry_run))


def record_of_solution(
    address: ControlAddress, path: str, body: Mapping[str, object], *, key: str | None = None
) -> Json:
    """As `record`; the `solution` may be the name of a server that is sold alone."""
    said, key = _given(body), key or str(uuid.uuid4())

    async def recorded(daemon: ControlClient) -> Json:
        named = await with_solution_id(daemon, path, said, key=key)
        return await _recorded(daemon, path, named, key=key)

    with _naming_the_key(key):
        return ask(address, recorded)


async def _recorded(
    daemon: ControlClient, path: str, body: Mapping[str, object], *, key: str, dry_run: bool = False
) -> Json:
    broken_off: DaemonUnreachableError | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(RETRY_S)
        try:
            return await daemon.record(path, body, key=key, dry_run=dry_run)
        except BrokenOffError as error:
            broken_off = error
        except DaemonUnreachableError as error:
            if broken_off is None:
                raise
            broken_off = error
    assert broken_off is not None
    if dry_run:
        raise broken_off
    raise BrokenOffError(f"{broken_off}; {_again(key)}") from broken_off


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


def _end(error: ControlError) -> NoReturn:
    fields = error.fields if isinstance(error, RefusedByDaemonError) else ()
    for text in [f"{field}: {message}" if field else message for field, message in fields] or [str(error)]:
        complain(text)
    sys.exit(EXIT_UNREACHABLE if isinstance(error, DaemonUnreachableError) else EXIT_REFUSED)
