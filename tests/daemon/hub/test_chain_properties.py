"""Whatever is sent again, overlaps, comes too early or is cut: the store's chain is the ledger's, up to some record."""

from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.daemon.hub.stores import PASSWORD, TestStore, body, chained, make_store
from tests.peers.postgres import Postgres

RECORDS = 12
OURS = chained([body(number) for number in range(RECORDS)])


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    return await make_store(server, tmp_path, "mon1")


@st.composite
def sends(draw: st.DrawFn) -> tuple[int, int, int | None, bool]:
    """From which record to which, which of them is another one, and whether the transaction is cut off before its end."""
    first = draw(st.integers(0, RECORDS - 1))
    end = draw(st.integers(first + 1, RECORDS))
    forged = draw(st.none() | st.integers(0, RECORDS - 1))
    return first, end, forged, draw(st.booleans())


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(st.lists(sends(), max_size=12))
def test_the_store_is_always_a_beginning_of_the_ledger(
    store: TestStore, story: list[tuple[int, int, int | None, bool]]
) -> None:
    with store.owner() as owner:
        owner.execute("TRUNCATE slad.line")
        owner.execute("UPDATE slad.ledger SET seq = 0, chain = decode(repeat('00', 32), 'hex')")
    has = 0
    conninfo = store.server.conninfo(store.name, "slad-mon1") + f" password={PASSWORD}"
    with psycopg.connect(conninfo) as monitor:
        for first, end, forged, is_cut in story:
            lines = OURS
            if forged is not None:
                bodies = [
                    body(number) if number != forged else body(number, salt="f" * 32)
                    for number in range(RECORDS)
                ]
                lines = chained(bodies)
            sent = lines[first:end]
            answer = monitor.execute(
                "SELECT outcome, seq, chain FROM slad.slad_append('mon1', %s, %b::text[], %b)",
                (first + 1, [line.body for line in sent], sent[-1].chain),
            ).fetchone()
            if is_cut:
                monitor.rollback()
                continue
            monitor.commit()
            is_ours = forged is None or forged >= end
            if first > has:
                expected = "gap"
            elif is_ours:
                expected, has = "appended", max(has, end)
            elif forged is not None and forged >= has:
                expected = (
                    "appended"  # what goes on from all that it has is believed: from here on it is the ledger
                )
            else:
                expected = "diverged"
            assert answer is not None
            if expected == "appended" and not is_ours:
                return
            assert answer[0] == expected
            assert answer[1] == has
            assert store.lines() == OURS[:has]
