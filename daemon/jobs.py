"""A command's work, shared out to processes that are forked: all that it needs is there already, only results are sent.

For commands alone, which have no threads and no loop.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_T = TypeVar("_T")


class JobLostError(Exception):
    """A process that did a share of the work ended without a result; the message is for people."""


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def shared_out(jobs: int, work: Callable[[int], _T]) -> list[_T]:
    """What `work` gives for each number below `jobs`, in order: for 0 here, for each other in a process of its own.

    Raises JobLostError, and what the work raises here.
    """
    import multiprocessing

    fork = multiprocessing.get_context("fork")
    children = []
    for number in range(1, jobs):
        receiver, sender = fork.Pipe(duplex=False)
        child = fork.Process(target=_send, args=(sender, work, number), daemon=True)
        child.start()
        sender.close()
        children.append((child, receiver))
    try:
        return [work(0), *(_received(receiver) for _, receiver in children)]
    finally:
        for child, receiver in children:
            receiver.close()
            child.kill()  # where all went well it has ended
            child.join()


def _send(sender: "Connection[object, object]", work: Callable[[int], object], number: int) -> None:
    sender.send(work(number))


def _received(receiver: "Connection[_T, _T]") -> _T:
    try:
        return receiver.recv()
    except EOFError:
        raise JobLostError(
            "A process that did a share of the work was killed: --jobs 1 needs less memory."
        ) from None
