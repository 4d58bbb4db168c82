"""What a hub answers of itself, its monitors and what they say differently; and what it does not know."""

import pytest

from daemon.answers.hub import REMEDIES
from daemon.control.questions import Page
from daemon.records.refusals import NotFoundError
from daemon.replies.hub import SPOKEN_KINDS, SPOKEN_POINTS
from sla.disagreements import DisagreementKind, Point
from tests.daemon.pages.world import OTHER, World


async def hub() -> World:
    world = World(is_hub=True)
    await world.happen()
    await world.disagree()
    return world


async def test_every_monitor_of_the_store_is_told_whatever_is_known_of_it() -> None:
    told = (await hub()).sources.answers.status().hub
    assert told is not None
    assert [(each.observer, each.records, each.is_retired) for each in told.monitors] == [
        ("gone", 0, True),
        ("mon", 7, False),
        (OTHER, 0, False),
        ("new", 0, False),
    ]
    assert [each.head for each in told.monitors] == ["", "0a" * 32, "", ""]
    assert [each.seen_until is None for each in told.monitors] == [True, False, False, True]
    assert told.disagreements == dict.fromkeys(DisagreementKind, 0) | {DisagreementKind.IDENTITY: 7}


async def test_disagreements_are_listed_a_page_at_a_time_each_once() -> None:
    answers, page = (await hub()).sources.answers, Page(None, 3)
    seen = []
    while True:
        found = await answers.disagreements(None, page)
        seen += [each.about for each in found.rows]
        if found.next is None:
            break
        page = Page(found.next, 3)
    assert seen == sorted(set(seen))
    assert len(seen) == 7
    assert (await answers.disagreements(DisagreementKind.OWNER, Page(None, 3))).rows == ()


async def test_a_monitor_knows_no_other_and_a_hub_no_users() -> None:
    with pytest.raises(NotFoundError, match="knows of no other"):
        await World().sources.answers.disagreements(None, Page(None, 1))
    assert World().sources.answers.status().hub is None
    with pytest.raises(NotFoundError, match="ask its monitors"):
        await (await hub()).sources.answers.users()


def test_of_every_point_it_is_said_what_to_do() -> None:
    assert REMEDIES.keys() == SPOKEN_POINTS.keys() == set(Point)
    assert SPOKEN_KINDS.keys() == set(DisagreementKind)
