"""When the servers that an outage took down are up again (spec §4.2, §6.2)."""

from sla.ending import History, up_again_at
from sla.instants import Instant
from sla.records import Leg, State
from sla.timeline import Segment

LETTERS = {"u": State.UP, "d": State.DOWN, "?": State.UNKNOWN}


def history(states: str, left_at: int | None = None) -> History:
    """A server's states, one a letter, each for ten microseconds from 0 on."""
    segments = [
        Segment(Instant(10 * place), Instant(10 * place + 10), LETTERS[letter], (LETTERS[letter],), False)
        for place, letter in enumerate(states)
    ]
    return [((Leg.RUNNING,), segments)], None if left_at is None else Instant(left_at)


def ended(*histories: History) -> int | None:
    return up_again_at(histories)


def test_one_server_is_up_again_when_it_is_next_up() -> None:
    assert ended(history("uddu")) == 30
    assert ended(history("du")) == 10
    assert ended(history("uu")) is None
    assert ended(history("udd")) is None
    assert ended() is None


def test_of_several_outages_the_first_counts() -> None:
    assert ended(history("uduudu")) == 20


def test_unknown_time_neither_begins_an_outage_nor_ends_it() -> None:
    assert ended(history("u??u")) is None
    assert ended(history("ud??u")) == 40
    assert ended(history("ud??")) is None


def test_those_that_were_down_together_have_to_be_up_all() -> None:
    assert ended(history("uddu"), history("uudddu")) == 50
    assert ended(history("uddu"), history("uuuuddu")) == 30
    assert ended(history("uddu"), history("uuud")) is None
    assert ended(history("uddu"), history("uuuu")) == 30


def test_a_server_that_left_service_is_waited_for_no_longer() -> None:
    assert ended(history("ud", left_at=20)) == 20
    assert ended(history("ud")) is None
