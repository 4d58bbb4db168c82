"""From rounds to observations: told rule by rule, and at random against `brute`."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.internet.check import Check
from probes.internet.leg import InternetLeg
from probes.internet.servers import ReachCheck
from sla.instants import Instant
from sla.records import ServerId, State
from tests.probes.internet import brute
from tests.probes.internet.rounds_played import BEGAN, Play, assign, check, play, reach

# Rule by rule


@pytest.mark.parametrize(
    ("words", "expected", "frontier"),
    [
        ("U", [(1, "unknown"), (11, "up")], 11),
        ("UU", [(1, "unknown"), (11, "up")], 21),
        ("UD", [(1, "unknown"), (11, "up")], 20),
        ("UDD", [(1, "unknown"), (11, "up")], 20),
        ("UDDU", [(1, "unknown"), (11, "up")], 41),
        ("UDDD", [(1, "unknown"), (11, "up"), (21, "down")], 41),
        ("UDDDDU", [(1, "unknown"), (11, "up"), (21, "down"), (61, "up")], 61),
        ("DDDU", [(1, "unknown"), (11, "down"), (41, "up")], 41),
        ("DDU", [(1, "unknown"), (31, "up")], 31),
        ("U??U", [(1, "unknown"), (11, "up")], 41),
        ("U???U", [(1, "unknown"), (11, "up"), (21, "unknown"), (51, "up")], 51),
        ("U?D?U", [(1, "unknown"), (11, "up"), (21, "unknown"), (51, "up")], 51),
        ("UD?DDD", [(1, "unknown"), (11, "up"), (21, "unknown"), (41, "down")], 61),
        ("U?DDD", [(1, "unknown"), (11, "up"), (21, "unknown"), (31, "down")], 51),
        ("UDDD?DU", [(1, "unknown"), (11, "up"), (21, "down"), (51, "unknown"), (71, "up")], 71),
        ("UDDD?DDD", [(1, "unknown"), (11, "up"), (21, "down"), (51, "unknown"), (61, "down")], 81),
        ("U--U", [(1, "unknown"), (11, "up")], 41),
        ("U---U", [(1, "unknown"), (11, "up"), (21, "unknown"), (51, "up")], 51),
        ("UDDD-DU", [(1, "unknown"), (11, "up"), (21, "down"), (51, "unknown"), (71, "up")], 71),
    ],
)
def test_an_uplink_is_down_from_the_first_failed_round_and_up_from_the_first_good_one(
    words: str, expected: list[tuple[int, str]], frontier: int
) -> None:
    played = play("east")
    assign(played, "web", "east")
    played.rounds("vantage", BEGAN + 5, "U" * 10)
    played.rounds("east", BEGAN + 11, words)
    played.advance(BEGAN + 200)
    assert played.states("web") == [(at, word) for at, word in expected if at <= frontier]
    assert played.leg.frontier == BEGAN + frontier


def test_what_fails_a_moment_before_the_vantage_is_unknown_and_not_down() -> None:
    played = play("east")
    assign(played, "web", "east")
    played.rounds("vantage", BEGAN + 5, "UUDDDDUUU")
    played.rounds("east", BEGAN + 9, "UDDDDUUU")  # the first at 19, the vantage's at 25
    played.advance(BEGAN + 200)
    assert played.states("web") == [(1, "unknown"), (9, "up"), (16, "unknown"), (69, "up")]
    assert {reason for at, _, reason in played.said[ServerId("web")] if at == BEGAN + 16} == {
        "the monitor's own way out failed"
    }


def test_a_fault_of_ours_that_is_too_short_for_the_vantage_is_not_down_either() -> None:
    """From 21 to 49 the monitor's cable is out: two rounds of the vantage fail, and three of the uplink."""
    played = play("east")
    assign(played, "web", "east")
    played.rounds("vantage", BEGAN + 10, "UUDDUU")
    played.rounds("east", BEGAN + 11, "UDDDUU")
    played.advance(BEGAN + 200)
    assert played.states("web") == [(1, "unknown"), (11, "up"), (21, "unknown"), (51, "up")]


def test_a_fault_of_ours_that_falls_between_two_rounds_of_a_slow_vantage_is_not_down_either() -> None:
    leg = InternetLeg("here", Instant(BEGAN))
    leg.configure(check("gateway", interval=50), {"east": check("east")}, Instant(BEGAN))
    played = Play(leg)
    assign(played, "web", "east")
    for at in (10, 60, 110, 160, 210):
        played.take("vantage", BEGAN + at, "U")
    played.rounds("east", BEGAN + 15, "UDDDUU" + "UDDDDDDDDDDDDDDD"[:14])
    played.advance(BEGAN + 215)
    assert played.states("web") == [(1, "unknown"), (15, "up"), (85, "down")]


