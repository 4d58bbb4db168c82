"""Rounds played to the legs of servers: what each look found, by letters."""

from bisect import bisect_right
from dataclasses import dataclass, field

from probes.internet.check import Check, Round
from probes.internet.leg import InternetLeg
from probes.internet.servers import Assignment, ReachCheck
from probes.targets.result import Result
from probes.targets.target import Method, Target
from sla.instants import Instant
from sla.reasons import DetailedReason, PlainReason
from sla.records import Observation, ServerId, State

BEGAN = 1_000


INTERVAL = 10


WORDS = {"U": State.UP, "D": State.DOWN, "?": State.UNKNOWN}


async def _never(target: Target, timeout_s: float) -> Result:
    raise AssertionError


def check(host: str, confirm: int = 3, interval: int = INTERVAL) -> Check:
    target = Target(method=Method.ICMP, host=host)
    return Check(targets=(target,), interval_us=interval, timeout_us=5, confirm=confirm, probe=_never)


def reach(host: str, confirm: int = 3, *, required: bool = True) -> ReachCheck:
    return ReachCheck(check=check(host, confirm), required=required)


@dataclass
class Play:
    """A leg, played by hand, and all that it ever said."""

    leg: InternetLeg
    said: dict[ServerId, list[tuple[int, State, str]]] = field(default_factory=dict)
    frontiers: list[int] = field(default_factory=list)

    def advance(self, now: int) -> list[Observation]:
        before = self.leg.frontier
        told = [each for each in self.leg.advance(Instant(now)) if each is not None]
        assert self.leg.frontier >= before
        for each in told:
            assert before < each.at <= self.leg.frontier <= now
            assert each.witness == ("here", "internet")
            said = self.said.setdefault(each.server, [])
            assert not said or said[-1][0] < each.at
            said.append((each.at, each.state, each.reason))
        self.frontiers.append(self.leg.frontier)
        return told

    def take(self, who: str, at: int, word: str) -> None:
        last = Round(
            Instant(at),
            WORDS[word],
            DetailedReason(PlainReason.TOO_FEW_ANSWER, "" if word == "U" else f"{who} is {word}"),
        )
        if who == "vantage":
            self.leg.vantage.take(last)
        elif who in self.leg.uplinks:
            self.leg.uplinks[who].take(last)
        else:
            for each in self.leg.reach(ServerId(who)):
                if each.required and each.layer is not None:
                    each.layer.take(last)

    def rounds(self, who: str, first_at: int, words: str) -> None:
        for number, word in enumerate(words):
            if word != "-":
                self.take(who, first_at + number * INTERVAL, word)

    def state(self, server: str, at: int) -> str:
        said = self.said.get(ServerId(server), [])
        place = bisect_right(said, at, key=lambda each: each[0])
        return said[place - 1][1].word if place else "nothing"

    def states(self, server: str) -> list[tuple[int, str]]:
        return [(at - BEGAN, state.word) for at, state, _ in self.said.get(ServerId(server), [])]


def play(*uplinks: str, vantage: bool = True, confirm: int = 3) -> Play:
    leg = InternetLeg("here", Instant(BEGAN))
    leg.configure(
        check("gateway", confirm) if vantage else None,
        {name: check(name, confirm) for name in uplinks},
        Instant(BEGAN),
    )
    return Play(leg)


def assign(played: Play, server: str, uplink: str | None, *checks: ReachCheck, now: int = BEGAN) -> None:
    played.leg.assign(
        ServerId(server), Assignment(uplink=uplink, reach=checks), running=True, now=Instant(now)
    )
