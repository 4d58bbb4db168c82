"""slad.toml as a whole: `load` reads it, checks it and tells every problem at once."""

import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, combinations
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from daemon.config.alertmanager import AlertmanagerTable
from daemon.config.config import UNASSIGNED, Config
from daemon.config.contracts import Tables, faults_of, mapping, names_key, overridden, tables_of
from daemon.config.hub import HubTable
from daemon.config.lines import KeyPath, key_lines, line_of
from daemon.config.messages import causes_of, key_text, told, unknown_key
from daemon.config.problems import ConfigError, Problem
from daemon.config.reading import parsed, read_text, told_by_line
from daemon.config.server_families import NEEDED_BY_DASHBOARDS, NEEDED_BY_RULES
from daemon.config.statements import StatementsTable, warnings_of
from daemon.config.tables import (
    LAYERS_SETTLE_WITHIN_US,
    ClientTable,
    ConditionsTable,
    ControlTable,
    InternetTable,
    LedgerTable,
    PeopleTable,
    ProbesTable,
    ProviderTable,
    ReachTable,
    RuleTable,
    Table,
    TopTable,
    UnassignedTable,
    UplinkTable,
    VantageTable,
    VCenterTable,
    WatchTable,
    WebTable,
)
from daemon.config.values import (
    ADDRESS,
    Address,
    Duration,
    Surroundings,
    alike,
    check_id,
    nearest,
    shown,
    vcenter_address,
)
from probes.report import INTERNET
from sla.records import ClientId


def load(path: Path, env: Mapping[str, str]) -> Config:
    """Read and check a slad.toml. Raises ConfigError with all that is wrong.

    Paths in it are relative to its own folder. `env` gives what systemd sets: STATE_DIRECTORY, RUNTIME_DIRECTORY and
    CREDENTIALS_DIRECTORY.
    """
    with _opened(path, env) as (loading, raw):
        return loading.config(raw)


def load_provider(path: Path) -> ProviderTable:
    """The table `[provider]` of a file, be it a slad.toml or not; no other is read. Raises ConfigError."""
    with _opened(path, {}) as (loading, raw):
        return loading.provider(raw)


@contextmanager
def _opened(path: Path, env: Mapping[str, str]) -> Iterator[tuple["_Loading", Mapping[str, object]]]:
    """A reading of a file, and what its text says. Raises ConfigError where that is no TOML."""
    text = read_text(path)
    with told_by_line(path, text):
        raw = parsed(text)
        yield _Loading(path, env, key_lines(text)), raw


_T = TypeVar("_T", bound=Table)

_SECTIONS: Final = (
    "observer",
    "ledger",
    "web",
    "control",
    "watch",
    "vcenter",
    "client",
    "unassigned",
    "provider",
    "statements",
    "people",
    "rule",
    "vantage",
    "uplink",
    "internet",
    "reach",
    "probes",
    "alertmanager",
    "hub",
    "contract",
)


