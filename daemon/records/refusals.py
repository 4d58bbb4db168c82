"""Why a request was refused, with the field and what is allowed.

RefusedError        the request asks for something that may not be recorded
  NotFoundError     what its path names is not there
  ConflictError     it contradicts what is on record
    UnconfirmedError  it may be meant, and has to be confirmed
NotRecordingError   nothing can be recorded now
AmbiguousNameError  a name is that of several servers
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import ClassVar, Final, NamedTuple

CONFIRMED: Final = "confirmed"
"""The parameter that confirms a request, and the field that is at fault where it is missing."""


class FieldFault(NamedTuple):
    """What is wrong with one field, and what is allowed. `field` is empty where it is about the whole request."""

    field: str
    message: str


def told(faults: Iterable[FieldFault]) -> str:
    """All faults in a sentence."""
    return "; ".join(f"{name}: {message}" if name else message for name, message in faults)


class RefusedError(Exception):
    """The request may not be recorded: every fault of it."""

    status: ClassVar = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, faults: Iterable[FieldFault]) -> None:
        """With at least one."""
        self.faults = tuple(faults)
        super().__init__(told(self.faults))


class NotFoundError(RefusedError):
    """What the path names is not there."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(RefusedError):
    """It contradicts what is on record."""

    status = HTTPStatus.CONFLICT


class UnconfirmedError(ConflictError):
    """It is recorded only when it is confirmed: the faults say what gives pause."""

    def __init__(self, questions: Iterable[str]) -> None:
        """With at least one."""
        super().__init__(FieldFault(CONFIRMED, question) for question in questions)


class AmbiguousNameError(LookupError):
    """Several servers answer to a name."""

    def __init__(self, message: str, candidates: Iterable[str]) -> None:
        """`candidates`: the ids that would have been unambiguous."""
        super().__init__(message)
        self.candidates = tuple(candidates)


NOTHING_RECORDED: Final = "nothing was recorded"
"""How the message of a NotRecordingError begins where that is sure."""


class NotRecordingError(Exception):
    """Nothing can be recorded now; the message says why, and whether the request may have been recorded."""


@dataclass(frozen=True, slots=True)
class FieldFaults:
    """Gathers faults, so that all are told at once."""

    found: list[FieldFault] = field(default_factory=list)

    def add(self, name: str, message: str) -> None:
        self.found.append(FieldFault(name, message))


@contextmanager
def all_faults() -> Iterator[FieldFaults]:
    """Raises RefusedError at the end for what was added."""
    faults = FieldFaults()
    yield faults
    if faults.found:
        raise RefusedError(faults.found)
