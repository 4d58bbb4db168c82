"""What the store takes, and what it refuses: the chain as PostgreSQL computes it, whoever appends, however often."""

from pathlib import Path

import psycopg
import pytest

from daemon.hub.states import HubError, HubState
from daemon.ledger import Head
from sla.chain import GENESIS, salted
from sla.evidence import encode
from sla.instants import Instant
from sla.records import Witness
from tests.daemon.hub.stores import PASSWORD, TestStore, body, chained, founding, make_store
from tests.peers.postgres import Postgres
from tests.waiting import until


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    return await make_store(server, tmp_path, "mon1", "mon2")


async def test_lines_are_appended_in_order_and_the_chain_is_computed_again(store: TestStore) -> None:
    lines = chained([body(number) for number in range(5)])
    monitor = await store.open()
    assert await monitor.head() == Head(0, GENESIS)
    assert await monitor.append(lines[:2]) == ("appended", Head(2, lines[1].chain))
    assert await monitor.append(lines[2:]) == ("appended", Head(5, lines[4].chain))
    assert store.lines() == lines
    assert await monitor.lines(0, 100) == lines
    assert await monitor.lines(3, 1) == lines[3:4]
    assert await monitor.chain_of(4) == lines[3].chain
    assert await monitor.chain_of(6) is None
    await monitor.close()


async def test_a_repeat_and_an_overlap_change_nothing_but_what_is_new(store: TestStore) -> None:
    lines = chained([body(number) for number in range(6)])
    monitor = await store.open()
    await monitor.append(lines[:4])
    for again in (lines[:4], lines[1:3], lines[3:4]):
        assert await monitor.append(again) == ("appended", Head(4, lines[3].chain))
    assert await monitor.append(lines[2:]) == ("appended", Head(6, lines[5].chain))
    assert store.lines() == lines
    await monitor.close()


async def test_a_gap_is_refused(store: TestStore) -> None:
    lines = chained([body(number) for number in range(4)])
    monitor = await store.open()
    await monitor.append(lines[:1])
    assert await monitor.append(lines[2:]) == ("gap", Head(1, lines[0].chain))
    assert store.lines() == lines[:1]
    await monitor.close()


@pytest.mark.parametrize("changed", range(4))
async def test_a_line_that_is_another_one_is_refused_wherever_it_is(store: TestStore, changed: int) -> None:
    """Of those that the store has, and of those before the first that comes."""
    lines = chained([body(number) for number in range(6)])
    other = chained([body(number, salt="" if number < changed else "f" * 32) for number in range(6)])
    monitor = await store.open()
    await monitor.append(lines[:4])
    for rewritten in (other, other[3:], other[4:]):
        assert await monitor.append(rewritten) == ("diverged", Head(4, lines[3].chain))
    assert store.lines() == lines[:4]
    await monitor.close()


async def test_bodies_that_do_not_come_to_the_monitors_head_are_refused(store: TestStore) -> None:
    lines = chained([body(number) for number in range(2)])
    monitor = await store.open()
    for damaged in (
        lines[0]._replace(body=body(7)),
        lines[0]._replace(chain=bytes(32)),
        lines[0]._replace(chain=b""),
    ):
        assert (await monitor.append([damaged]))[0] == "diverged"
    assert store.lines() == []
    await monitor.close()


async def test_texts_that_postgresql_has_no_characters_for_are_kept_as_they_are(store: TestStore) -> None:
    odd = [
        '{"kind":"event","text":"\\u0000","salt":"0"}',
        '{"kind":"event","text":"half a pair: \\ud83d","salt":"1"}',
        '{"kind":"event","text":"a pair: \\ud83d\\ude00, a backslash: \\\\u0000 \\\\","salt":"2"}',
        '{"kind":"event","text":"ünïcode \U0001f600 e\\u0301 e\u0301","salt":"3"}',
        '{"kind":"event","number":1e400000,"salt":"4"}',
        '{"kind":"event","text":"' + "x" * 1_000_000 + '","salt":"5"}',
    ]
    lines = chained(odd)
    monitor = await store.open()
    assert (await monitor.append(lines))[0] == "appended"
    assert store.lines() == lines
    await monitor.close()


async def test_what_is_no_json_and_what_is_no_line_is_refused(store: TestStore) -> None:
    monitor = await store.open()
    with pytest.raises(HubError, match="json"):
        await monitor.append(chained(["{"]))
    with pytest.raises(HubError, match="numbered from 1"):
        await monitor.append(chained([body(1)], first=0))
    assert (await monitor.append(chained([body(1)])))[0] == "appended", "the connection is of use still"
    await monitor.close()


