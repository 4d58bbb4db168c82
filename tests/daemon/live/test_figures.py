"""The standing says at every instant what a statement of that instant would, worked out from the whole book."""

import pytest

from daemon.book.live_book import LiveBook
from daemon.live.figures import LiveFigures
from sla.instants import SECOND, Instant, parse_instant
from sla.records import Client, ClientId, Server, ServerId
from sla.standing import ServerStanding, Standings
from tests.daemon.live.comparing import assert_all_stands
from tests.daemon.live.random_days import Days, DaysOfMonitors

NOON = parse_instant("2026-03-10T12:00:00Z")
STEPS = 50
ENOUGH_S = 60.0
NO_TIME_S = 0.0


async def assert_days_stand(days: Days, seed: int) -> None:
    standing = LiveFigures(days.book)
    for number, at in enumerate(days.steps(STEPS)):
        assert await standing.catch_up(at, ENOUGH_S)
        assert_all_stands(standing, at, f"seed {seed}, step {number}")


EVERY_STEP = -1.0
"""The event loop has its turn after each."""


@pytest.mark.parametrize("seed", range(10))
async def test_at_every_instant_all_stands_as_a_statement_would_say(seed: int) -> None:
    await assert_days_stand(Days(seed), seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 300))
async def test_all_stands_over_hundreds_of_seeds(seed: int) -> None:
    await assert_days_stand(Days(seed), seed)


@pytest.mark.parametrize("seed", range(10))
async def test_so_do_servers_of_which_several_monitors_tell(seed: int) -> None:
    await assert_days_stand(DaysOfMonitors(seed), seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 150))
async def test_so_do_those_over_hundreds_of_seeds(seed: int) -> None:
    await assert_days_stand(DaysOfMonitors(seed), seed)


async def test_what_is_left_over_is_taken_up_at_later_instants() -> None:
    days = Days(7)
    standing = LiveFigures(days.book, turn_s=EVERY_STEP)
    behind = 0
    for number, at in enumerate(days.steps(80)):
        before = standing.at
        if await standing.catch_up(at, ENOUGH_S if number % 4 == 3 else NO_TIME_S):
            assert standing.is_current
            assert_all_stands(standing, at, f"step {number}")
        else:
            behind += 1
            assert not standing.is_current
            assert standing.at == before
    assert behind


async def test_a_standing_that_begins_late_says_the_same() -> None:
    days = Days(3)
    steps = list(days.steps(30))
    standing = LiveFigures(days.book)
    assert await standing.catch_up(steps[-1], ENOUGH_S)
    assert_all_stands(standing, steps[-1], "after all steps")


async def test_servers_that_stand_alike_share_a_formula() -> None:
    days = Days(1)
    standing = LiveFigures(days.book)
    for at in days.steps(40):
        await standing.catch_up(at, ENOUGH_S)
    used = {number for number in standing.servers.numbers.values() if number}
    formulas = standing.servers.formulas.by_number
    assert used == {number for number, formula in enumerate(formulas) if formula is not None}


async def test_of_a_server_that_is_not_known_yet_nothing_is_worked_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A first sync puts thousands on record after the instant up to which time is settled."""
    book, server = LiveBook("m"), ServerId("s1")
    known_from = Instant(NOON + 10 * SECOND)
    client = Client(id=ClientId("acme"), name="ACME", timezone="UTC", tech_admins=(), recorded_at=NOON)
    book.take_record(client, None)
    book.settle(NOON)
    begun = Server(
        id=server,
        name="web",
        client=client.id,
        solution=None,
        in_service_from=NOON,
        in_service_until=None,
        recorded_at=known_from,
    )
    book.take_record(begun, None)
    judged: list[Instant] = []
    judge = Standings.server

    def noted(standings: Standings, server: ServerId) -> ServerStanding | Instant:
        judged.append(standings.judgement.as_of)
        return judge(standings, server)

    monkeypatch.setattr(Standings, "server", noted)
    standing = LiveFigures(book)
    for at in (NOON, Instant(known_from - 1)):
        assert await standing.catch_up(at, ENOUGH_S)
        assert standing.servers.formula(server) is None
    assert judged == []
    assert await standing.catch_up(known_from, ENOUGH_S)
    assert standing.servers.formula(server) is not None
    assert set(judged) == {known_from}
