"""The standing says at every instant what a statement of that instant would, worked out from the whole book."""

import pytest

from daemon.standing.standing import Standing
from tests.daemon.standing.comparing import assert_all_stands
from tests.daemon.standing.random_days import Days

SEEDS = 40
STEPS = 50
NO_TIME = 0.0


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_at_every_instant_all_stands_as_a_statement_would_say(seed: int) -> None:
    days = Days(seed)
    standing = Standing(days.book)
    for number, at in enumerate(days.steps(STEPS)):
        assert await standing.catch_up(at, 60.0)
        assert_all_stands(standing, at, f"seed {seed}, step {number}")


async def test_what_is_left_over_is_taken_up_at_later_instants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.pacing.TURN_S", -1.0)
    days = Days(7)
    standing = Standing(days.book)
    behind = 0
    for number, at in enumerate(days.steps(120)):
        before = standing.at
        if await standing.catch_up(at, NO_TIME):
            assert standing.is_current
            assert_all_stands(standing, at, f"step {number}")
        else:
            behind += 1
            assert not standing.is_current
            assert standing.at == before
    assert 0 < behind < 120