@pytest.mark.parametrize(
    "array", ["NULL", "'{}'", "ARRAY['{}', NULL]", "ARRAY[['{}', '{}']]", "'[2:3]={x,y}'"]
)
async def test_an_array_that_is_no_plain_list_is_refused(store: TestStore, array: str) -> None:
    """As whoever has the role could send, to have the head count lines that are not there."""
    monitor = await store.open()
    for head in ("''", "sha256('')"):
        with pytest.raises(HubError):
            await monitor._asked(f"SELECT slad.slad_append('mon1', 1, {array}::text[], {head})")
    assert await monitor.head() == Head(0, GENESIS)
    await monitor.close()


async def test_nobody_appends_for_another_observer(store: TestStore) -> None:
    forger = await store.open("mon2")
    await forger.head()
    for attempt in (
        forger._asked("SELECT slad.slad_append('mon1', 1, ARRAY['{}'], '')"),
        forger._asked("SELECT slad.slad_head('mon1', 'x')"),
        forger._asked("SELECT slad.slad_lines('mon1', 0, 10)"),
        forger._asked("SELECT slad.slad_chain('mon1', 1)"),
        forger._asked("SELECT slad.slad_own_watermarks('mon1')"),
        forger._asked("SELECT slad.slad_bare('mon1')"),
        forger._asked("SELECT slad.slad_document('mon1', '')"),
        forger._asked("SELECT slad.slad_watermarks('mon1', 'x', 0, '{}', '{}', '{}')"),
        forger._asked("SELECT slad.slad_head('nobody', 'x')"),
        forger.append(chained([body(1, observer="mon1")])),  # in its own ledger, in the other's name
        forger.append(chained(['{"kind":"observation","observer":"mo\\u006e1"}'])),
    ):
        with pytest.raises(HubError) as refused:
            await attempt
        assert refused.value.state is HubState.NOT_ALLOWED
    assert store.rows("SELECT count(*) FROM slad.line") == [(0,)]
    await forger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM slad.line",
        "SELECT * FROM slad.ledger",
        "DELETE FROM slad.line",
        "UPDATE slad.ledger SET seq = 0",
        "INSERT INTO slad.watermark VALUES (1, 'a', 'b', 1)",
        "SELECT * FROM slad.slad_tail(0, NULL, 1)",
        "SELECT slad.make_partitions(now())",
        "SELECT * FROM slad.issued",
        "SELECT * FROM slad.document",
        "SELECT slad.keep_documents(NULL, '{}')",
        "SELECT slad.take(NULL, 1, '{}', '{}', 1, now())",
        "CREATE TABLE slad.mine ()",
        "SET ROLE owner",
        "SET SESSION AUTHORIZATION owner",
    ],
)
async def test_a_monitor_touches_nothing_but_by_its_functions(store: TestStore, statement: str) -> None:
    conninfo = store.server.conninfo(store.name, "slad-mon1") + f" password={PASSWORD}"
    with psycopg.connect(conninfo) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


