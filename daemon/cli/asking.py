"""How commands ask the running daemon, have it record something, and end when it refuses.

Exit codes of all of them: 0 done; 1 refused, or nothing of that name: nothing was recorded; 2 wrong usage; 3 the daemon
cannot be reached, or broke off its answer.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar

import click

from daemon.control_client import (
    BrokenOffError,
    ControlClient,
    ControlError,
    Door,
    RefusedError,
    UnreachableError,
)

EXIT_REFUSED: Final = 1
EXIT_UNREACHABLE: Final = 3
ATTEMPTS: Final = 3
RETRY_S: Final = 1.0

_Answer = TypeVar("_Answer")


def ask(door: Door, question: Callable[[ControlClient], Awaitable[_Answer]]) -> _Answer:
    """What the daemon answers; ends the command where it does not."""

    async def asked() -> _Answer:
        async with ControlClient(door) as daemon:
            return await question(daemon)

    try:
        return asyncio.run(asked())
    except ControlError as error:
        _end(error)


def record(
    door: Door, path: str, body: Mapping[str, object], *, key: str | None = None, dry_run: bool = False
) -> Any:
    """Have the daemon record something, once: where the answer broke off it is asked again under the same key.

    Keys of `body` whose value is None are left out.
    """
    key = key or str(uuid.uuid4())
    given = {name: value for name, value in body.items() if value is not None}

    async def recorded(daemon: ControlClient) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await daemon.record(path, given, key=key, dry_run=dry_run)
            except BrokenOffError as error:
                if attempt == ATTEMPTS:
                    message = (
                        f"{error}; it may have been recorded: repeat the command with --idempotency-key {key}"
                    )
                    raise BrokenOffError(message) from error
                await asyncio.sleep(RETRY_S)
        raise AssertionError("unreachable")

    return ask(door, recorded)


def show_json(answer: object) -> None:
    """An answer as JSON on stdout."""
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def _end(error: ControlError) -> NoReturn:
    fields = error.fields if isinstance(error, RefusedError) else ()
    for text in [f"{field}: {message}" if field else message for field, message in fields] or [str(error)]:
        click.echo(f"slad: {text}", err=True)
    sys.exit(EXIT_UNREACHABLE if isinstance(error, UnreachableError) else EXIT_REFUSED)
