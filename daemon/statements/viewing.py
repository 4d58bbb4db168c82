"""From a statement's JSON to what it shows (`spec/statement.md`), in one language."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from operator import itemgetter
from typing import Final

from daemon.languages import LanguageName
from daemon.statements.recomputing import letterhead_command, recompute_command
from daemon.statements.speech import Speech
from daemon.statements.view import Fact, Json, Mark, Section, View, ViewColumn, ViewRow
from sla.accounts import DayState
from sla.availability import Quotient, Quotients, Tally, counted_as_available, quotients_of
from sla.calendars import Day, calendar_of, format_day, parse_month
from sla.chronic import Stage
from sla.client_document import MonthVerdict, verdict_of
from sla.instants import SECOND, parse_instant
from sla.terms import Basis, Unobserved
from sla.texts import printable

_NAMED: Final = 3
"""So many servers are named of those that an exclusion covers."""
_DATES: Final = ("chronic_at", "notice_closes_at", "notice_given_at", "resolution_until", "evaluation_until")
_BASES: Final = ("observed", "documented")


def view_of(document: bytes, locale: LanguageName) -> View:
    """What the document of `sla.client_document` shows, as it was made or stored."""
    whole = json.loads(document, parse_float=Fraction)
    return _ViewMaker(whole, locale, sha256(document).hexdigest()).view()


def what_next(speech: Speech, terms: Json, process: Json) -> str:
    """What happens next in a chronic-outage process, and by when; `terms`: those of chronic outages, as documents have them."""
    say, at = speech.say, speech.instant
    match Stage(process["stage"]):
        case Stage.CLEAR:
            return say("next.clear", interruptions=terms["interruptions"], days=terms["within_days"])
        case Stage.CHRONIC if process["notice_closes_at"] is None:
            return say("next.chronic_open", days=terms["notice_days"])
        case Stage.CHRONIC:
            return say("next.chronic", until=at(process["notice_closes_at"]))
        case Stage.RESOLUTION:
            return say("next.resolution", until=at(process["resolution_until"]))
        case Stage.EVALUATION:
            return say(
                "next.evaluation",
                most=terms["evaluation_max"],
                until=at(process["evaluation_until"]),
                count=process["evaluation_count"],
            )
        case stage:
            return say(f"next.{stage.value}")


def _us(seconds: int | Fraction) -> int:
    return int(seconds * SECOND)


_OUTAGE: Final = ("start", "end", "lasted", "name", "legs", "reason", "cause", "excluded_by")
_OUTAGE_NAME: Final = _OUTAGE.index("name")
_OUTAGE_EXCLUDED: Final = _OUTAGE.index("excluded_by")


class _ViewMaker:
    def __init__(self, document: Json, locale: LanguageName, digest: str) -> None:
        self._document = document
        self._head: Json = document["statement"]
        self._digest = digest
        self._speech = Speech(locale, self._head["timezone"])
        self._support = Speech(locale, self._head["terms"]["support"]["time_zone"])
        self._say = self._speech.say
        names = Counter(row["name"] for row in document.get("servers", ()))
        self._names = {
            row["id"]: printable(row["name"] if names[row["name"]] == 1 else f"{row['name']} ({row['id']})")
            for row in document.get("servers", ())
        }

    def view(self) -> View:
        head = self._head
        has_servers = bool(self._document["summary"]["servers"])
        return View(
            locale=self._speech.locale,
            title=self._say("title"),
            client=printable(head["name"]),
            month=self._speech.month(parse_month(head["month"])),
            provider=printable(head["provider"]["name"]),
            address=tuple(map(printable, head["provider"]["address"])),
            facts=tuple(self._facts()),
            note="" if has_servers else self._say("no_servers"),
            sections=tuple(self._sections()) if has_servers else (),
            days_heading=self._say("days"),
            unfold=self._say("unfold"),
            as_of=head["as_of"],
        )

    def _facts(self) -> Iterator[Fact]:
        head, terms = self._head, self._head["terms"]["availability"]
        at = self._speech.instant
        yield self._fact("client", f"{printable(head['name'])} ({printable(head['client'])})")
        yield self._fact("month", self._speech.month(parse_month(head["month"])))
        period = self._say("period_is", start=at(head["from"]), end=at(head["until"]), zone=head["timezone"])
        yield self._fact("period", period)
        yield self._fact("as_known_at", at(head["as_of"]))
        yield self._fact("version", self._version())
        counting = (self._say(f"basis.{terms['basis']}"), self._say(f"unobserved.{terms['unobserved']}"))
        yield self._fact("basis", "; ".join(counting))

    def _version(self) -> str:
        head = self._head
        if head["provisional"]:
            return self._say("provisional")
        if head["version"] is None:
            return self._say("not_issued")
        if head["corrects"] is None:
            return self._say("issued", version=head["version"])
        return self._say("corrects", version=head["version"], corrects=head["corrects"])

    def _sections(self) -> Iterator[Section]:
        yield Section(key="summary", heading=self._say("summary"), facts=tuple(self._summary()))
        yield self._servers()
        yield self._table(
            "outages",
            _OUTAGE,
            self._outages(),
            figures=("lasted",),
        )
        yield self._table(
            "exclusions",
            ("exclusion", "category", "start", "end", "reference", "covers", "time_excluded", "time_refused"),
            map(self._exclusion, self._document["exclusions"]),
            figures=("time_excluded",),
        )
        yield self._table(
            "interruptions",
            ("solution", "start", "end", "counted", "qualified", "documented"),
            map(self._interruption, sorted(self._document["interruptions"], key=self._place)),
            figures=("counted",),
        )
        yield self._chronic()
        yield self._table(
            "requests",
            ("request", "solution", "channel", "opened", "due", "responded", "business_time", "outcome"),
            map(self._request, sorted(self._document["service_requests"], key=itemgetter("opened_at", "id"))),
            figures=("business_time",),
            zone=self._support.zone,
        )
        yield self._table(
            "deadlines",
            ("solution", "deadline", "since", "due", "done", "outcome"),
            map(self._deadline, sorted(self._document["deadlines"], key=self._place)),
            zone=self._support.zone,
        )
        yield Section(key="check", heading=self._say("check"), facts=tuple(self._check()))

    def _summary(self) -> Iterator[Fact]:
        summary, speech = self._document["summary"], self._speech
        yield self._fact("servers", speech.number(summary["servers"]))
        for verdict in (MonthVerdict.MET, MonthVerdict.MISSED, MonthVerdict.EITHER, MonthVerdict.NOTHING):
            if summary[verdict.value] or verdict is not MonthVerdict.NOTHING:
                yield self._fact(f"summary.{verdict.value}", speech.number(summary[verdict.value]))
        for key in ("down", "excluded", "unobserved"):
            us = _us(summary[key])
            said = self._say("server_hours", hours=speech.hours(us), time=speech.duration(us))
            yield self._fact(f"summary.{key}", said)
        if summary["worst"] is not None:
            (row,) = (row for row in self._document["servers"] if row["id"] == summary["worst"]["server"])
            availability = speech.percent(_exact(self._quotients(row).availability))
            worst = self._say("worst_is", server=self._names[row["id"]], availability=availability)
            yield self._fact("worst", worst)
        counts = speech.number(summary["interruptions"]), speech.number(summary["qualified"])
        yield self._fact("summary.interruptions", self._say("and", whole=counts[0], part=counts[1]))
        stages = [
            self._say(
                "stage_is",
                solution=self._solution(each["solution"]),
                stage=self._say(f"stage.{each[basis]}"),
                basis=self._say(f"basis.{basis}"),
            )
            for each in sorted(summary["stages"], key=self._place)
            for basis in _BASES
            if each[basis] != Stage.CLEAR.value
        ]
        yield self._fact("stages_not_clear", "; ".join(stages) or self._say("none"))
        requests = summary["service_requests"]
        in_time, whole = speech.number(requests["met"]), speech.number(sum(requests.values()))
        yield self._fact("requests_in_time", self._say("of", part=in_time, whole=whole))

    def _servers(self) -> Section:
        keys = ("name", "solution", "availability", "target", "verdict", "summary.down", "summary.excluded")
        return self._table(
            "servers",
            (*keys, "summary.unobserved", "bounds"),
            map(self._server, self._document["servers"]),
            figures=("availability", "target", *keys[5:], "summary.unobserved"),
            legend=tuple(Mark(state=state.value, text=self._say(f"day.{state.value}")) for state in DayState),
        )

    def _server(self, row: Json) -> ViewRow:
        speech = self._speech
        ratios = self._quotients(row)
        availability = speech.percent(_exact(ratios.availability))
        low, high = speech.percent(_exact(ratios.low)), speech.percent(_exact(ratios.high))
        verdict = verdict_of(row["met"], row["conclusive"])
        return ViewRow(
            cells=(
                self._names[row["id"]],
                printable(row["solution"] or ""),
                availability,
                speech.percent(Fraction(self._head["terms"]["availability"]["target"])),
                self._say(f"verdict.{verdict.value}"),
                *(speech.duration(_us(row[key])) for key in ("down", "excluded", "unobserved")),
                "" if availability == low == high else self._say("range", low=low, high=high),
            ),
            tone=verdict.value,
            marks=tuple(map(self._mark, row["days"])),
        )

    def _mark(self, day: Json) -> Mark:
        said = {"date": self._speech.day(day["date"]), "state": self._say(f"day.{day['state']}")}
        time = day.get(day["state"])
        if time is None:
            return Mark(state=day["state"], text=self._say("day_is", **said))
        told = self._say("day_is_for", **said, time=self._speech.duration(_us(time)))
        return Mark(state=day["state"], text=told)

    def _outages(self) -> Iterator[ViewRow]:
        """Outages of one incident as a row with the servers counted, by when the first of them began."""
        incidents: dict[object, list[Json]] = {}
        for number, row in enumerate(self._document["outages"]):
            incidents.setdefault(row.get("incident") or number, []).append(row)
        for rows in incidents.values():
            servers = {row["server"] for row in rows}
            yield (
                self._outage(rows[0])
                if len(servers) == 1 == len(rows)
                else self._incident(rows, len(servers))
            )

    def _incident(self, rows: Sequence[Json], servers: int) -> ViewRow:
        """What holds of all of them stands in the row; of what does not, each says it itself."""
        whole = {
            **rows[0],
            "end": None if any(row["end"] is None for row in rows) else max(row["end"] for row in rows),
            "legs": list(dict.fromkeys(leg for row in rows for leg in row["legs"])),
            "reasons": list(dict.fromkeys(reason for row in rows for reason in row["reasons"])),
            "excluded_by": [],
        }
        parts = tuple(map(self._outage, rows))
        cells = list(self._outage(whole).cells)
        cells[_OUTAGE_NAME] = self._say("servers_counted", count=self._speech.number(servers))
        if len({part.cells[_OUTAGE_EXCLUDED] for part in parts}) > 1:
            cells[_OUTAGE_EXCLUDED] = self._say("see_each")
        else:
            cells[_OUTAGE_EXCLUDED] = parts[0].cells[_OUTAGE_EXCLUDED]
        return ViewRow(cells=tuple(cells), parts=tuple(_indented(part) for part in parts))

    def _outage(self, row: Json) -> ViewRow:
        speech, cause = self._speech, row["cause"]
        end = row["end"] or self._head["as_of"]
        excluded = (
            self._say(
                "excluded_for",
                exclusion=printable(each["exclusion"]),
                category=self._say(f"category.{each['category']}"),
                time=speech.duration(_us(each["seconds"])),
            )
            for each in row["excluded_by"]
        )
        return ViewRow(
            cells=(
                speech.instant(row["start"]),
                self._end(row["end"]),
                speech.duration(parse_instant(end) - parse_instant(row["start"])),
                self._names[row["server"]],
                ", ".join(self._say(f"leg.{leg}") for leg in row["legs"]),
                "; ".join(map(speech.reason, row["reasons"])),
                ""
                if cause is None
                else self._say(f"sure.{cause['confidence']}", cause=self._say(f"cause.{cause['cause']}")),
                "; ".join(excluded),
            )
        )

    def _exclusion(self, row: Json) -> ViewRow:
        speech = self._speech
        is_of_all = len(row["servers"]) == len(self._names)
        refused = (
            self._say(
                "refused_for",
                time=speech.duration(_us(each["seconds"])),
                reason=self._say(f"refusal.{each['reason']}"),
            )
            for each in row["refused"]
        )
        return ViewRow(
            cells=(
                printable(row["exclusion"]),
                self._say(f"category.{row['category']}"),
                speech.instant(row["from"]),
                speech.instant(row["until"]) if row["until"] else self._say("open_end"),
                printable(row["reference"] or ""),
                self._say("all_servers")
                if is_of_all
                else speech.names(
                    sorted((self._names[each] for each in row["servers"]), key=str.casefold), _NAMED
                ),
                speech.duration(_us(row["excluded"])),
                "; ".join(refused),
            )
        )

    def _interruption(self, row: Json) -> ViewRow:
        at = self._speech.instant
        return ViewRow(
            cells=(
                self._solution(row["solution"]),
                at(row["start"]),
                self._end(row["end"]),
                self._speech.duration(_us(row["counted"])),
                at(row["qualified_at"]),
                at(row["documented_at"]),
            )
        )

    def _chronic(self) -> Section:
        """Of the solutions of which there is something to tell: those that are not clear first."""
        as_of = self._head["as_of"]
        days = self._head["terms"]["chronic_outages"]["within_days"]
        calendar = calendar_of(self._head["timezone"])
        first = Day(calendar.day_of(parse_instant(as_of)) - days + 1)
        started = {
            row["id"]: [
                each["start"]
                for each in row["interruptions"]
                if calendar.day_of(parse_instant(each["start"])) >= first
            ]
            for row in self._document["solutions"]
        }
        solutions = sorted(self._document["solutions"], key=lambda row: (_is_clear(row), self._place(row)))
        return Section(
            key="chronic",
            heading=self._say("chronic", as_of=self._speech.instant(as_of)),
            columns=(
                self._column("solution"),
                ViewColumn(heading=self._say("window_starts", day=self._speech.day(format_day(first)))),
                self._column("chronic_basis"),
                ViewColumn(heading=self._say("in_window", days=days), is_figure=True),
                *map(self._column, ("stage", "dates", "next")),
            ),
            rows=tuple(
                self._process(row["id"], started[row["id"]], basis, row[basis])
                for row in solutions
                if started[row["id"]] or not _is_clear(row)
                for basis in _BASES
            ),
            empty=self._say("no_chronic"),
        )

    def _process(self, solution: str, started: Sequence[str], basis: str, process: Json) -> ViewRow:
        dates = (
            self._say(f"date.{key}", at=self._speech.instant(process[key])) for key in _DATES if process[key]
        )
        return ViewRow(
            cells=(
                self._solution(solution),
                "; ".join(map(self._speech.instant, started)),
                self._say(f"basis.{basis}"),
                self._speech.number(process["count"]),
                self._say(f"stage.{process['stage']}"),
                "; ".join(dates),
                what_next(self._speech, self._head["terms"]["chronic_outages"], process),
            )
        )

    def _request(self, row: Json) -> ViewRow:
        at = self._support.instant
        return ViewRow(
            cells=(
                printable(row["id"]),
                self._solution(row["solution"]),
                self._say(f"channel.{row['channel']}"),
                at(row["opened_at"]),
                at(row["due_at"]),
                at(row["responded_at"]),
                self._speech.duration(_us(row["elapsed_business"])),
                self._say(f"outcome.{row['response']}"),
            )
        )

    def _deadline(self, row: Json) -> ViewRow:
        at = self._support.instant
        return ViewRow(
            cells=(
                self._solution(row["solution"]),
                self._say(f"deadline.{row['deadline']}"),
                at(row["since"]),
                at(row["due_at"]),
                at(row["done_at"]),
                self._say(f"outcome.{row['outcome']}"),
            )
        )

    def _check(self) -> Iterator[Fact]:
        head = self._head
        if not head["ledgers"]:
            yield self._fact("ledger", self._say("not_proved"))
        for each in head["ledgers"]:
            name = self._say("ledger_named", name=printable(each["ledger"])) if each["ledger"] else ""
            said = self._say("head_is", seq=each["seq"], head=each["head"])
            yield Fact(label=name or self._say("ledger"), text=said)
        yield self._fact("sha256", self._digest)
        letterhead = letterhead_command(head)
        if letterhead:
            yield self._fact("letterhead", letterhead)
        yield self._fact("recompute", recompute_command(head))
        yield self._fact("time_zones", printable(head["time_zones"]))

    def _table(
        self,
        key: str,
        columns: Sequence[str],
        rows: Iterable[ViewRow],
        *,
        figures: Sequence[str] = (),
        legend: tuple[Mark, ...] = (),
        zone: str = "",
    ) -> Section:
        return Section(
            key=key,
            heading=self._say(key, zone=zone) if zone else self._say(key),
            columns=tuple(
                ViewColumn(heading=self._say(name), is_figure=name in figures, is_verdict=name == "verdict")
                for name in columns
            ),
            rows=tuple(rows),
            legend=legend,
            legend_title=self._say("days_legend") if legend else "",
            empty=self._say(f"no_{key}") if key != "servers" else "",
        )

    def _column(self, key: str) -> ViewColumn:
        return ViewColumn(heading=self._say(key))

    def _fact(self, key: str, text: str) -> Fact:
        return Fact(label=self._say(key), text=text)

    def _end(self, end: str | None) -> str:
        return self._say("ongoing") if end is None else self._speech.instant(end)

    def _solution(self, solution: str) -> str:
        """A solution by its name; a lone server by its own."""
        return self._names.get(solution) or printable(solution)

    def _place(self, row: Json) -> tuple[bool, str, str]:
        """Where a row of a solution stands: by the name that people read, lone servers last."""
        solution = row["solution"] if "solution" in row else row["id"]
        return solution in self._names, self._solution(solution).casefold(), solution

    def _quotients(self, row: Json) -> Quotients:
        """The ratios of a row, exact: those in the document are only the nearest doubles."""
        terms = self._head["terms"]["availability"]
        tally = Tally(
            up=_us(row["up"]),
            down=_us(row["down"]),
            unobserved=_us(row["unobserved"]),
            disputed=_us(row["disputed"]),
        )
        x = counted_as_available(Basis(terms["basis"]), _us(row["excluded"]))
        return quotients_of(Unobserved(terms["unobserved"]), tally, x, 0, 0)


def _is_clear(solution: Json) -> bool:
    return all(solution[basis]["stage"] == Stage.CLEAR.value for basis in _BASES)


def _exact(quotient: Quotient) -> Fraction | None:
    return Fraction(*quotient) if quotient[1] else None


def _indented(part: ViewRow) -> ViewRow:
    """As one of those for which another row stands."""
    cells = list(part.cells)
    cells[_OUTAGE_NAME] = f"· {cells[_OUTAGE_NAME]}"
    return replace(part, cells=tuple(cells))
