"""Who makes room at a door."""

from dataclasses import dataclass

from daemon.web.door import Limits
from daemon.web.room import Room


@dataclass(eq=False)
class Standing:
    """A guest of whom only this is known."""

    caller: str = "a"
    waits_since: float | None = 0.0
    is_out: bool = False

    def show_out(self) -> None:
        self.is_out = True


def room(*, connections: int = 3, strangers: int = 3) -> Room:
    return Room(Limits(connections=connections, strangers=strangers))


def test_the_one_that_slad_waited_for_longest_makes_room() -> None:
    guests, here = [Standing(waits_since=at) for at in (5.0, 3.0, 4.0)], room()
    newcomer = Standing(waits_since=9.0)
    for guest in guests:
        here.enter(guest)
    here.enter(newcomer)
    assert [guest.is_out for guest in guests] == [False, True, False]


def test_the_caller_who_has_most_makes_room_before_others() -> None:
    modest, greedy = Standing("modest", 1.0), [Standing("greedy", at) for at in (2.0, 3.0)]
    here = room()
    for guest in (modest, *greedy):
        here.enter(guest)
    here.enter(Standing("other", 9.0))
    assert not modest.is_out
    assert [guest.is_out for guest in greedy] == [True, False]


def test_who_was_let_in_makes_no_room_for_strangers_nor_they_for_him() -> None:
    here = room(connections=1, strangers=1)
    known, stranger, late = Standing(), Standing(), Standing()
    here.enter(known)
    assert here.admit(known)
    here.enter(stranger)
    here.enter(late)
    assert (known.is_out, stranger.is_out) == (False, True)
    assert here.admit(late)
    assert (known.is_out, late.is_out) == (True, False)
    assert here.admit(late)


def test_nobody_for_whom_slad_works_makes_room() -> None:
    here = room(connections=1)
    working, newcomer = Standing(waits_since=None), Standing()
    here.enter(working)
    assert here.admit(working)
    here.enter(newcomer)
    assert here.at_work == 1
    assert not here.admit(newcomer)
    here.shed()
    assert (working.is_out, newcomer.is_out) == (False, True)
    here.leave(working)
    assert here.at_work == 0
