"""Solutions by the names of servers: a server that is sold alone is a solution, whose id is the server's."""

from collections.abc import Mapping, Sequence
from typing import Final

from daemon.control.client import (
    AmbiguousAnswerError,
    ControlClient,
    Json,
    RefusedByDaemonError,
    UnknownNameError,
)

_MOST_NAMESAKES: Final = 100
"""Servers of one name that are looked at; their clients tell them apart."""


async def with_solution_id(
    daemon: ControlClient, path: str, body: Mapping[str, object], *, key: str
) -> Mapping[str, object]:
    """A body with `client` and `solution`: a solution that is only the name of a lone server becomes that server's id.

    What the daemon itself knows as a solution stays, and what is nothing, for it to refuse: that is asked by a dry run.
    Raises ControlError, of which RefusedByDaemonError where several lone servers of the client have the name.
    """
    client, name = str(body["client"]), str(body["solution"])
    lone = [
        server["server"]
        for server in await _called(daemon, name)
        if server["client"] == client and not server["solution"]
    ]
    if not lone or lone == [name] or await _is_solution(daemon, path, body, key=key):
        return body
    if len(lone) > 1:
        message = (
            f"{len(lone)} servers of client {client} have this name: name one by its id, {', '.join(lone)}"
        )
        raise RefusedByDaemonError(f"solution: {message}", [("solution", message)])
    return {**body, "solution": lone[0]}


async def _called(daemon: ControlClient, name: str) -> Sequence[Json]:
    """The servers that have an id or a name."""
    try:
        return [await daemon.server(name)]
    except AmbiguousAnswerError as error:
        return [await daemon.server(each) for each in error.candidates[:_MOST_NAMESAKES]]
    except UnknownNameError:
        return []


async def _is_solution(daemon: ControlClient, path: str, body: Mapping[str, object], *, key: str) -> bool:
    """Whether the daemon would not refuse the body for its solution."""
    try:
        await daemon.record(path, body, key=key, dry_run=True)
    except RefusedByDaemonError as error:
        return all(field != "solution" for field, _ in error.fields)
    return True