def test_after_the_return_of_the_vantage_an_uplink_is_unknown_until_it_is_good_or_down_from_its_first_failed_round() -> (
    None
):
    played = play("east", "west")
    assign(played, "web", "east")
    assign(played, "mail", "west")
    played.rounds("vantage", BEGAN + 5, "UUDDDUUUUU")
    played.rounds("east", BEGAN + 8, "UUDDDUUUU")
    played.rounds("west", BEGAN + 8, "UUDDDDDDU")
    played.advance(BEGAN + 200)
    assert played.states("web")[2:] == [(16, "unknown"), (58, "up")]
    assert played.states("mail")[2:] == [(16, "unknown"), (58, "down"), (88, "up")]


def test_a_short_absence_of_the_vantage_is_not_bridged_by_a_round_that_did_not_run_after_it() -> None:
    leg = InternetLeg("here", Instant(BEGAN))
    leg.configure(check("gateway", confirm=1, interval=3), {"east": check("east")}, Instant(BEGAN))
    played = Play(leg)
    assign(played, "web", "east")
    for number, word in enumerate("UDUUUUUUUU"):
        played.take("vantage", BEGAN + 4 + 3 * number, word)
    played.rounds("east", BEGAN + 4, "U-U")
    played.advance(BEGAN + 40)
    assert played.states("web") == [(1, "unknown"), (4, "up"), (5, "unknown"), (24, "up")]


def test_an_uplink_that_was_down_before_the_vantage_failed_is_not_down_after_its_return_without_proof() -> (
    None
):
    played = play("east")
    assign(played, "web", "east")
    played.rounds("vantage", BEGAN + 5, "UUUUUDDDUUUU")
    played.rounds("east", BEGAN + 8, "UDDDDDDDDU")
    played.advance(BEGAN + 200)
    assert played.states("web")[1:] == [(8, "up"), (18, "down"), (46, "unknown"), (98, "up")]


def test_a_required_check_decides_and_an_advisory_one_does_not() -> None:
    played = play("east")
    assign(played, "strict", "east", reach("192.0.2.1"))
    assign(played, "lax", "east", reach("192.0.2.2", required=False))
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 10, "U" * 8)
    played.rounds("strict", BEGAN + 10, "UDDDU")
    played.rounds("lax", BEGAN + 10, "UDDDU")
    played.advance(BEGAN + 200)
    assert played.states("strict") == [(1, "unknown"), (10, "up"), (20, "down"), (50, "up")]
    assert played.states("lax") == [(1, "unknown"), (10, "up")]


def test_a_round_at_a_server_proves_nothing_while_its_uplink_is_not_up() -> None:
    played = play("east")
    assign(played, "web", "east", reach("192.0.2.1"))
    played.rounds("vantage", BEGAN + 10, "U" * 10)
    played.rounds("east", BEGAN + 10, "UUDDDUUUU")
    played.rounds("web", BEGAN + 13, "UUDDDDUU")
    played.advance(BEGAN + 200)
    assert played.states("web")[1:] == [(13, "up"), (30, "down"), (60, "unknown"), (73, "up")]


def test_a_server_without_an_uplink_goes_by_its_own_address_alone() -> None:
    played = play()
    assign(played, "web", None, reach("192.0.2.1"))
    played.rounds("vantage", BEGAN + 10, "UUUUUDDDUU")
    played.rounds("web", BEGAN + 12, "UDDDUUUUU")
    played.advance(BEGAN + 200)
    assert played.states("web") == [(1, "unknown"), (12, "up"), (22, "down"), (51, "unknown"), (92, "up")]


def test_without_a_vantage_every_failure_is_believed() -> None:
    played = play("east", vantage=False)
    assign(played, "web", "east")
    played.rounds("east", BEGAN + 10, "UDDD")
    played.advance(BEGAN + 45)
    assert played.states("web") == [(1, "unknown"), (10, "up"), (20, "down")]
    assert played.leg.frontier == BEGAN + 40


