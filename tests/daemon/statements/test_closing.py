"""Which months of a ledger are closed, and why the others are not."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import count

import pytest

from daemon.config.letterhead import Letterhead
from daemon.ledger import LedgerDamagedError, Stored
from daemon.statements.closing import LedgerMonth, months_of
from daemon.statements.judging import imprint_of, judged
from sla.calendars import parse_month
from sla.client_document import client_document
from sla.evidence import encode
from sla.instants import Instant, parse_instant
from sla.records import ClientId, Issued
from tests.sla.stories import Line, book_of, client, exclusion, in_order, records_of, says, seen, server

NOW = parse_instant("2030-01-01T00:00:00Z")
EVIDENCE: Sequence[Line] = (
    client("c", "America/Toronto", recorded_at="2026-01-10T00:00:00Z"),
    client("quiet", "UTC", recorded_at="2026-01-10T00:00:00Z"),
    client("unassigned", "UTC", recorded_at="2026-01-10T00:00:00Z"),
    server("s", "2026-02-01T05:00:00Z", client="c", recorded_at="2026-01-10T00:00:00Z"),
    server("u", "2026-02-01T05:00:00Z", client="unassigned", recorded_at="2026-01-10T00:00:00Z"),
    says("up", "2026-02-01T05:00:00Z"),
    says("down", "2026-02-10T05:00:00Z"),
    says("up", "2026-02-10T06:00:00Z"),
    says("down", "2026-03-10T05:00:00Z"),
    says("up", "2026-03-10T06:00:00Z"),
    says("down", "2026-05-10T05:00:00Z"),
    says("up", "2026-05-10T06:00:00Z"),
    seen("2026-05-20T00:00:00Z"),
)
LATE = exclusion("x1", "force_majeure", "2026-02-10T05:00:00Z", "2026-02-10T05:30:00Z") | {
    "recorded_at": "2026-05-19T12:00:00Z"
}
"""It changes February, and is recorded after that was issued."""


def document(month: str, lines: Sequence[Line] = EVIDENCE) -> bytes:
    judgement = judged(book_of(lines), month=parse_month(month), as_of=parse_instant("2026-05-18T00:00:00Z"))
    return client_document(judgement, ClientId("c"), imprint_of(Letterhead(), ())).encode()


def issued(month: str, content: bytes) -> Issued:
    return Issued(
        client=ClientId("c"),
        month=month,
        as_of=parse_instant("2026-05-18T00:00:00Z"),
        version=1,
        sha256=sha256(content).hexdigest(),
        recorded_at=parse_instant("2026-05-19T00:00:00Z"),
    )


def found(
    *more: Line,
    documents: Mapping[str, bytes] = {},
    kept: bool = True,
    keep: int = 1,
    now: Instant = NOW,
) -> list[LedgerMonth]:
    """What is found of the evidence with more lines behind the statements that are issued; `kept`: their bytes are there."""
    *records, last = records_of(in_order(EVIDENCE))
    every = [
        *records,
        *(issued(month, content) for month, content in documents.items()),
        *records_of([*EVIDENCE, *more])[len(EVIDENCE) :],
        last,
    ]
    bodies = (encode(each) for each in every)
    stored: list[Stored] = [(seq, body, None) for seq, body in zip(count(1), bodies, strict=False)]
    by_hash = {sha256(content).hexdigest(): content for content in documents.values()} if kept else {}
    return months_of(stored, by_hash.get, keep=keep, now=now)


def why(months: Sequence[LedgerMonth]) -> dict[str, str]:
    return {str(each.month): each.open for each in months}


ALL_ISSUED = {month: document(month) for month in ("2026-02", "2026-03")}


def test_a_month_is_closed_once_it_is_old_and_issued() -> None:
    months = found(documents=ALL_ISSUED, keep=1)
    assert why(months) == {"2026-01": "", "2026-02": "", "2026-03": ""}
    assert [each.last for each in months] == [5, 8, 10], "April has no record"


def test_one_that_is_not_issued_keeps_itself_and_all_behind_it() -> None:
    assert why(found(documents={"2026-03": ALL_ISSUED["2026-03"]})) == {
        "2026-01": "",
        "2026-02": "its statement for client c is not issued: slad statement issue c --month 2026-02",
        "2026-03": "comes after 2026-02",
    }


@pytest.mark.parametrize(("keep", "kept"), [(1, 0), (2, 1), (3, 2), (4, 3), (25, 3)])
def test_so_many_whole_months_are_kept_whatever_is_issued(keep: int, kept: int) -> None:
    told = list(why(found(documents=ALL_ISSUED, keep=keep)).values())
    assert [text.startswith("is kept: it is no more than") for text in told] == [False] * (3 - kept) + [
        True
    ] * kept


def test_months_are_counted_back_from_the_clock_where_evidence_is_of_the_future() -> None:
    now = parse_instant("2026-03-15T00:00:00Z")
    assert why(found(documents=ALL_ISSUED, keep=1, now=now)) == {
        "2026-01": "",
        "2026-02": "is kept: it is no more than 1 month old",
        "2026-03": "is kept: it is no more than 1 month old",
    }


def test_a_figure_that_is_another_one_since_has_to_be_issued_first() -> None:
    told = why(found(LATE, documents=ALL_ISSUED))
    assert "figures are others than version 1 of its statement for client c says" in told["2026-02"]
    assert told["2026-03"] == "comes after 2026-02"


def test_evidence_that_changes_no_figure_holds_nothing_up() -> None:
    again = says("up", "2026-02-20T05:00:00Z")
    assert why(found(again, documents=ALL_ISSUED)) == {"2026-01": "", "2026-02": "", "2026-03": ""}


def test_what_cannot_be_compared_is_not_closed() -> None:
    told = why(found(LATE, documents=ALL_ISSUED, kept=False))
    assert "whose bytes are not in the ledger to compare with" in told["2026-02"]
    told = why(found(LATE, documents={**ALL_ISSUED, "2026-02": b"no JSON"}))
    assert told["2026-02"].endswith("cannot be compared: slad did not make it")


def test_a_month_ends_at_the_first_record_behind_it_however_late_others_come() -> None:
    """So what is recorded late of a month is among the records of a later one, and no record is in two."""
    months = found(
        says("up", "2026-02-20T05:00:00Z"), says("up", "2026-06-01T00:00:00Z"), documents=ALL_ISSUED
    )
    assert [(str(each.month), each.last) for each in months][2:] == [("2026-03", 10), ("2026-05", 15)]


def nothing(_: str) -> None:
    """No bytes of any statement."""


def test_an_empty_ledger_has_no_month() -> None:
    assert months_of([], nothing, keep=1, now=NOW) == []


def test_a_record_that_is_none_is_damage() -> None:
    with pytest.raises(LedgerDamagedError, match="record 1 is no valid evidence"):
        months_of([(1, '{"kind":"?"}', None)], nothing, keep=1, now=NOW)
