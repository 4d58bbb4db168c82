"""Tokens: secrets of 256 random bits, so that a plain SHA-256 of one may be kept: nobody finds the token from that."""

import hashlib
import secrets
from typing import Final, NamedTuple

_PREFIX: Final = "slad_"
"""What secret scanners, and people, tell a token by."""
_BYTES: Final = 32


class NewToken(NamedTuple):
    """A token to hand out, and the digest that is kept of it, in hexadecimal."""

    token: str
    sha256: str


def new_token() -> NewToken:
    """A new random token; its characters may stand in a path."""
    token = _PREFIX + secrets.token_urlsafe(_BYTES)
    return NewToken(token, digest_of_token(token).hex())


def digest_of_token(token: str) -> bytes:
    """The SHA-256 of what somebody shows as a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
