"""Statements of the running daemon: of one record of the ledger, whatever happens while they are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from daemon.config.config import Config
from daemon.ledger import Head
from daemon.statements import documents as room
from daemon.statements.documents import Documents, MovingError
from sla.calendars import Month
from sla.client_document import NoDocumentError
from sla.instants import Instant
from sla.records import ClientId
from tests.daemon.config.configured import WHOLE, read
from tests.daemon.config.pictures import PNG
from tests.daemon.statements.told import parsed
from tests.sla.stories import at, book_of, client, says, seen, server

C, ACME = ClientId("c"), ClientId("acme")
MARCH = Month(2026, 3)
NOW = at("2026-04-02T00:00:00Z")


@dataclass
class Evidence:
    """What a ledger and the book beside it hold; a head is asked for one after the other."""

    in_ledger: Sequence[int] = (7,)
    in_book: Sequence[int] = (7,)
    sealed: int = 0
    unsealed: int = 0
    """So often a watermark comes before the seal is looked at."""
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.evidence = book_of(
            [client(), server(), says("up", "2026-03-01T05:00:00Z"), seen("2026-04-01T12:00:00Z")]
        )
        self._heads, self._in_book = iter(self.in_ledger), iter(self.in_book)
        self._last = [0, 0]

    @property
    def head(self) -> Head:
        return self._next(self._heads, 0)

    @property
    def heads(self) -> dict[str, Head]:
        return {"": Head(self._last[0], bytes([self._last[0]]) * 32)}

    def head_in_book(self) -> Head:
        return self._next(self._in_book, 1)

    def _next(self, heads: Any, which: int) -> Head:
        self._last[which] = next(heads, self._last[which])
        return Head(self._last[which], bytes([self._last[which]]) * 32)

    async def seal(self) -> None:
        self.sealed += 1

    @property
    def is_sealed(self) -> bool:
        return self.sealed > self.unsealed

    def now(self) -> Instant:
        return NOW


def documents(evidence: Evidence, config: Config) -> Documents:
    part = cast(Any, evidence)
    return Documents(
        config, clock=part, ledger=part, book=part, head_in_book=evidence.head_in_book, seal=evidence.seal
    )


@pytest.fixture
def config(folder: Path) -> Config:
    return read(folder, WHOLE)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_WAIT_S", 0)


async def test_a_document_names_the_record_that_the_book_had_taken(config: Config) -> None:
    evidence = Evidence()
    said = parsed(await documents(evidence, config).document(C, MARCH, None))
    assert said["statement"]["ledgers"] == [{"ledger": "", "seq": 7, "head": "07" * 32}]
    assert said["statement"]["as_of"] == "2026-04-02T00:00:00Z"
    assert said["summary"]["met"] == 1
    assert evidence.sealed == 1


async def test_it_waits_until_the_book_has_taken_the_ledger(config: Config) -> None:
    """A batch is in the ledger, and is being taken; and one comes while it is copied."""
    evidence = Evidence(in_ledger=(7, 8, 9, 9, 9), in_book=(6, 8, 9))
    said = parsed(await documents(evidence, config).document(C, MARCH, None))
    assert said["statement"]["ledgers"][0]["seq"] == 9


async def test_it_waits_until_the_chain_tells_how_far_all_was_seen(config: Config) -> None:
    """Else nobody could make it again of the records up to the one that it names."""
    evidence = Evidence(unsealed=3)
    await documents(evidence, config).document(C, MARCH, None)
    assert evidence.sealed == 4


async def test_evidence_that_never_rests_is_told(config: Config) -> None:
    evidence = Evidence(in_ledger=range(1, 1000), in_book=range(1, 1000))
    with pytest.raises(MovingError, match="ask again in a while"):
        await documents(evidence, config).document(C, MARCH, None)


async def test_what_will_be_known_is_not_known_and_who_is_nobody_has_none(config: Config) -> None:
    made = documents(Evidence(), config)
    with pytest.raises(NoDocumentError, match=r"What will be known at 2026-04-02T00:00:00\.000001Z"):
        await made.document(C, MARCH, Instant(NOW + 1))
    with pytest.raises(NoDocumentError, match="no client 'nobody'"):
        await made.document(ClientId("nobody"), MARCH, None)
    with pytest.raises(NoDocumentError, match="has not begun"):
        await made.document(C, Month(2026, 5), None)


async def test_the_letterhead_follows_the_configuration(folder: Path, config: Config) -> None:
    made = documents(Evidence(), config)
    assert made.letterhead(ACME).language == "en"
    (folder / "logo.png").write_bytes(PNG)
    provider = '[provider]\nname = "Nordhost"\nlogo = "logo.png"\nlanguage = "en_CA"\n'
    made.adopt(read(folder, WHOLE.replace("[[rule]]", 'language = "fr"\n[[rule]]') + provider))
    assert (made.letterhead(ACME).language, made.letterhead(ACME).name) == ("fr", "Nordhost")
    assert made.letterhead(ClientId("former")).language == "en_CA"
    said = parsed(await made.document(C, MARCH, None))
    assert said["statement"]["provider"] == {"name": "Nordhost", "address": []}