def test_checks_of_a_server_that_is_not_running_rest_and_hold_nothing_back() -> None:
    played = play("east")
    assign(played, "web", "east", reach("192.0.2.1"))
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 10, "U" * 3)
    played.rounds("web", BEGAN + 11, "UD")
    played.advance(BEGAN + 32)
    assert played.leg.frontier == BEGAN + 20
    played.leg.running(ServerId("web"), False, Instant(BEGAN + 33))
    played.advance(BEGAN + 34)
    assert played.leg.frontier == BEGAN + 30
    assert played.states("web") == [(1, "unknown"), (11, "up")]
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 40, "U" * 4)
    played.leg.running(ServerId("web"), True, Instant(BEGAN + 45))
    played.advance(BEGAN + 75)
    assert played.leg.frontier == BEGAN + 45, "its own round is awaited"
    played.take("web", BEGAN + 52, "U")
    played.advance(BEGAN + 75)
    assert played.states("web")[2:] == [(31, "unknown"), (52, "up")]


def test_a_server_that_comes_later_has_a_verdict_from_the_frontier_on() -> None:
    played = play("east")
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 10, "UUU")
    assign(played, "web", "east")
    played.advance(BEGAN + 31)
    assign(played, "mail", "east", now=BEGAN + 35)
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 40, "U")
    played.advance(BEGAN + 41)
    assert played.states("mail") == [(31, "up")]
    played.leg.release(ServerId("mail"))
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 50, "U" + "D" * 3 + "U")
    played.advance(BEGAN + 200)
    assert played.states("mail") == [(31, "up")]


def test_a_server_moves_to_another_uplink() -> None:
    played = play("east", "west")
    assign(played, "web", "east")
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 10, "U" * 6)
    played.rounds("west", BEGAN + 10, "DDDDDD")
    played.advance(BEGAN + 61)
    assign(played, "web", "west", now=BEGAN + 65)
    for who, word in (("vantage", "U"), ("east", "U"), ("west", "D")):
        played.rounds(who, BEGAN + 70, word)
    told = played.advance(BEGAN + 71)
    assert [(each.at - BEGAN, each.state, each.reason) for each in told] == [(61, State.DOWN, "west is D")]


def test_a_server_of_an_uplink_that_is_not_watched_any_more_is_unknown() -> None:
    played = play("east", "west")
    assign(played, "web", "east")
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 10, "UU")
    played.advance(BEGAN + 21)
    played.leg.configure(check("gateway"), {"west": check("west")}, Instant(BEGAN + 25))
    played.rounds("vantage", BEGAN + 30, "U")
    (told,) = played.advance(BEGAN + 31)
    assert (told.at - BEGAN, told.state, told.reason) == (21, State.UNKNOWN, "uplink east is not watched")


def test_other_terms_for_an_uplink_do_not_make_it_forget_its_state() -> None:
    played = play("east")
    assign(played, "web", "east")
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 10, "UU")
    slower = check("east", confirm=1, interval=60)
    played.leg.configure(check("gateway", interval=60), {"east": slower}, Instant(BEGAN + 25))
    for who in ("vantage", "east"):
        played.take(who, BEGAN + 81, "U")
        played.take(who, BEGAN + 141, "U")
    played.advance(BEGAN + 142)
    assert played.states("web") == [(1, "unknown"), (10, "up")]
    assert played.leg.frontier == BEGAN + 141


def test_the_vantage_can_come_and_go() -> None:
    played = play("east", vantage=False)
    assign(played, "web", "east")
    played.rounds("east", BEGAN + 10, "UU")
    played.advance(BEGAN + 21)
    played.leg.configure(check("gateway"), {"east": check("east")}, Instant(BEGAN + 25))
    played.rounds("vantage", BEGAN + 32, "UD")
    played.rounds("east", BEGAN + 30, "UU")
    played.advance(BEGAN + 43)
    played.leg.configure(None, {"east": check("east")}, Instant(BEGAN + 45))
    played.rounds("east", BEGAN + 50, "UU")
    played.advance(BEGAN + 61)
    assert played.states("web") == [(1, "unknown"), (10, "up"), (25, "unknown"), (50, "up")]


def test_a_round_of_the_same_instant_tells_nothing() -> None:
    """As when the wall clock was set back, and stands still until it has caught up."""
    played = play("east", confirm=2)
    assign(played, "web", "east")
    for who in ("vantage", "east"):
        played.take(who, BEGAN + 10, "U")
        played.take(who, BEGAN + 10, "D")
        played.take(who, BEGAN + 10, "D")
        played.take(who, BEGAN + 20, "U")
    played.advance(BEGAN + 21)
    assert played.states("web") == [(1, "unknown"), (10, "up")]


