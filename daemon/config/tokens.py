"""What the values of `[[control.token]]` become, and whether a certificate and a key belong together.

The readers raise ValueError, whose message becomes the text after `file:line: key:`.
"""

import re
import ssl
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Protocol, TypeVar

from pydantic import BeforeValidator

from daemon.config.values import shown
from sla.calendars import parse_day
from sla.instants import DAY, Instant

_SHA_256: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


class _HasName(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> bytes: ...


_Tokens = TypeVar("_Tokens", bound=Sequence[_HasName])


def _digest(value: object) -> bytes:
    if not isinstance(value, str) or not _SHA_256.fullmatch(value):
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


def check_pair(cert_file: Path, key_file: Path) -> None:
    """Raises ValueError where the key is not that of the certificate, or cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except ssl.SSLError:
        raise ValueError(f"{key_file} holds no key to the certificate in {cert_file}") from None


def _no_passphrase() -> str:
    """OpenSSL would ask on the terminal."""
    raise ValueError("the key in key_file is encrypted, and there is no way to give its passphrase")


Digest = Annotated[bytes, BeforeValidator(_digest)]
LastDay = Annotated[Instant, BeforeValidator(_end_of_last_day)]
"""The first instant at which a token does not hold any more: the end of its last day in UTC."""
