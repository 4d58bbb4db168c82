"""Evidence from a seed: a fleet on a grid of minutes around clock changes, with everything that the spec has rules for."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Line = dict[str, Any]

ZONES = ("America/St_Johns", "Australia/Lord_Howe", "Europe/London", "Asia/Kolkata", "America/Toronto")
# The grid holds the month, and a clock change of one of the zones while there is evidence.
GRIDS = (
    ("2026-02-26T00:00:00+00:00", "2026-03"),
    ("2026-03-26T00:00:00+00:00", "2026-04"),
    ("2026-09-26T00:00:00+00:00", "2026-10"),
    ("2026-10-26T00:00:00+00:00", "2026-11"),
)
SIZE = 38 * 1440
DAY = 1440
CATEGORIES = (
    "force_majeure",
    "client_change",
    "client_system",
    "emergency_security_update",
    "scheduled_maintenance",
    "scheduled_maintenance",
    "scheduled_maintenance",
)


@dataclass
class Story:
    """Evidence, and how it is to be judged. The terms count in minutes and days."""

    base: datetime
    month: str
    as_of: str
    lines: list[Line]
    terms: Any

    def tables(self) -> Any:
        """The terms as a contract has them."""
        maintenance, chronic = self.terms["scheduled_maintenance"], self.terms["chronic_outages"]
        minutes = ("lasting", "rejoin", "request_early")
        return {
            "availability": self.terms["availability"],
            "scheduled_maintenance": {
                **maintenance,
                "max_per_week": f"{maintenance['max_per_week']}m",
                "notice": f"{maintenance['notice']}d",
            },
            "chronic_outages": {k: f"{v}m" if k in minutes else v for k, v in chronic.items()},
        }


class Teller:
    """Makes one story."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        # A stream of its own: what is withdrawn changes nothing else of a story.
        self.withdrawing = Random(f"withdrawing {seed}")
        base, self.month = self.random.choice(GRIDS)
        self.base = datetime.fromisoformat(base).astimezone(UTC)
        self.days = self.random.choice((6, 14, 30))
        # One solution that is down again and again, complained of and given notice of: it goes through the stages.
        self.is_troubled = self.random.random() < 0.6
        self.records: list[tuple[int, Line]] = []
        self.sightings: list[Line] = []

    def at(self, minute: int) -> str:
        return (self.base + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def some(self, low: int = DAY, high: int | None = None) -> int:
        return self.random.randrange(low, self.days * DAY if high is None else high)

    def record(self, minute: int, **line: Any) -> None:
        self.records.append((minute, {**line, "recorded_at": self.at(minute)}))

    def story(self) -> Story:
        self.tell_clients()
        self.tell_servers()
        self.tell_sightings()
        self.tell_exclusions()
        self.tell_requests()
        late = self.random.random() < 0.7
        as_of = self.some(self.days * DAY - DAY, self.days * DAY + 3 * DAY) if late else self.some(3 * DAY)
        lines = [line for _, line in sorted(self.records, key=lambda each: each[0])] + self.sightings
        return Story(self.base, self.month, self.at(as_of), lines, self.terms())

    def terms(self) -> Any:
        r = self.random
        return {
            "availability": {
                "target": r.choice(("0.999", "0.99", "0.9")),
                "basis": r.choice(("agreed", "service")),
                "unobserved": r.choice(("exclude", "up", "down")),
                "legs": r.choice((["running", "san", "internet"], ["running", "internet"], ["internet"])),
            },
            "scheduled_maintenance": {
                "between": r.choice(
                    (["23:00", "06:00"], ["01:00", "02:30"], ["01:30", "04:00"], ["22:30", "02:00"])
                ),
                "max_per_week": r.choice((60, 90, 240)),
                "notice": r.choice((0, 1, 3)),
                "announcement": r.choice(("recorded", "stated")),
                "emergency_in_cap": r.random() < 0.7,
            },
            "chronic_outages": {
                "interruptions": r.choice((2, 3) if self.is_troubled else (2, 3, 5)),
                "lasting": r.choice((1, 30) if self.is_troubled else (1, 30, 120)),
                "rejoin": r.choice((0, 0, 10, 60)),
                "request_early": r.choice((0, 15, 60)),
                "within_days": r.choice((2, 5, 30)),
                "notice_days": r.choice((0, 1, 3)),
                "resolution_days": r.choice((0, 1, 3)),
                "evaluation_days": r.choice((1, 2, 4)),
                "evaluation_max": r.choice((0, 1, 2)),
            },
        }

    def tell_clients(self) -> None:
        for name in ("c1", "c2"):
            self.tell_client(0, name)
        if self.random.random() < 0.3:
            self.tell_client(self.some(), "c1")

    def tell_client(self, minute: int, name: str) -> None:
        zone = self.random.choice(ZONES)
        self.record(minute, kind="client", id=name, name=f"Client {name}", timezone=zone, tech_admins=["ann"])

    def tell_servers(self) -> None:
        self.servers = ["s1", "s2", "s3"]
        for name in self.servers:
            since = self.random.choice((DAY, self.some(DAY, 3 * DAY)))
            line = self.server(name, since)
            if self.is_troubled and name == "s1":
                line |= {"client": "c1", "solution": "mail", "in_service_until": None, "legs": ["internet"]}
            self.record(0, **line)
            minute = 1
            if self.is_troubled and name == "s1" and self.random.random() < 0.8:
                continue
            for _ in range(self.random.choice((0, 0, 1, 2, 3))):
                minute = self.some(minute, max(minute + 2, self.days * DAY))
                line = self.changed(line, minute)
                self.record(minute, **line)

    def server(self, name: str, since: int) -> Line:
        r = self.random
        return {
            "kind": "server",
            "id": name,
            "name": f"{name} of {since}",
            "client": r.choice(("c1", "c1", "c2")),
            "solution": r.choice(("mail", "mail", "web", None)),
            "in_service_from": self.at(since),
            "in_service_until": None if r.random() < 0.7 else self.at(since + r.randrange(10 * DAY)),
            "legs": r.choice((["running", "internet"], ["internet"], ["internet", "san"])),
        }

    def changed(self, line: Line, minute: int) -> Line:
        kind = self.random.choice(("ends", "legs", "moves", "moves", "again", "taken back"))
        match kind:
            case "ends":
                return {**line, "in_service_until": self.at(minute), "name": f"ended {minute}"}
            case "legs":
                return {**line, "legs": self.random.choice((["running"], ["internet", "running"]))}
            case "moves":
                return self.server(line["id"], self.random.choice((minute, self.some())))
            case "again":
                return {**line, "in_service_from": self.at(self.some()), "in_service_until": None}
            case _:
                return {**line, "in_service_until": line["in_service_from"]}

    def tell_sightings(self) -> None:
        legs = ("running", "san", "internet")
        for observer in ("a", "b"):
            of_all = [(name, leg) for name in self.servers for leg in legs]
            for name, leg in of_all if observer == "a" else self.random.sample(of_all, 3):
                self.tell_outages(observer, name, leg)
            for _ in range(self.random.randrange(3)):
                since = self.some()
                named = {} if self.random.random() < 0.5 else {"legs": [self.random.choice(legs)]}
                until = self.at(since + self.random.choice((1, 90, 700)))
                self.see("blind", observer, **{"from": self.at(since)}, until=until, **named)
            for _ in range(self.random.randrange(1, 3)):
                self.see(
                    "observed_until",
                    observer,
                    at=self.at(self.days * DAY + self.random.choice((5 * DAY, -DAY, -60))),
                )

    def see(self, kind: str, observer: str, **line: Any) -> None:
        self.sightings.append({"kind": kind, "observer": observer, "source": "x", **line})

    def tell_outages(self, observer: str, name: str, leg: str) -> None:
        r = self.random
        saw: list[tuple[int, str]] = [(r.choice((0, DAY, 2 * DAY)), "up")]
        often: tuple[int, ...] = (0, 1, 4, 9) if leg == "internet" else (0, 0, 1, 2)
        if self.is_troubled and (observer, name, leg) == ("a", "s1", "internet"):
            often = (self.days // 2, self.days)
        for _ in range(r.choice(often)):
            start = self.some()
            saw += [(start, r.choice(("down", "down", "down", "unknown")))]
            saw += [
                (
                    start + r.choice((1, 20, 45, 121, 200, 600)),
                    r.choice(("up", "up", "up", "unknown", "down")),
                )
            ]
        r.shuffle(saw)
        for minute, state in saw:
            self.see("observation", observer, server=name, leg=leg, state=state, at=self.at(minute))

    def tell_exclusions(self) -> None:
        r = self.random
        for number in range(r.randrange(7)):
            start = self.some()
            if r.random() < 0.5:
                start = start // DAY * DAY + r.randrange(-180, 700)
            given = r.choice((1, max(1, start - 2 * DAY), max(1, start - 4 * DAY), start + 60))
            is_open = r.random() < 0.15
            self.record(
                given,
                kind="exclusion",
                id=f"x{number}",
                category=r.choice(CATEGORIES),
                **{"from": self.at(start)},
                until=None if is_open else self.at(start + r.choice((5, 60, 90, 300, 2000))),
                clients=r.choice(([], [], ["c1"], ["c2"])),
                solutions=r.choice(([], [], ["mail"], ["s1"])),
                servers=r.choice(([], [], ["s2"])),
                announced_at=r.choice((None, self.at(given), self.at(max(1, given - DAY)))),
            )
            if is_open and r.random() < 0.7:
                ended = max(given, start) + 1 + r.randrange(600)
                self.record(
                    ended,
                    kind="exclusion_ended",
                    id=f"x{number}",
                    at=self.at(r.randrange(start + 1, ended + 1)),
                )
            if r.random() < 0.1:
                self.record(
                    given + r.randrange(DAY), kind="exclusion_withdrawn", id=f"x{number}", why="a mistake"
                )

    def tell_requests(self) -> None:
        r = self.random
        downs = [line for line in self.sightings if line.get("state") == "down"]
        of_s1 = [line for line in downs if line["server"] == "s1"] if self.is_troubled else []
        told = [*of_s1, *(r.choice(downs) for _ in range(r.randrange(12)) if downs)]
        for number, down in enumerate(told):
            minute = self.some()
            if r.random() < 0.85:
                began = datetime.fromisoformat(down["at"])
                minute = max(
                    2, int((began - self.base) / timedelta(minutes=1)) + r.choice((-15, -5, 10, 100))
                )
            whose = {
                "client": r.choice(("c1", "c1", "c2")),
                "solution": r.choice(("mail", "mail", "web", "s1")),
            }
            self.record(
                minute + r.choice((0, 0, 30)),
                kind="service_request",
                id=f"r{number}",
                **whose,
                opened_at=self.at(minute),
                opened_by="ann",
                channel="phone",
            )
            self.tell_withdrawal("service_request", f"r{number}", minute + 30)
        for solution in ("mail", "web", "s1", "s2"):
            for who in ("c1", "c2"):
                troubled = self.is_troubled and (solution, who) == ("mail", "c1")
                for number in range(r.choice((2, 6, 12) if troubled else (0, 1, 3))):
                    minute, name = self.some(), f"{solution} {who} {number}"
                    self.record(
                        minute,
                        kind="cancellation_notice",
                        id=self.withdrawing.choice((None, name, name)),
                        client=who,
                        solution=solution,
                        given_at=self.at(minute),
                    )
                    if self.records[-1][1]["id"]:
                        self.tell_withdrawal("cancellation_notice", name, minute)

    def tell_withdrawal(self, what: str, name: str, minute: int) -> None:
        if self.withdrawing.random() < 0.1:
            gone = minute + self.withdrawing.choice((0, 1, 3 * DAY))
            self.record(gone, kind="withdrawn", what=what, id=name, why="a mistake")


def story_of(seed: int) -> Story:
    """The story that a seed tells."""
    return Teller(seed).story()