def test_what_is_assigned_while_a_look_is_under_way_is_told_from_its_own_beginning() -> None:
    played = play("east")
    for number in range(3):
        assign(played, f"web{number}", "east")
    for who in ("vantage", "east"):
        played.rounds(who, BEGAN + 10, "UDDDUUU" if who == "east" else "U" * 7)
    steps = played.leg.advance(Instant(BEGAN + 80))
    first = next(steps)
    assert first is not None
    for number in range(3):
        assign(played, f"web{number}", "east", now=BEGAN + 80)
    rest = [each for each in steps if each is not None]
    told: dict[str, list[tuple[int, str]]] = {}
    for each in [first, *rest]:
        told.setdefault(each.server, []).append((each.at - BEGAN, each.state.word))
    later = next(server for server in told if server != first.server)
    assert told[later] == [(1, "unknown"), (10, "up"), (20, "down"), (50, "up")]


# At random, against the rules read literally


@dataclass(frozen=True)
class History:
    vantage: tuple[tuple[int, str], ...] | None
    layers: dict[str, tuple[tuple[int, str], ...]]
    terms: dict[str, brute.Terms]
    ends: dict[str, tuple[int, ...]]


def _random_rounds(chance: Random, terms: brute.Terms) -> tuple[tuple[int, str], ...]:
    phase = chance.randint(1, terms.interval)
    words = chance.choices("UD?-", (6, 5, 1, 1), k=100 // terms.interval)
    return tuple(
        (BEGAN + phase + number * terms.interval + chance.choice((0, 0, 1, 3)), word)
        for number, word in enumerate(words)
        if word != "-"
    )


def history_of(seed: int) -> History:
    chance = Random(seed)
    terms = {
        who: brute.Terms(
            chance.choice((8, 10, 14, 25) if who == "vantage" else (8, 10, 14)), chance.randint(1, 3)
        )
        for who in ("vantage", "east", "near", "lone")
    }
    rounds = {who: _random_rounds(chance, of) for who, of in terms.items()}
    ends = {who: tuple(at + chance.randint(0, 4) for at, _ in of) for who, of in rounds.items()}
    vantage = rounds.pop("vantage")
    if chance.random() < 0.4:
        vantage = tuple((at, "U") for at, _ in vantage)
    return History(vantage if chance.random() < 0.9 else None, rounds, terms, ends)


def _played(history: History) -> Play:
    def made(who: str) -> Check:
        return check(who, history.terms[who].confirm, history.terms[who].interval)

    leg = InternetLeg("here", Instant(BEGAN))
    vantage = made("vantage") if history.vantage is not None else None
    leg.configure(vantage, {"east": made("east")}, Instant(BEGAN))
    played = Play(leg)
    assign(played, "plain", "east")
    assign(played, "near", "east", ReachCheck(check=made("near"), required=True))
    assign(played, "lone", None, ReachCheck(check=made("lone"), required=True))
    heard = [
        (ended, who, at, word)
        for who, rounds in [("vantage", history.vantage or ()), *history.layers.items()]
        for ended, (at, word) in zip(history.ends[who], rounds, strict=False)
    ]
    for ended, who, at, word in sorted(heard):
        played.take(who, at, word)
        played.advance(ended)
    return played


def _brute(history: History) -> tuple[brute.Vantage, dict[str, brute.Layer]]:
    vantage = brute.Vantage(history.vantage, BEGAN, history.terms["vantage"])
    east = brute.Layer(history.layers["east"], BEGAN, history.terms["east"], vantage, vantage)
    layers = {"east": east}
    for who, before in (("near", east), ("lone", vantage)):
        layers[who] = brute.Layer(history.layers[who], BEGAN, history.terms[who], before, vantage)
    return vantage, layers


def _verdicts(vantage: str, states: dict[str, str]) -> dict[str, str]:
    return {
        "plain": brute.verdict(vantage, states["east"], ()),
        "near": brute.verdict(vantage, states["east"], (states["near"],)),
        "lone": brute.verdict(vantage, None, (states["lone"],)),
    }


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32).map(history_of))
def test_what_was_told_up_to_the_frontier_is_what_the_whole_history_says(history: History) -> None:
    played = _played(history)
    assert played.frontiers == sorted(played.frontiers)
    vantage, layers = _brute(history)
    for at in range(BEGAN + 1, played.leg.frontier + 1):
        before = vantage.at(at)
        states = {who: layer.at(at) for who, layer in layers.items()}
        assert before != "open"
        assert before != "up" or "open" not in states.values()
        expected = _verdicts(before, states)
        assert {server: played.state(server, at) for server in expected} == expected, at - BEGAN


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32).map(history_of))
def test_nothing_is_down_but_for_rounds_that_failed_between_two_good_ones_of_the_vantage(
    history: History,
) -> None:
    if history.vantage is None:
        return
    played = _played(history)
    good = [at for at, word in history.vantage if word == "U"]
    slots = brute.slots(history.vantage, BEGAN, history.terms["vantage"])
    rounds: dict[str, Sequence[str]] = {"plain": ("east",), "near": ("east", "near"), "lone": ("lone",)}
    for server, said in played.said.items():
        for at, state, _ in said:
            if state is not State.DOWN:
                continue
            failed = [
                who
                for who in rounds[server]
                if any(then == at and word == "D" for then, word in history.layers[who])
            ]
            assert failed, "it begins at a failed round"
            before = max((then for then in good if then <= at), default=None)
            after = min((then for then in good if then >= at), default=None)
            assert before is not None
            assert after is not None
            assert all(word == "U" for then, word in slots if before < then < after)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32).map(history_of))
