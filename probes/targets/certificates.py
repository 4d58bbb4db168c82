"""When the certificates that a server is trusted by come to an end."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sla.instants import SECOND, Instant


class _Certificate(Protocol):
    """A certificate of Python's `_ssl`."""

    def get_info(self) -> Mapping[str, object]:
        """The same as `getpeercert` gives of the leaf."""
        ...


def chain_ends_at(tls: ssl.SSLObject) -> Instant | None:
    """The first instant at which the chain of a verified peer no longer holds: one of its certificates has ended.

    The chain is the one that was verified, from the leaf to the authority that is trusted. What a server sends besides, such
    as an old root, holds nothing up, and what it leaves out is found among those that are trusted. None where Python cannot
    read any of it.
    """
    readers: list[Callable[[], object]] = [tls.getpeercert]
    readers += [each.get_info for each in _verified_chain(tls)]
    return min((end for read in readers if (end := _ended(read)) is not None), default=None)


def _verified_chain(tls: ssl.SSLObject) -> Sequence[_Certificate]:
    """Python offers the chain since 3.13, and in bytes alone; the object below has had it since 3.10."""
    get: object = getattr(getattr(tls, "_sslobj", None), "get_verified_chain", None)
    return get() or () if callable(get) else ()


def _ended(read: Callable[[], object]) -> Instant | None:
    """The instant after `notAfter`, which is the last second that counts (RFC 5280 §4.1.2.5)."""
    try:
        certificate = read()
        if not isinstance(certificate, Mapping):
            return None
        return Instant((ssl.cert_time_to_seconds(str(certificate.get("notAfter"))) + 1) * SECOND)
    except (ValueError, OSError):  # it has something that OpenSSL verifies, and Python cannot show
        return None
