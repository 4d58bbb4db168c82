"""The spec once more, minute by minute: slow, plain, and sharing no code with `sla/`.

Everything is an array with an entry for each minute from `base` on, UTC; local times come from datetime and zoneinfo
directly. It holds for evidence whose instants are whole minutes inside the grid, and for months that lie in it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

from tests.sla.brute_clock import LEGS, Clock, after, as_float, keys_of, merged, minute_of
from tests.sla.brute_service import FOR_EVER, existing, service

Line = dict[str, Any]
CATEGORIES = (
    "force_majeure",
    "client_change",
    "client_system",
    "end_user_pc",
    "emergency_security_update",
    "scheduled_maintenance",
)


class Brute:
    """A statement, worked out minute by minute."""

    def __init__(
        self, lines: Sequence[Line], base: datetime, size: int, month: str, as_of: str, terms: Any
    ) -> None:
        self.base, self.size, self.terms = base, size, terms
        self.as_of = minute_of(as_of, base)
        self.month = month
        self.sightings = [x for x in lines if x["kind"] in {"observation", "blind", "observed_until"}]
        others = [x for x in lines if x not in self.sightings]
        known = existing(others, lambda x: self.at(x["recorded_at"]) <= self.as_of)
        gone = {(x["what"], x["id"]) for x in known if x["kind"] == "withdrawn"}
        self.known = [x for x in known if (x["kind"], x.get("id")) not in gone]
        self.clients = {x["id"]: x for x in self.known if x["kind"] == "client"}
        self.clocks = {name: Clock(x["timezone"], base, size) for name, x in self.clients.items()}
        self.servers = {x["id"]: x["name"] for x in self.known if x["kind"] == "server"}
        self.owners = {name: self.owner(name) for name in self.servers}
        self.keys = {name: keys_of(name, owners) for name, owners in self.owners.items()}
        self.states = {name: self.state(name) for name in self.servers}
        self.shares = {
            (name, who): self.exclusions(name, who) for name in self.servers for who in self.clients
        }

    def at(self, text: str) -> int:
        return minute_of(text, self.base)

    def text(self, minute: int | None) -> str | None:
        if minute is None:
            return None
        return (self.base + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")

    # Service: who has the server, and which legs are watched, at each minute

    def owner(self, name: str) -> list[tuple[str, str | None, tuple[str, ...]] | None]:
        contract = self.terms["availability"]["legs"]
        return [
            held and (held[0], held[1], tuple(leg for leg in LEGS if leg in held[2] and leg in contract))
            for held in service(self.known, name, self.at, self.size)
        ]

    # States: what each witness sees, then legs, then the server

    def view(self, who: tuple[str, str], name: str, leg: str) -> list[str]:
        said: dict[int, str] = {}
        blind: set[int] = set()
        until = -1
        for line in self.sightings:
            if (line["observer"], line["source"]) != who:
                continue
            if line["kind"] == "observation" and (line["server"], line["leg"]) == (name, leg):
                said[self.at(line["at"])] = line["state"]
            elif line["kind"] == "blind" and leg in line.get("legs", LEGS):
                blind |= set(range(self.at(line["from"]), self.at(line["until"])))
            elif line["kind"] == "observed_until":
                until = self.at(line["at"])
        seen = ["unknown"] * self.size
        for start, end in pairwise((*sorted(said), self.size)):
            seen[max(start, 0) : end] = [said[start]] * (end - max(start, 0))
        for minute in blind:
            seen[minute] = "unknown"
        seen[max(until, 0) :] = ["unknown"] * (self.size - max(until, 0))
        return seen

    def state(self, name: str) -> list[tuple[str, frozenset[str], bool]]:
        """At each minute before `as_of`: the state, the legs that are down, and whether a witness says down."""
        witnesses = sorted({(x["observer"], x["source"]) for x in self.sightings})
        views = [zip(*(self.view(who, name, leg) for who in witnesses), strict=True) for leg in LEGS]
        legs_of = [owner[2] if owner else () for owner in self.owners[name]]
        minutes = zip(legs_of, zip(*views, strict=True), strict=True)
        return [merged(considered, said) for considered, said in islice(minutes, self.as_of)]

    # Exclusions: for each minute the categories that are eligible, and each window's refused minutes

    def windows(self) -> list[Line]:
        gone = {x["id"] for x in self.known if x["kind"] == "exclusion_withdrawn"}
        ends = {x["id"]: x["at"] for x in self.known if x["kind"] == "exclusion_ended"}
        return [
            {**x, "until": ends.get(x["id"], x["until"])}
            for x in self.known
            if x["kind"] == "exclusion" and x["id"] not in gone
        ]

    def covered(self, window: Line, name: str, who: str) -> set[int]:
        start = max(self.at(window["from"]), 0)
        end = self.size if window["until"] is None else self.at(window["until"])
        minutes = set()
        for minute in range(start, min(end, self.size)):
            owner = self.owners[name][minute]
            if owner and owner[0] == who:
                scoped = window["clients"] or window["solutions"] or window["servers"]
                named = (
                    who in window["clients"]
                    or (owner[1] or name) in window["solutions"]
                    or name in window["servers"]
                )
                if named or not scoped:
                    minutes.add(minute)
        return minutes

    def is_late(self, window: Line, clock: Clock) -> bool:
        rule = self.terms["scheduled_maintenance"]
        if window["announced_at"] is None:
            return True
        given = self.at(window["recorded_at" if rule["announcement"] == "recorded" else "announced_at"])
        wall = clock.wall(self.at(window["from"]))
        return given > clock.minute(after(wall.date(), -rule["notice"]), wall.time())

    def band(self, clock: Clock) -> set[int]:
        start, end = (time.fromisoformat(x) for x in self.terms["scheduled_maintenance"]["between"])
        first, last = clock.date(0), clock.date(self.size - 1)
        minutes: set[int] = set()
        for number in range((last - first).days + 2):
            day = after(first, number - 1)
            until = day if end > start else after(day, 1)
            minutes |= set(range(clock.minute(day, start), clock.minute(until, end)))
        return minutes

    def exclusions(self, name: str, who: str) -> tuple[dict[int, set[str]], list[tuple[str, str, set[int]]]]:
        rule = self.terms["scheduled_maintenance"]
        clock = self.clocks[who]
        band = self.band(clock)
        minutes: dict[int, set[str]] = {}
        refused: list[tuple[str, str, set[int]]] = []
        wanted: list[tuple[Line, set[int]]] = []
        for window in self.windows():
            covered = self.covered(window, name, who)
            if window["category"] in CATEGORIES[:4]:
                for minute in covered:
                    minutes.setdefault(minute, set()).add(window["category"])
            elif window["category"] == "emergency_security_update":
                wanted.append((window, covered))
            elif self.is_late(window, clock):
                refused.append((window["id"], "late_notice", covered))
            else:
                refused.append((window["id"], "outside_band", covered - band))
                wanted.append((window, covered & band))

        def capped(window: Line) -> bool:
            return bool(rule["emergency_in_cap"]) or window["category"] == "scheduled_maintenance"

        allowed, used = set(), dict[date, int]()
        for minute in sorted(set().union(*(m for w, m in wanted if capped(w)))):
            day = clock.date(minute)
            monday = after(day, -day.weekday())
            if used.get(monday, 0) < rule["max_per_week"]:
                used[monday] = used.get(monday, 0) + 1
                allowed.add(minute)
        for window, these in wanted:
            kept = these & allowed if capped(window) else these
            for minute in kept:
                minutes.setdefault(minute, set()).add(window["category"])
            refused.append((window["id"], "over_weekly_cap", these - kept))
        return minutes, refused

    # The document

    def statement(self) -> dict[str, Any]:
        return {
            "servers": [
                row
                for name in sorted(self.servers)
                for who in sorted(self.clients)
                for row in self.row(name, who)
            ],
            "solutions": [self.solution(*key) for key in sorted(self.solutions())],
        }

    def month_of(self, clock: Clock) -> range:
        first = date.fromisoformat(f"{self.month}-01")
        return range(clock.minute(first), clock.minute(after(first, 31).replace(day=1)))

    def row(self, name: str, who: str) -> list[dict[str, Any]]:
        month = self.month_of(self.clocks[who])
        owners = self.owners[name]
        whole = [m for m in month if owners[m] and owners[m][0] == who]  # type: ignore[index]
        if not whole:
            return []
        excluded, refused = self.shares[name, who]
        so_far = [m for m in whole if m < self.as_of]
        judged = [m for m in so_far if m not in excluded]
        lasted = Counter(self.states[name][m] for m in judged)
        n = {s: sum(t for each, t in lasted.items() if each[0] == s) for s in ("up", "down", "unknown")}
        disputed = sum(t for each, t in lasted.items() if each[0] == "up" and each[2])
        booked = [min(excluded[m], key=CATEGORIES.index) for m in so_far if m in excluded]
        by = {c: booked.count(c) * 60 for c in CATEGORIES if c in booked}
        whole_excluded = sum(m in excluded for m in whole)
        rule = self.terms["availability"]
        target = Fraction(rule["target"])

        def available(up: int, unknown: int, x: int) -> Fraction | None:
            down = n["down"]
            over, under = {
                "exclude": (up + x, up + down + x),
                "up": (up + unknown + x, up + unknown + down + x),
                "down": (up + x, up + unknown + down + x),
            }[rule["unobserved"]]
            return Fraction(over, under) if under else None

        on_service = rule["basis"] == "service"
        x = len(booked) if on_service else 0
        whole_x = whole_excluded if on_service else 0
        agreed = len(judged)
        low = Fraction(n["up"] - disputed + x, agreed + x) if agreed + x else None
        high = Fraction(n["up"] + n["unknown"] + x, agreed + x) if agreed + x else None
        of_basis = {
            "agreed": available(n["up"], n["unknown"], 0),
            "service": available(n["up"], n["unknown"], len(booked)),
        }
        availability = of_basis[rule["basis"]]
        to_come = len([m for m in whole if m >= self.as_of and m not in excluded])
        budget = (1 - target) * (len(whole) - whole_excluded + whole_x) * 60
        counted = {(w, r): len(ms & set(so_far)) for w, r, ms in refused}
        return [
            {
                "id": name,
                "name": self.servers[name],
                "client": who,
                "solution": owners[whole[-1]][1],  # type: ignore[index]
                "service": len(so_far) * 60,
                "excluded": len(booked) * 60,
                "excluded_by": by,
                "agreed": agreed * 60,
                "up": n["up"] * 60,
                "down": n["down"] * 60,
                "unobserved": n["unknown"] * 60,
                "disputed": disputed * 60,
                "availability": as_float(availability),
                "availability_low": as_float(low),
                "availability_high": as_float(high),
                "by_basis": {basis: as_float(value) for basis, value in of_basis.items()},
                "coverage": as_float(Fraction(n["up"] + n["down"], agreed) if agreed else None),
                "target": as_float(target),
                "met": None if availability is None else availability >= target,
                "conclusive": None if low is None or high is None else (low >= target) == (high >= target),
                "best_possible": as_float(available(n["up"] + to_come, n["unknown"], whole_x)),
                "budget": as_float(budget),
                "budget_left": as_float(budget - n["down"] * 60),
                "down_by_leg": {
                    leg: sum(t for each, t in lasted.items() if leg in each[1]) * 60
                    for leg in LEGS
                    if any(leg in owner[2] for owner in {owners[m] for m in whole})  # type: ignore[index]
                },
                "ineligible": [
                    {"exclusion": w, "reason": r, "seconds": minutes * 60}
                    for (w, r), minutes in sorted(counted.items())
                    if minutes
                ],
            }
        ]

    # Interruptions

    def solutions(self) -> set[tuple[str, str]]:
        return {key for keys in self.keys.values() for key in keys if key}

    def runs(self, name: str, key: tuple[str, str]) -> Iterable[tuple[int | None, list[int]]]:
        """The runs of a server in a solution: where each ends, and its minutes that are down."""
        rejoin = self.terms["chronic_outages"]["rejoin"]
        mine = [each == key for each in self.keys[name]]
        minute = 0
        while minute < self.as_of:
            if not mine[minute] or self.states[name][minute][0] != "down":
                minute += 1
                continue
            downs, up_at, end = [minute], None, None
            minute += 1
            while True:
                if minute == self.as_of:
                    end = up_at
                    break
                if not mine[minute]:
                    end = up_at if up_at is not None else minute
                    break
                state = self.states[name][minute][0]
                if state == "up" and up_at is None:
                    up_at = minute
                if state == "down":
                    if up_at is not None and minute - up_at >= rejoin:
                        end = up_at
                        break
                    up_at = None
                    downs.append(minute)
                minute += 1
            yield end, downs

    def interruptions(self, key: tuple[str, str]) -> list[dict[str, Any]]:
        lives = []
        for name in sorted(self.servers):
            excluded, _ = self.shares[name, key[1]]
            for end, downs in self.runs(name, key):
                counted = [m for m in downs if m not in excluded]
                if counted:
                    alive = end is None and self.as_of - 1 not in excluded
                    lives.append((counted[0], self.as_of if alive else counted[-1] + 1, end, counted))
        found: list[dict[str, Any]] = []
        for start, until, end, counted in sorted(lives, key=lambda life: life[:2]):
            if found and start <= found[-1]["until"]:
                found[-1]["until"] = max(found[-1]["until"], until)
            else:
                found.append({"start": start, "until": until, "ends": [], "counted": set()})
            found[-1]["ends"].append(end)
            found[-1]["counted"] |= set(counted)
        lasting = self.terms["chronic_outages"]["lasting"]
        for each in found:
            each["end"] = None if each["until"] == self.as_of else each["until"]
            minutes = sorted(each["counted"])
            each["qualified"] = minutes[lasting - 1] + 1 if len(minutes) >= lasting else None
            each["documents"] = []
        early = self.terms["chronic_outages"]["request_early"]
        for line in self.known:
            if line["kind"] == "service_request" and (line["solution"], line["client"]) == key:
                opened = self.at(line["opened_at"])
                for each in found:
                    over = None not in each["ends"] and opened >= max(each["ends"])
                    if opened >= each["start"] - early and not over:
                        each["documents"].append(opened)
                        break
        return found

    # Chronic outages: the process is lived through, moment by moment

    def solution(self, name: str, who: str) -> dict[str, Any]:
        found = self.interruptions((name, who))
        month = self.month_of(self.clocks[who])
        return {
            "id": name,
            "client": who,
            "accepted_from": self.text(
                min(keys.index((name, who)) for keys in self.keys.values() if (name, who) in keys)
            ),
            "interruptions": [
                {
                    "start": self.text(each["start"]),
                    "end": self.text(each["end"]),
                    "counted": len(each["counted"]) * 60,
                    "qualified_at": self.text(each["qualified"]),
                    "documented_at": self.text(max(min(each["documents"]), each["start"]))
                    if each["documents"]
                    else None,
                }
                for each in found
                if each["end"] is None
                or (each["start"] < month.stop and each["end"] > month.start)
                or each["end"] > self.as_of - 90 * 1440
            ],
            "observed": self.chronic(name, who, found, lambda each: each["qualified"]),
            "documented": self.chronic(
                name,
                who,
                found,
                lambda each: (
                    max(each["qualified"], min(each["documents"]))
                    if each["qualified"] is not None and each["documents"]
                    else None
                ),
            ),
        }

    def chronic(
        self, name: str, who: str, found: list[dict[str, Any]], counts_at: Callable[[Any], int | None]
    ) -> dict[str, Any]:
        rule, clock = self.terms["chronic_outages"], self.clocks[who]
        limit = rule["interruptions"]
        counting = [
            {**each, "at": counts_at(each), "date": clock.date(each["start"])}
            for each in found
            if counts_at(each) is not None
        ]
        for each in counting:
            each["closes"] = (
                FOR_EVER
                if each["end"] is None
                else clock.minute(after(clock.date(each["end"]), rule["notice_days"] + 1))
            )
        waiting = [
            clock.date(each["start"]) for each in found if each["end"] is None and counts_at(each) is None
        ]
        notices = {
            self.at(x["given_at"])
            for x in self.known
            if x["kind"] == "cancellation_notice" and (x["solution"], x["client"]) == (name, who)
        }
        looks_back, opens_after = date.min, date.min
        shown: dict[str, Any] = {"stage": "clear"}
        notice: date | None = None
        low_at = -1
        midnights = {clock.minute(after(clock.date(0), n)) for n in range(self.size // 1440 + 2)}
        moments = (
            midnights | notices | {e["at"] for e in counting} | {e["closes"] for e in counting} | {self.as_of}
        )
        for now in sorted(m for m in moments if 0 <= m <= self.as_of):
            today = clock.date(now)
            count = sum(
                e["at"] <= now and 0 <= (today - e["date"]).days < rule["within_days"] for e in counting
            )
            low_at = now if count < limit - 1 else low_at
            pool = [e for e in counting if e["date"] > looks_back]
            triggers = [
                e
                for place, e in enumerate(pool)
                if place >= limit - 1
                and (e["date"] - pool[place - limit + 1]["date"]).days < rule["within_days"]
                and e["date"] > opens_after
                and e["at"] <= now
            ]
            if notice is None:
                if triggers:
                    newest = triggers[-1]
                    shown = {"trigger": newest}
                    opened = [e for e in triggers if e["at"] <= now < e["closes"]]
                    if opened and now in notices:
                        notice = today
                        shown = {"trigger": opened[-1], "notice": now}
                    elif opened:
                        shown["stage"] = "chronic"
                    else:
                        lapsed = low_at < newest["closes"]
                        shown["stage"] = "lapsed" if lapsed else "at_risk" if count >= limit - 1 else "clear"
                elif shown["stage"] != "resolved":
                    shown["stage"] = "at_risk" if count >= limit - 1 else "clear"
            if notice is not None:
                first = after(notice, rule["resolution_days"] + 1)
                last = after(notice, rule["resolution_days"] + rule["evaluation_days"])
                inside = [e for e in counting if first <= e["date"] <= last and e["at"] <= now]
                shown |= {
                    "resolution": clock.minute(first),
                    "evaluation": clock.minute(after(last, 1)),
                    "inside": len(inside),
                }
                not_yet = [e["date"] for e in counting if e["at"] > now] + waiting
                if len(inside) > rule["evaluation_max"]:
                    shown["stage"] = "unresolved"
                elif today < first:
                    shown["stage"] = "resolution"
                elif today <= last or any(first <= day <= last for day in not_yet):
                    shown["stage"] = "evaluation"
                else:
                    shown["stage"] = "resolved"
                    looks_back, opens_after, notice = notice, last, None
        trigger = shown.get("trigger")
        return {
            "count": count,
            "stage": shown["stage"],
            "chronic_at": self.text(trigger["at"]) if trigger else None,
            "notice_closes_at": self.text(trigger["closes"])
            if trigger and trigger["closes"] != FOR_EVER
            else None,
            "notice_given_at": self.text(shown.get("notice")),
            "resolution_until": self.text(shown.get("resolution")),
            "evaluation_until": self.text(shown.get("evaluation")),
            "evaluation_count": shown.get("inside", 0),
        }