def test_the_frontier_follows_once_all_is_calm(history: History) -> None:
    played = _played(history)
    calm_at, now = BEGAN + 120, BEGAN + 240
    for who, terms in history.terms.items():
        for at in range(calm_at, now, terms.interval):
            played.take(who, at, "U")
    played.advance(now)
    three_rounds = 3 * max(terms.interval for terms in history.terms.values())
    assert played.leg.frontier >= now - three_rounds


# At random, against a world in which one line is cut once


def _after_a_cut(seed: int, cut: set[str]) -> tuple[Play, History, int]:
    """What is said where the rounds of `cut` fail for some random time; and when it ends."""
    history = history_of(seed)
    chance = Random(seed)
    start = BEGAN + chance.randint(40, 100)
    end = start + chance.randint(1, 90)
    terms = {who: brute.Terms(of.interval, max(2, of.confirm)) for who, of in history.terms.items()}
    rounds = {}
    for who, of in terms.items():
        phase = chance.randint(1, of.interval)
        ats = [at + chance.choice((0, 0, 1, 3)) for at in range(BEGAN + phase, BEGAN + 350, of.interval)]
        rounds[who] = tuple((at, "D" if who in cut and start <= at < end else "U") for at in ats)
    ends = {who: tuple(at + chance.randint(0, 4) for at, _ in of) for who, of in rounds.items()}
    vantage = rounds.pop("vantage")
    history = History(vantage, rounds, terms, ends)
    return _played(history), history, end


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_whenever_and_however_long_the_monitors_own_line_is_cut_nothing_is_down(seed: int) -> None:
    played, _, _ = _after_a_cut(seed, {"vantage", "east", "near", "lone"})
    for server, said in played.said.items():
        assert State.DOWN not in {state for _, state, _ in said}
        assert said[-1][1] is State.UP, server


def _confirming(failed: list[int], vantage: Sequence[tuple[int, str]]) -> list[int]:
    """The rounds that failed, but for those before which the vantage was not seen good since the last of them."""
    counted = failed[:1]
    for at in failed[1:]:
        if any(word == "U" and counted[-1] <= good_at <= at for good_at, word in vantage):
            counted.append(at)
    return counted


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
@example(1100)
def test_when_the_line_is_cut_beyond_the_gateway_nothing_is_unknown_but_the_beginning(seed: int) -> None:
    played, history, end = _after_a_cut(seed, {"east"})
    failed = [at for at, word in history.layers["east"] if word == "D"]
    good_at = next(at for at, word in history.layers["east"] if at >= end and word == "U")
    slow = history.terms["vantage"].interval > history.terms["east"].interval
    said = played.said[ServerId("plain")]
    words = [state for _, state, _ in said if state is not State.UNKNOWN]
    assert State.UNKNOWN not in {state for _, state, _ in said[1:]}
    assert words in ([State.UP], [State.UP, State.DOWN, State.UP])
    if len(words) == 3:
        (down_at, _, _), (up_at, _, _) = said[-2:]
        assert (down_at, up_at) == (failed[0], good_at)
    elif not slow:
        assert len(_confirming(failed, history.vantage or ())) <= history.terms["east"].confirm
    assert played.said[ServerId("lone")][-1][1] is State.UP
    assert State.DOWN not in {state for _, state, _ in played.said[ServerId("lone")]}