async def test_functions_find_what_they_mean_whatever_is_on_the_callers_path(store: TestStore) -> None:
    conninfo = store.server.conninfo(store.name, "slad-mon1") + f" password={PASSWORD}"
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'")
        connection.execute(
            "CREATE TEMP TABLE ledger AS SELECT 1 AS number, 'mon2'::text AS name, 'slad-mon1'::text AS role"
        )
        connection.execute("SET search_path = pg_temp, public, pg_catalog")
        line = chained([body(1)])[0]
        found = connection.execute(
            "SELECT outcome FROM slad.slad_append('mon1', 1, %s::text[], %b)", ([line.body], line.chain)
        ).fetchone()
        assert found == ("appended",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT slad.slad_head('mon2', 'x')")


async def test_two_processes_that_speak_by_turns_are_both_told(store: TestStore) -> None:
    """A restart is none: the process before it says nothing any more."""
    one, restarted, other = [await store.open("mon1", name) for name in ("one", "restarted", "other")]
    for each, is_shared in (
        (one, False),
        (one, False),
        (restarted, False),
        (other, False),
        (restarted, True),
        (other, True),
    ):
        await each.put_watermarks(0, {})
        assert each.is_shared is is_shared
    with store.owner() as owner:
        owner.execute("UPDATE slad.ledger SET shared_at = shared_at - interval '11 minutes'")
    await other.head()
    assert not other.is_shared, "it is over"
    for each in (one, restarted, other):
        await each.close()


def _found(store: TestStore, after: int = 0, buckets: str = "NULL", most: int = 100) -> list[int]:
    return [seq for (seq,) in store.rows(f"SELECT seq FROM slad.slad_tail({after}, {buckets}, {most})")]


async def test_the_tail_gives_a_shard_its_clients_lines_and_those_for_all(store: TestStore) -> None:
    def salt(record: object, number: int) -> str:
        return salted(encode(record), f"{number:032x}")  # type: ignore[arg-type]

    records = [*founding("acme", "s1"), *founding("beta", "s2")]
    bodies = [salt(record, number) for number, record in enumerate(records)]
    bodies += [body(1, server="s1"), body(2, server="s2"), '{"kind":"blind"}', body(3, server="s1")]
    monitor = await store.open()
    await monitor.append(chained(bodies))
    acme, beta = (f"ARRAY[slad.bucket_of('{client}')]" for client in ("acme", "beta"))
    assert _found(store) == list(range(1, 9))
    assert _found(store, after=5, most=2) == [6, 7]
    assert _found(store, buckets=acme) == [1, 2, 5, 7, 8]
    assert _found(store, buckets=beta) == [3, 4, 6, 7]
    assert _found(store, buckets=acme, after=2, most=2) == [5, 7]
    moved = founding("beta", "s1")[1]
    await monitor.append(chained([salt(moved, 9), body(4, server="s1")], chained(bodies)[-1].chain, 9))
    for buckets in (acme, beta):
        assert _found(store, after=8, buckets=buckets) == [9, 10], "of a server that had two clients, both"
    await monitor.close()


async def test_the_tail_reads_no_more_than_it_gives(store: TestStore) -> None:
    """Of all lines and of a shard's: by an index, however many lines there are before."""
    monitor = await store.open()
    await monitor.append(chained([body(number) for number in range(5000)]))
    await monitor.close()
    with store.owner() as owner:
        owner.execute("ANALYZE slad.line")

    def read() -> tuple[int, int]:
        """How many lines were read by reading all, and how many by an index."""
        ((whole, by_index),) = store.rows(
            "SELECT sum(seq_tup_read), sum(idx_tup_fetch) FROM pg_stat_user_tables WHERE relname LIKE 'line_%'"
        )
        return int(whole), int(by_index)

    whole, by_index = read()
    for buckets in ("NULL", "'{1,2,3}'"):
        with store.owner() as owner:
            assert (
                len(owner.execute(f"SELECT * FROM slad.slad_tail(4900, {buckets}, 50)".encode()).fetchall())
                == 50
            )
    await until(lambda: read()[1] >= by_index + 100, "the statistics, which a session leaves when it ends")
    assert read()[0] == whole
    assert read()[1] < by_index + 1000


async def test_lines_lie_by_the_month_of_their_arrival_which_needs_no_hand(store: TestStore) -> None:
    lines = chained([body(number) for number in range(2)])
    monitor = await store.open()
    await monitor.append(lines[:1])
    with store.owner() as owner:
        owner.execute(
            "UPDATE slad.store SET arrived_at = '2031-05-31 23:59:59Z'"
        )  # as if the clock had been ahead once
    reader = store.owner()
    with reader.transaction():  # whoever reads for long, as a backup does, is not waited for
        reader.execute("SELECT count(*) FROM slad.line")
        await monitor.append(lines[1:])
    reader.close()
    found = store.rows("SELECT tableoid::regclass::text, seq FROM slad.line ORDER BY seq")
    assert [seq for _, seq in found] == [1, 2]
    assert found[1][0] == "slad.line_2031_05"
    assert store.rows("SELECT to_regclass('slad.line_2031_06') IS NOT NULL") == [(True,)], (
        "the next one is there before it"
    )
    await monitor.close()


async def test_a_monitor_says_of_no_other_how_far_it_has_seen(store: TestStore) -> None:
    """Else time would count as observed that nobody saw: of two who tell, hubs go by the farther."""
    monitor = await store.open("mon1")
    former, other = Witness("mon1-before", "vc1"), Witness("mon2", "vc1")
    with pytest.raises(
        HubError, match="'mon1' says how far 'mon2' has seen, which is another monitor"
    ) as caught:
        await monitor.put_watermarks(0, {former: Instant(5), other: Instant(5)})
    assert caught.value.state is HubState.NOT_ALLOWED
    assert await monitor.watermarks() == {}
    await monitor.put_watermarks(0, {former: Instant(5)})
    assert await monitor.watermarks() == {former: Instant(5)}
    await monitor.close()


async def test_watermarks_rise_in_place_once_the_store_has_what_they_rest_on(store: TestStore) -> None:
    one, two = Witness("mon1", "vc1"), Witness("mon1", "internet")
    monitor = await store.open()
    await monitor.put_watermarks(1, {one: Instant(5)})
    assert await monitor.watermarks() == {}
    await monitor.append(chained([body(1)]))
    for put in ({one: Instant(5), two: Instant(6)}, {one: Instant(4)}, {two: Instant(8)}):
        await monitor.put_watermarks(1, put)
    assert await monitor.watermarks() == {one: Instant(5), two: Instant(8)}
    assert store.rows("SELECT count(*) FROM slad.watermark") == [(2,)]
    await monitor.close()


async def test_who_listens_hears_the_arrival_number(store: TestStore) -> None:
    with store.owner() as listener:
        listener.execute("LISTEN slad")
        monitor = await store.open()
        await monitor.append(chained([body(number) for number in range(3)]))
        heard = [each.payload for each in listener.notifies(timeout=10, stop_after=1)]
        await monitor.close()
    assert heard == ["3"]
