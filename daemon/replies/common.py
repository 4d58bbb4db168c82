"""What all replies have in common: instants are RFC 3339 in UTC, durations are seconds and their names say so.

The docstrings and descriptions of this room are those of the OpenAPI document.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from daemon.pacing import paced
from sla.document import seconds
from sla.instants import Instant, format_instant
from sla.records import State

At = Annotated[
    Instant,
    PlainSerializer(format_instant, return_type=str),
    Field(json_schema_extra={"format": "date-time"}),
]
Seconds = Annotated[int, PlainSerializer(seconds, return_type=int | float)]
"""Microseconds, shown as seconds."""
Ratio = Annotated[str, Field(description="A decimal, rounded down.")]
StateWord = Annotated[
    State,
    PlainValidator(State),
    PlainSerializer(lambda state: state.word, return_type=Literal["up", "down", "unknown"]),
]


class Reply(BaseModel):
    """What all have in common."""

    # Commands import the models with the table of operations, and build none.
    model_config = ConfigDict(frozen=True, serialize_by_alias=True, defer_build=True)

    def as_json(self) -> bytes:
        """The reply as it is sent, in UTF-8."""
        return self.model_dump_json().encode()


def with_rows(reply: Reply, rows: Iterable[bytes]) -> bytes:
    """A reply whose last key is an empty list, as it is sent with rows in that: there may be many, made one by one."""
    return reply.as_json().removesuffix(b"[]}") + b"[" + b",".join(rows) + b"]}"


async def filled(reply: Reply, rows: Iterable[Reply | None]) -> bytes:
    """A reply whose last key is an empty list, with its rows; made in slices, for there may be many."""
    return with_rows(reply, [row.as_json() async for row in paced(rows) if row is not None])


async def listed(name: str, rows: Iterable[Reply | None]) -> bytes:
    """An object with one key, the rows; made in slices."""
    made = [row.as_json() async for row in paced(rows) if row is not None]
    return b'{"%b":[%b]}' % (name.encode(), b",".join(made))


class FieldError(Reply):
    """What is wrong with a field, and what is allowed; the field is empty where it is about the whole request."""

    field: str
    message: str


class Error(Reply):
    """Why a request was refused: a sentence, and every field that is at fault. What is empty is left out."""

    error: str
    errors: tuple[FieldError, ...] = ()
    candidates: tuple[str, ...] = Field(
        default=(), description="Where a name means several servers: their ids, each of which means one."
    )

    def as_json(self) -> bytes:
        """Without what is empty."""
        return self.model_dump_json(exclude_defaults=True).encode()


class Receipt(Reply):
    """When it was recorded, by whom, as which record of the ledger; null where `dry_run` is true."""

    dry_run: bool = False
    recorded_at: At | None
    recorded_by: str | None
    seq: int | None


class WithdrawalReceipt(Receipt):
    """A withdrawal that was recorded, of what has this id."""

    id: str
    why: str


class WithdrawalStatus(Reply):
    """The withdrawal of what is as if never recorded since."""

    why: str
    recorded_at: At
    recorded_by: str
