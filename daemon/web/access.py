"""Who may pass the public door: basic auth, client certificates' names, the rate limit."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import bcrypt
from pydantic import SecretStr

from daemon.clock import Clock
from sla.instants import SECOND

_REMEMBERED: Final = 128
_NOBODY: Final = "$2b$10$" + "." * 53
"""Compared for users that do not exist, so that the time taken does not tell."""


class PasswordCheck:
    """Checks of bcrypt hashes: in a thread, one at a time, each answer remembered.

    What is remembered is a keyed digest of user, hash and password: the passwords themselves are not kept. The wrong ones are
    remembered apart from the right ones, so that no number of them has a right one hashed again.
    """

    def __init__(self, check: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        """Nothing remembered. `check`: whether a hash is that of a password."""
        self._check = check
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bool, dict[bytes, None]] = {True: {}, False: {}}
        self._one_at_a_time = asyncio.Lock()

    async def passes(self, header: str | None, users: Mapping[str, SecretStr]) -> bool:
        """Whether an Authorization header names one of `users` with its password."""
        credentials = _credentials(header or "")
        if credentials is None:
            return False
        user, password = credentials
        known = user in users
        hashed = users[user].get_secret_value() if known else _NOBODY
        message = b"\0".join(part.encode() for part in (user, hashed, password))
        digest = hmac.digest(self._key, message, hashlib.sha256)
        for answer, digests in self._remembered.items():
            if digest in digests:
                return known and answer
        async with self._one_at_a_time:
            answer = await asyncio.to_thread(self._matches, password, hashed)
        digests = self._remembered[answer]
        if len(digests) >= _REMEMBERED:
            del digests[next(iter(digests))]
        digests[digest] = None
        return known and answer

    def _matches(self, password: str, hashed: str) -> bool:
        try:
            return self._check(password.encode(), hashed.encode())
        except ValueError:  # longer than the 72 bytes that bcrypt looks at
            return False


class Bucket:
    """A token bucket: as many requests at once as `burst`, then one every interval."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._empty_until_us: int | None = None

    def take(self, interval_s: float, burst: int) -> bool:
        """Whether one more request is allowed now."""
        interval_us = round(interval_s * SECOND)
        if interval_us == 0:
            return True
        now = self._clock.monotonic_us()
        full_at = now - burst * interval_us
        level_at = full_at if self._empty_until_us is None else max(full_at, self._empty_until_us)
        if level_at + interval_us > now:
            return False
        self._empty_until_us = level_at + interval_us
        return True


def has_allowed_name(certificate: Mapping[str, Any] | None, allowed: Iterable[str]) -> bool:
    """Whether a client's certificate has one of the allowed subject alternative names."""
    names = {value for _, value in (certificate or {}).get("subjectAltName", ())}
    return not names.isdisjoint(allowed)


def _credentials(header: str) -> tuple[str, str] | None:
    """User and password of a Basic Authorization header (RFC 7617), or None for anything else."""
    scheme, _, encoded = header.partition(" ")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if scheme.lower() == "basic" and colon else None