class _Loading:
    """One reading of one file; gathers problems, so that one bad table does not hide what is wrong with the next."""

    def __init__(self, file: Path, env: Mapping[str, str], lines: dict[KeyPath, int]) -> None:
        self._file = file
        self._env = env
        self._lines = lines
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._mistaken: set[str] = set()
        """Sections that are there under a name, or in a form, that is not theirs: what would follow from it is not told."""

    def config(self, raw: Mapping[str, object]) -> Config:
        """The configuration. Raises ConfigError."""
        for key in raw:
            if key not in _SECTIONS:
                self._problem((key,), unknown_key(key, _SECTIONS))
                self._mistaken.update(alike(key, _SECTIONS))
        top = self._table(TopTable, (), {"observer": raw.get("observer", socket.gethostname())})
        ledger = self._table(LedgerTable, ("ledger",), self._with_default(raw, "ledger", "path"))
        control = self._table(ControlTable, ("control",), self._with_default(raw, "control", "socket"))
        web = self._table(WebTable, ("web",), raw.get("web", {}))
        watch = self._table(WatchTable, ("watch",), raw.get("watch", {}))
        unassigned = self._table(UnassignedTable, ("unassigned",), raw.get("unassigned", {}))
        vcenters = self._named_tables(VCenterTable, "vcenter", raw)
        clients = self._named_tables(ClientTable, "client", raw)
        provider = self._table(ProviderTable, ("provider",), raw.get("provider", {}))
        statements = self._table(StatementsTable, ("statements",), raw.get("statements", {}))
        people = self._table(PeopleTable, ("people",), raw.get("people", {}))
        rules = self._listed_tables(RuleTable, "rule", raw)
        vantage = self._table(VantageTable, ("vantage",), raw["vantage"]) if "vantage" in raw else None
        uplinks = self._named_tables(UplinkTable, "uplink", raw)
        internet = self._listed_tables(InternetTable, "internet", raw)
        reach = self._table(ReachTable, ("reach",), raw.get("reach", {}))
        probes = self._table(ProbesTable, ("probes",), raw.get("probes", {}))
        alertmanager = (
            self._table(AlertmanagerTable, ("alertmanager",), raw["alertmanager"])
            if "alertmanager" in raw
            else None
        )
        hub = self._table(HubTable, ("hub",), raw["hub"]) if "hub" in raw else None
        contract = self._contract(raw)

        self._check_web(web)
        self._check_vcenters(raw)
        self._check_clients(raw, rules)
        self._check_people(people, clients)
        self._check_rules(raw, "rule", rules)
        self._check_rules(raw, "internet", internet)
        self._check_vantage(vantage, uplinks)
        self._check_uplinks(raw, internet)
        self._check_lag(vantage, uplinks, internet, reach)
        self._check_reach(reach, internet)
        if statements is not None:
            are_all_known = len(clients) == len(_names(raw, "client")) and not self._mistaken & {
                "client",
                "statements",
            }
            for path, text in warnings_of(statements, clients, are_all_known=are_all_known):
                self._warn(path, text)
        if {"statements", "hub", "vcenter"} <= raw.keys():
            self._problem(
                ("statements",),
                "is for the hub, which issues what all monitors know: move it, and recipients, to the slad.toml of 'slad hub run'",
            )
        if alertmanager is not None and alertmanager.shows_its_secret:
            self._warn(("alertmanager", "urls"), "the password or token goes there in plain text: use https")
        if hub is not None and hub.dsn.is_open_to_others:
            self._warn(
                ("hub", "dsn"), f"who is on the way can read it or be the store: sslmode {hub.dsn.sslmode}"
            )
        if self._problems:
            raise ConfigError(_in_order(self._problems), _in_order(self._warnings))
        assert top is not None and ledger is not None and control is not None  # noqa: PT018  nothing is missing
        assert web is not None and watch is not None and unassigned is not None  # noqa: PT018  nothing is missing
        assert people is not None and reach is not None and probes is not None  # noqa: PT018  nothing is missing
        assert provider is not None and statements is not None  # noqa: PT018  nothing is missing
        return Config(
            path=self._file,
            observer=top.observer,
            ledger=ledger,
            web=web,
            control=control,
            watch=watch,
            vcenters=vcenters,
            clients={
                **{ClientId(name): client for name, client in clients.items()},
                UNASSIGNED: ClientTable(name="Unassigned", timezone=unassigned.timezone),
            },
            people=people,
            provider=provider,
            statements=statements,
            rules=tuple(rules.values()),
            vantage=vantage,
            uplinks=uplinks,
            internet=tuple(internet.values()),
            reach=reach,
            probes=probes,
            alertmanager=alertmanager,
            hub=hub,
            general_contract=contract,
            warnings=_in_order(self._warnings),
        )

    def provider(self, raw: Mapping[str, object]) -> ProviderTable:
        """The table `[provider]` alone. Raises ConfigError."""
        table = self._table(ProviderTable, ("provider",), raw.get("provider", {}))
        if table is None:
            raise ConfigError(_in_order(self._problems), _in_order(self._warnings))
        return table

    # Reading

    def _with_default(self, raw: Mapping[str, object], section: str, key: str) -> object:
        """A section with the file's default place added: where systemd says, else where its unit would."""
        table = raw.get(section, {})
        if not isinstance(table, dict) or key in table:
            return table
        variable, folder, name = _DEFAULT_PLACES[section]
        return {**table, key: str(Path(self._env.get(variable, folder).split(":")[0] or folder, name))}

    def _table(self, model: type[_T], path: KeyPath, raw: object) -> _T | None:
        if not isinstance(raw, dict):
            self._problem(path, f"must be a table, not {shown(raw)}")
            return None
        before = len(self._problems)
        if model.knows_all_of(raw):
            for key, text in model.conflicts(raw):
                self._problem((*path, *key.split(".")) if key else path, text)
        surroundings = Surroundings(folder=self._file.parent.absolute(), env=self._env)
        table = None
        try:
            table = model.model_validate(raw, context=surroundings)
        except ValidationError as error:
            for details in causes_of(error):
                self._problem((*path, *details["loc"]), told(model, details))
        for key, text in surroundings.notes:
            self._warn((*path, key), text)
        return table if len(self._problems) == before else None

    def _named_tables(self, model: type[_T], section: str, raw: Mapping[str, object]) -> dict[str, _T]:
        """The tables `[section.NAME]` that are in order, by name."""
        tables = raw.get(section, {})
        if not isinstance(tables, dict):
            self._problem((section,), f"must be tables: write [{section}.NAME]")
            self._mistaken.add(section)
            return {}
        found = {}
        for name, table in tables.items():
            try:
                check_id(name)
            except ValueError as error:
                self._problem((section, name), str(error))
            read = self._table(model, (section, name), table)
            if read is not None:
                found[name] = read
        return found

    def _listed_tables(self, model: type[_T], section: str, raw: Mapping[str, object]) -> dict[int, _T]:
        """The tables `[[section]]` that are in order, by position."""
        tables = raw.get(section, [])
        if not isinstance(tables, list):
            self._problem((section,), f"must be tables: write [[{section}]]")
            self._mistaken.add(section)
            return {}
        read = {
            position: self._table(model, (section, position), each) for position, each in enumerate(tables)
        }
        return {position: table for position, table in read.items() if table is not None}

    def _contract(self, raw: Mapping[str, object]) -> Tables:
        """The tables `[contract.*]`, checked, and those of every client on top of them."""
        if not isinstance(raw.get("contract", {}), dict):
            self._problem(("contract",), "must be tables: write [contract.availability] and the like")
        general = tables_of(raw)
        for key, text in faults_of(general):
            self._problem(("contract", *key), text)
        for name in _names(raw, "client"):
            own = tables_of(mapping(mapping(raw["client"])[name]))
            for key, text in faults_of(overridden(general, own)):
                if names_key(own, key):
                    self._problem(("client", name, "contract", *key), text)
        return general

    # What tables say of each other

    def _check_web(self, web: WebTable | None) -> None:
        if web is None:
            return
        for who, needed in (("rules and alerts", NEEDED_BY_RULES), ("dashboards", NEEDED_BY_DASHBOARDS)):
            if missing := web.left_out(needed):
                self._warn(("web", "families"), f"{who} of deploy/mixin need {', '.join(missing)} too")
        if web.config_file is not None:
            return
        for position, address in enumerate(web.listen):
            if not address.is_loopback:
                self._warn(
                    ("web", "listen", position),
                    f"{address} is open to the network without TLS or passwords: set config_file",
                )

    def _check_vcenters(self, raw: Mapping[str, object]) -> None:
        if not raw.get("vcenter") and "vcenter" not in self._mistaken:
            whose = ", as with 'slad hub run'" if raw.get("hub") else ""
            self._warn((), f"nothing is watched{whose}: there is no [vcenter.NAME]")
        if INTERNET in _names(raw, "vcenter"):
            self._problem(
                ("vcenter", INTERNET),
                "is the name of another witness in the evidence: choose another",
            )
        first_with: dict[Address, str] = {}
        for name in _names(raw, "vcenter"):
            with suppress(ValueError):  # reported where the table was read
                address = vcenter_address(mapping(mapping(raw["vcenter"])[name]).get("address"))
                first = first_with.setdefault(address, name)
                if first != name:
                    line = line_of(self._lines, ("vcenter", first, "address"))
                    self._problem(
                        ("vcenter", name, "address"),
                        f"{address} is that of vcenter.{first} (line {line}): watch each vCenter once",
                    )

    def _check_clients(self, raw: Mapping[str, object], rules: Mapping[int, RuleTable]) -> None:
        clients = _names(raw, "client")
        if UNASSIGNED in clients:
            self._problem(
                ("client", UNASSIGNED), "is the client of servers that no rule assigns: see [unassigned]"
            )
        named = {rule.client for rule in rules.values()}
        if "hub" in raw and "vcenter" not in raw:
            return  # of a hub: which servers there are is the monitors'
        are_all_known = "rule" not in self._mistaken and len(rules) == len(_list(raw.get("rule")))
        if are_all_known and named <= {None, *clients}:
            for client in clients:
                if client not in named:
                    self._warn(("client", client), "has no servers: no [[rule]] names it")

    def _check_people(self, people: PeopleTable | None, clients: Mapping[str, ClientTable]) -> None:
        """A user is one person's: a pattern stands in one list."""
        lists: list[tuple[KeyPath, Sequence[str]]] = []
        if people is not None:
            lists += [
                (("people", "automation", position, "users"), automation.users)
                for position, automation in enumerate(people.automation)
            ]
            lists.append((("people", "employees"), people.employees))
        lists += [(("client", name, "users"), client.users) for name, client in clients.items()]
        first_in: dict[str, KeyPath] = {}
        for path, patterns in lists:
            for position, pattern in enumerate(patterns):
                first = first_in.setdefault(pattern.casefold(), (*path, position))
                if first != (*path, position):
                    line = line_of(self._lines, first)
                    self._problem(
                        (*path, position), f"{shown(pattern)} is in {key_text(first[:-1])} too (line {line})"
                    )
        if people is not None and not people.employees and any(client.users for client in clients.values()):
            self._warn(("people",), "names no employees: until it does, no user is called a client's")

    def _check_rules(
        self, raw: Mapping[str, object], section: str, rules: Mapping[int, ConditionsTable]
    ) -> None:
        for position, rule in enumerate(_list(raw.get(section))):
            for names in [each for each in ("vcenter", "client", "uplink") if each not in self._mistaken]:
                name = mapping(rule).get(names)
                if isinstance(name, str) and name not in _names(raw, names):
                    hint = nearest(name, _names(raw, names)) or f"define it as [{names}.{key_text((name,))}]"
                    self._problem((section, position, names), f"{shown(name)} is not defined: {hint}")
        first_with: dict[frozenset[tuple[str, object]], int] = {}
        for position, rule in rules.items():
            wider = _earlier_and_wider(rule.conditions, first_with)
            if wider is not None:
                line = line_of(self._lines, (section, wider))
                self._problem(
                    (section, position),
                    f"can never match: rule {wider + 1} (line {line}) takes every server that it would",
                )
            first_with.setdefault(rule.conditions, position)

    def _check_vantage(self, vantage: VantageTable | None, uplinks: Mapping[str, UplinkTable]) -> None:
        if vantage is None:
            if uplinks and "vantage" not in self._mistaken:
                self._warn(
                    (),
                    "there is no [vantage]: when the monitor's own line is cut, every uplink counts as down",
                )
            return
        near = {target.host for target in vantage.targets}
        for name, uplink in uplinks.items():
            for position, target in enumerate(uplink.targets):
                if target.host in near:
                    self._problem(
                        ("uplink", name, "targets", position),
                        f"{target.host} is a target of [vantage] too: what lies beyond an uplink proves nothing"
                        " of the monitor's own way out",
                    )

    def _check_uplinks(self, raw: Mapping[str, object], internet: Mapping[int, InternetTable]) -> None:
        named = {rule.uplink for rule in internet.values()}
        for name in _names(raw, "uplink"):
            if (
                name not in named
                and "internet" not in self._mistaken
                and len(internet) == len(_list(raw.get("internet")))
            ):
                self._warn(("uplink", name), "has no servers: no [[internet]] names it")

    def _check_lag(
        self,
        vantage: VantageTable | None,
        uplinks: Mapping[str, UplinkTable],
        internet: Mapping[int, InternetTable],
        reach: ReachTable | None,
    ) -> None:
        """A check of a server waits for its uplink to be settled, and that for the vantage: it adds up."""
        before_us = vantage.interval.us + vantage.timeout.us if vantage is not None else 0
        for position, rule in internet.items():
            uplink = uplinks.get(rule.uplink or "")
            if not rule.required or reach is None or uplink is None:
                continue
            lag_us = before_us + uplink.interval.us + uplink.timeout.us
            lag_us += (reach.confirm - 1) * reach.interval.us + reach.timeout.us
            if lag_us > LAYERS_SETTLE_WITHIN_US:
                self._problem(
                    ("internet", position, "required"),
                    f"takes too long to decide: with the intervals and time-outs of [reach], uplink.{rule.uplink} and"
                    f" [vantage] up to {Duration(lag_us)}, and {Duration(LAYERS_SETTLE_WITHIN_US)} at most can be",
                )

    def _check_reach(self, reach: ReachTable | None, internet: Mapping[int, InternetTable]) -> None:
        if "internet" in self._mistaken or any(
            ADDRESS in target for rule in internet.values() for target in rule.reach
        ):
            return
        for key in ("prefer", "ignore"):
            if reach is not None and getattr(reach, key):
                self._warn(("reach", key), f"means nothing: no [[internet]] has {ADDRESS} in its reach")

    # Telling

    def _problem(self, path: KeyPath, text: str) -> None:
        self._problems.append(self._at(path, text))

    def _warn(self, path: KeyPath, text: str) -> None:
        self._warnings.append(self._at(path, text))

    def _at(self, path: KeyPath, text: str) -> Problem:
        return Problem(file=self._file, line=line_of(self._lines, path), key=key_text(path), text=text)


_DEFAULT_PLACES: Final = {
    "ledger": ("STATE_DIRECTORY", "/var/lib/slad", "ledger.db"),
    "control": ("RUNTIME_DIRECTORY", "/run/slad", "control.sock"),
}


def _earlier_and_wider(
    conditions: frozenset[tuple[str, object]], first_with: Mapping[frozenset[tuple[str, object]], int]
) -> int | None:
    """The position of a rule whose conditions are some of these: it matches whatever these match."""
    subsets = chain.from_iterable(combinations(conditions, size) for size in range(len(conditions) + 1))
    return min((first_with[key] for key in map(frozenset, subsets) if key in first_with), default=None)


def _names(raw: Mapping[str, object], section: str) -> Collection[str]:
    return mapping(raw.get(section)).keys()


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """By line; those of one line as they were found."""
    return tuple(sorted(problems, key=lambda problem: problem.line))
