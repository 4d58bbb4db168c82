"""Evidence of several monitors from a seed: each with a ledger of its own, whose lines come late."""

from operator import itemgetter
from random import Random

from tests.sla.random_evidence import DAY, Line, Story, Teller

OBSERVERS = ("", "m-1", "m-2")
_SHARED, _PEOPLE = "shared", "people"
_LEDGERS = (*OBSERVERS, _SHARED)


class MonitorsTeller(Teller):
    """Makes one story: servers by several observers, of whom some retire. Its lines stand in the order of arrival."""

    def __init__(self, seed: int, *, shares: bool) -> None:
        """`shares`: some of what an observer says stands in a ledger that all share, the rest in its own."""
        super().__init__(seed)
        self.shares = shares
        self.monitors = Random(f"monitors {seed}")

    def story(self) -> Story:
        story = super().story()
        story.lines = [*self.arrived(), *self.sightings]
        return story

    def tell_servers(self) -> None:
        """All servers by one observer after the other, but for some lines."""
        r = self.monitors
        for observer in OBSERVERS[: r.choice((1, 2, 2, 3))]:
            before = len(self.records)
            super().tell_servers()
            for _, line in self.records[before:]:
                line["observer"] = r.choice((*OBSERVERS, *[observer] * 9))
                is_shared = r.random() < 0.2 and self.shares
                line["ledger"] = _SHARED if is_shared else line["observer"]
        for _ in range(r.choice((0, 0, 1, 2))):
            minute, observer = self.some(), r.choice(OBSERVERS)
            at = self.at(r.randrange(minute + 1))
            self.record(minute, kind="observer_retired", observer=observer, at=at, ledger=observer)

    def arrived(self) -> list[Line]:
        """The records as they were brought together: late by ledger, but for the first, on which all else rests."""
        r = self.monitors
        late = {name: r.choice((0, 1, DAY, 4 * DAY)) for name in _LEDGERS}
        late[_PEOPLE] = max(late.values())  # people name what monitors know
        arrivals = []
        for minute, line in sorted(self.records, key=itemgetter(0)):
            held = {"ledger": _PEOPLE, **line}
            if line["kind"] == "client" and minute == 0 and r.random() < 0.4:
                # The clock of whoever keeps clients is ahead: servers are on record before theirs is (spec §1.4).
                held |= {"ledger": line["id"], "recorded_at": self.at(r.randrange(6 * DAY))}
            arrivals.append((minute + late[line.get("ledger", _PEOPLE)] if minute else 0, held))
        return [line for _, line in sorted(arrivals, key=itemgetter(0))]


def story_of_monitors(seed: int, *, shares: bool = True) -> Story:
    """The story that a seed tells."""
    return MonitorsTeller(seed, shares=shares).story()
