"""A program that seals the records of a ledger up to two numbers, as two months, and shrinks it (PATH FIRST SECOND)."""

import sys
from pathlib import Path

from daemon.ledger import Compaction, SealedMonth

MONTHS = ("2026-01", "2026-02")


def compacted(path: Path, *lasts: int) -> list[SealedMonth]:
    """What is sealed that was not before."""
    with Compaction(path) as compaction:
        for _ in compaction.replay():
            pass
        sealed = [
            compaction.seal(month, last, lambda _: None)
            for month, last in zip(MONTHS, lasts, strict=False)
            if last > compaction.sealed_until
        ]
        compaction.shrink()
        return sealed


if __name__ == "__main__":
    compacted(Path(sys.argv[1]), *map(int, sys.argv[2:]))
