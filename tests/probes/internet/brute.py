"""The Internet leg read off a whole history at once, instant by instant, straight from the rules: slow and obvious.

Rounds are (at, word) with the word U (up), D (down) or ? (could not tell). The answer for an instant is "up", "down",
"unknown", or "open" where later rounds may decide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

Rounds = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Terms:
    interval: int
    confirm: int


def slots(rounds: Rounds, began: int, terms: Terms) -> list[tuple[int, str]]:
    """The rounds, and in their places those that were due and did not run."""
    found: list[tuple[int, str]] = []
    last = began
    for at, word in rounds:
        due = last + terms.interval
        while due + terms.interval / 2 <= at:
            found.append((due, "?"))
            due += terms.interval
        found.append((at, word))
        last = at
    return found


class Vantage:
    def __init__(self, rounds: Rounds | None, began: int, terms: Terms) -> None:
        self.rounds = None if rounds is None else slots(rounds, began, terms)
        self.confirm = terms.confirm
        self.at: Callable[[int], str] = cache(self._at)

    def _at(self, instant: int) -> str:
        if self.rounds is None:
            return "up"
        past = [each for each in self.rounds if each[0] <= instant]
        while past and past[-1][1] != "U":
            past.pop()
        if not past:
            return "unknown"
        good_at = past[-1][0]
        if good_at == instant:
            return "up"
        future = [each for each in self.rounds if each[0] > good_at]
        words = "".join(word for _, word in future)
        bad = words.split("U")[0]
        if len(bad) >= self.confirm:
            return "unknown"
        return "up" if "U" in words else "open"

    def proves(self, instant: int) -> bool:
        """Whether the rounds next to an instant, on both sides, are good."""
        if self.rounds is None:
            return True
        before = [word for at, word in self.rounds if at <= instant]
        after = [word for at, word in self.rounds if at >= instant]
        return before[-1:] == ["U"] and after[:1] == ["U"]

    def good_within(self, since: int, until: int) -> bool:
        return self.rounds is None or any(since <= at <= until and word == "U" for at, word in self.rounds)


def plain(words: str, confirm: int, ended: bool) -> list[str]:
    """What holds from each round to the next, where every round is up or down; it was unknown before.

    `ended`: no round will ever follow that confirms the last ones, or does not.
    """
    holds: list[str] = []
    known = "unknown"
    for place, word in enumerate(words):
        if word == "U":
            known = "up"
        elif known != "down":
            start = place
            while start > 0 and words[start - 1] == "D":
                start -= 1
            end = place
            while end < len(words) and words[end] == "D":
                end += 1
            if end - start >= confirm:
                known = "down" if start == place else known
            elif end == len(words):
                holds.append("unknown" if ended else f"open after {known}")
                continue
        holds.append(known)
    return holds


@lru_cache(maxsize=10_000)
def either(words: str, confirm: int, ended: bool) -> list[str]:
    """The same where some rounds could not tell: what follows whichever they were."""
    open_places = [place for place, word in enumerate(words) if word == "?"]
    readings = []
    for chosen in product("UD", repeat=len(open_places)):
        filled = list(words)
        for place, word in zip(open_places, chosen, strict=True):
            filled[place] = word
        readings.append(plain("".join(filled), confirm, ended))
    return [_common(set(said)) for said in zip(*readings, strict=True)]


_CAN_BECOME = {
    "open after up": {"up", "down", "unknown"},
    "open after unknown": {"down", "unknown"},
}


def _common(said: set[str]) -> str:
    """What holds in every reading; open where later rounds may make them agree on more than that it is unknown."""
    if len(said) == 1 and said <= {"up", "down", "unknown"}:
        return said.pop()
    if "unknown" in said:
        return "unknown"
    common = set.intersection(*(_CAN_BECOME.get(word, {word}) for word in said))
    return "open" if common - {"unknown"} else "unknown"


class Layer:
    """An uplink, or a server's own address behind it: `before` is the layer before it, up where there is none."""

    def __init__(
        self, rounds: Rounds, began: int, terms: Terms, before: "Layer | Vantage", vantage: Vantage
    ) -> None:
        self.spells: list[tuple[list[tuple[int, str]], int | None]] = []
        spell: list[tuple[int, str]] = []
        last = began
        for at, word in slots(rounds, began, terms):
            lost = next((then for then in range(last + 1, at + 1) if before.at(then) != "up"), None)
            if lost is not None:
                self.spells.append((spell, lost))
                spell = []
            last = at
            if before.at(at) != "up":
                continue
            if word == "D" and not vantage.proves(at):
                word = "?"
            if word == "D" and spell and spell[-1][1] == "D" and not vantage.good_within(spell[-1][0], at):
                continue  # both may be one fault of the monitor's own
            spell.append((at, word))
        self.spells.append((spell, None))
        self.confirm = terms.confirm
        self.at: Callable[[int], str] = cache(self._at)

    def _at(self, instant: int) -> str:
        for spell, lost in self.spells:
            if lost is not None and instant >= lost:
                continue
            past = [each for each in spell if each[0] <= instant]
            if not past:
                return "unknown"
            words = "".join(word for _, word in spell)
            return either(words, self.confirm, lost is not None)[len(past) - 1]
        raise AssertionError


def verdict(vantage: str, uplink: str | None, required: Sequence[str]) -> str:
    """Design §5, with nothing asked inside the server."""
    if vantage != "up":
        return "unknown"
    if uplink in ("down", "unknown"):
        return uplink
    for word in ("down", "unknown"):
        if word in required:
            return word
    return "up" if uplink or required else "unknown"
