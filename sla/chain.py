"""The hash chain that makes a rewrite of the evidence show (`spec/evidence.md`, Proof).

A ledger keeps each record as its *body*: the line of `sla.evidence.encode` with a random `salt` of its own as its last key. The
record's digest is the SHA-256 of the body's UTF-8 bytes; its chain value is the SHA-256 of the chain value before it
and the digest. The first record's predecessor is `GENESIS`. An exported line is the body with `seq` and `chain` as
its last two keys. A record that an export leaves out shows as an `omitted` line, which carries the digest in place of
the body; the salt keeps anybody from guessing what was left out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

GENESIS: Final = bytes(32)
"""The chain value before the first record."""
SALT_BYTES: Final = 16
"""Of the salt that each record has for itself: whoever knows one digest and all the other records tries 2^128 salts in vain."""

_PROOF: Final = re.compile(r',"seq":(\d{1,18}),"chain":"([0-9a-f]{64})"\}$', re.ASCII)
_OMITTED: Final = re.compile(r'\{"kind":"omitted","digest":"([0-9a-f]{64})"', re.ASCII)


class ChainBrokenError(Exception):
    """A line does not follow from the one before it; the message says which, and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One record's place in the chain."""

    seq: int
    digest: bytes
    chain: bytes


def salted(line: str, salt: str) -> str:
    """The body of a record: its line with the salt."""
    return f'{line[:-1]},"salt":"{salt}"}}'


def has_own_salt(body: str) -> bool:
    """Whether a record has a salt for itself: of old one, half as long, served a whole transaction."""
    return len(body.rpartition(',"salt":"')[2]) == 2 * SALT_BYTES + len('"}')


def digest_of(body: str) -> bytes:
    """The digest of a body."""
    return sha256(body.encode()).digest()


def linked(previous: bytes, digest: bytes) -> bytes:
    """The chain value of a record."""
    return sha256(previous + digest).digest()


def exported(body: str, seq: int, chain: bytes) -> str:
    """The line of an export for a record."""
    return f'{body[:-1]},"seq":{seq},"chain":"{chain.hex()}"}}'


def omitted(digest: bytes, seq: int, chain: bytes) -> str:
    """The line of an export for a record that is not the reader's."""
    return f'{{"kind":"omitted","digest":"{digest.hex()}","seq":{seq},"chain":"{chain.hex()}"}}'


def link_of(line: str) -> Link | None:
    """The place in the chain that an exported line claims; None for a line that carries no proof."""
    proof = _PROOF.search(line)
    if proof is None:
        return None
    hidden = _OMITTED.match(line)
    digest = bytes.fromhex(hidden[1]) if hidden else digest_of(line[: proof.start()] + "}")
    return Link(seq=int(proof[1]), digest=digest, chain=bytes.fromhex(proof[2]))


def verified_head(links: Iterable[Link]) -> Link | None:
    """The last of `links` once every one of them follows from the one before it; None where there is none.

    An export may begin in the middle of a ledger: the chain value of its first line is then taken as given.
    Raises ChainBrokenError.
    """
    before: Link | None = None
    for link in links:
        if before is None:
            if link.seq == 1 and link.chain != linked(GENESIS, link.digest):
                raise ChainBrokenError("record 1 was changed: it does not hash to its chain value")
        elif link.seq != before.seq + 1:
            raise ChainBrokenError(
                f"record {before.seq + 1} is missing: record {link.seq} follows {before.seq}"
            )
        elif link.chain != linked(before.chain, link.digest):
            raise ChainBrokenError(
                f"record {link.seq} was changed, or one before it: it does not hash to its chain value"
            )
        before = link
    return before
