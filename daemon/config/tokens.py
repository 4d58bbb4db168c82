"""What the values of `[[control.token]]` become, and whether a certificate and a key belong together.

The readers raise ValueError, whose message becomes the text after `file:line: key:`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Protocol, TypeVar

from pydantic import BeforeValidator

from daemon.config.values import SHA_256, shown
from sla.calendars import parse_day
from sla.instants import DAY, Instant


class _HasName(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> bytes: ...


_Tokens = TypeVar("_Tokens", bound=Sequence[_HasName])


def _digest(value: object) -> bytes:
    if not isinstance(value, str) or not SHA_256.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is no SHA-256: write the 64 hexadecimal digits that `slad token` prints, not the token"
        )
    return bytes.fromhex(value)


def _end_of_last_day(value: object) -> Instant:
    try:
        day = parse_day(value.isoformat() if type(value) is date else str(value))
    except ValueError:
        raise ValueError(f"{shown(value)} is no date: write the last day, such as 2027-12-31") from None
    return Instant((day + 1) * DAY)


def tokens_once(tokens: _Tokens) -> _Tokens:
    """The tokens again; raises ValueError where a name or a hash is there twice."""
    for position, token in enumerate(tokens):
        for before in tokens[:position]:
            if token.name == before.name:
                raise ValueError(
                    f"{shown(token.name)} is the name of two tokens: records would not tell them apart"
                )
            if token.sha256 == before.sha256:
                raise ValueError(f"{shown(before.name)} and {shown(token.name)} have the same hash")
    return tokens


Digest = Annotated[bytes, BeforeValidator(_digest)]
LastDay = Annotated[Instant, BeforeValidator(_end_of_last_day)]
"""The first instant at which a token does not hold any more: the end of its last day in UTC."""
