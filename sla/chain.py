"""The hash chain that makes a rewrite of the evidence show (`spec/evidence.md`, Proof).

A ledger keeps each record as its *body*: the line of `sla.evidence.encode` with a random `salt` of its own as its last key. The
record's digest is the SHA-256 of the body's UTF-8 bytes; its chain value is the SHA-256 of the chain value before it
and the digest. The first record's predecessor is `GENESIS`. An exported line is the body with `seq` and `chain` as
its last two keys. A record that an export leaves out shows as an `omitted` line, which carries the digest in place of
the body; the salt keeps anybody from guessing what was left out.

Lines of several ledgers may stand in one file, in any order of the ledgers: each has a chain of its own. The name stands
before `seq`, and is no part of the body: a ledger need not know how others call it. Where a body has it, it is that.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sla.values import of_ledger

GENESIS: Final = bytes(32)
"""The chain value before the first record."""
SALT_BYTES: Final = 16
"""Of the salt that each record has for itself: whoever knows one digest and all the other records tries 2^128 salts in vain."""

_PROOF: Final = re.compile(
    r'(?:,"ledger":("(?:[^"\\]|\\.)*"))?,"seq":(\d{1,18}),"chain":"([0-9a-f]{64})"\}$', re.ASCII
)
_OMITTED: Final = re.compile(r'\{"kind":"omitted","digest":"([0-9a-f]{64})"', re.ASCII)


class ChainBrokenError(Exception):
    """A line does not follow from the one before it; the message says which, and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One record's place in the chain of its ledger."""

    ledger: str
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


def exported(body: str, seq: int, chain: bytes, ledger: str = "") -> str:
    """The line of an export for a record."""
    return f"{body[:-1]}{_proof(seq, chain, ledger)}"


def omitted(digest: bytes, seq: int, chain: bytes, ledger: str = "") -> str:
    """The line of an export for a record that is not the reader's."""
    return f'{{"kind":"omitted","digest":"{digest.hex()}"{_proof(seq, chain, ledger)}'


def _proof(seq: int, chain: bytes, ledger: str) -> str:
    named = f',"ledger":{json.dumps(ledger, ensure_ascii=False)}' if ledger else ""
    return f'{named},"seq":{seq},"chain":"{chain.hex()}"}}'


def link_of(line: str) -> Link | None:
    """The place in the chain that an exported line claims; None for a line that carries no proof."""
    proof = _PROOF.search(line)
    if proof is None:
        return None
    hidden = _OMITTED.match(line)
    body = line[: proof.start()] + "}"
    ledger = _ledger_named(f'{{"ledger":{proof[1]}}}' if proof[1] else body)
    if ledger is None:
        return None
    digest = bytes.fromhex(hidden[1]) if hidden else digest_of(body)
    return Link(ledger=ledger, seq=int(proof[2]), digest=digest, chain=bytes.fromhex(proof[3]))


def _ledger_named(text: str) -> str | None:
    """The ledger that an object names, "" where it names none; None where it is no name that could be told."""
    if '"ledger"' not in text:
        return ""
    try:
        ledger = json.loads(text).get("ledger") or ""
        ledger.encode()
    except (AttributeError, RecursionError, ValueError):
        return None
    return str(ledger)


class Chains:
    """The chains of some lines that follow on each other."""

    def __init__(self) -> None:
        """Of no line yet."""
        self.firsts: dict[str, Link] = {}
        """Of each ledger."""
        self.heads: dict[str, Link] = {}
        """The last link of each ledger, in the order of their first."""

    def take(self, link: Link) -> None:
        """Take that of the next line. Raises ChainBrokenError."""
        _check_follows(link, self.heads.get(link.ledger))
        self.firsts.setdefault(link.ledger, link)
        self.heads[link.ledger] = link

    def join(self, later: "Chains") -> None:
        """Take those of the lines that come next. Raises ChainBrokenError."""
        for ledger, first in later.firsts.items():
            _check_follows(first, self.heads.get(ledger))
            self.firsts.setdefault(ledger, first)
        self.heads |= later.heads


def verified_heads(links: Iterable[Link]) -> dict[str, Link]:
    """The last link of each ledger, once every one of them follows from the one before it; in the order of their first.

    An export may begin in the middle of a ledger: the chain value of its first line is then taken as given.
    Raises ChainBrokenError.
    """
    chains = Chains()
    for link in links:
        chains.take(link)
    return chains.heads


def _check_follows(link: Link, before: Link | None) -> None:
    of = of_ledger(link.ledger)
    if before is None:
        if link.seq == 1 and link.chain != linked(GENESIS, link.digest):
            raise ChainBrokenError(f"record 1{of} was changed: it does not hash to its chain value")
    elif link.seq != before.seq + 1:
        raise ChainBrokenError(
            f"record {before.seq + 1}{of} is missing: record {link.seq} follows {before.seq}"
        )
    elif link.chain != linked(before.chain, link.digest):
        raise ChainBrokenError(
            f"record {link.seq}{of} was changed, or one before it: it does not hash to its chain value"
        )
