"""What slad.toml says, checked and complete."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.config.alertmanager import AlertmanagerTable
from daemon.config.contracts import Tables, overridden, tables_of
from daemon.config.hub import HubTable
from daemon.config.problems import Problem
from daemon.config.statements import StatementsTable
from daemon.config.tables import (
    ClientTable,
    ControlTable,
    InternetTable,
    LedgerTable,
    PeopleTable,
    ProbesTable,
    ProviderTable,
    ReachTable,
    RuleTable,
    UplinkTable,
    VantageTable,
    VCenterTable,
    WatchTable,
    WebTable,
)
from daemon.config.values import ADDRESS
from sla.calendars import Day
from sla.records import ClientId, Leg
from sla.terms import Terms, parse_terms

UNASSIGNED: Final = ClientId("unassigned")
"""The client of the servers that no rule assigns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What slad.toml says, checked and complete. `clients` has UNASSIGNED as its last."""

    path: Path
    observer: str
    ledger: LedgerTable
    web: WebTable
    control: ControlTable
    watch: WatchTable
    vcenters: Mapping[str, VCenterTable]
    clients: Mapping[ClientId, ClientTable]
    people: PeopleTable
    provider: ProviderTable
    statements: StatementsTable
    rules: tuple[RuleTable, ...]
    vantage: VantageTable | None
    uplinks: Mapping[str, UplinkTable]
    internet: tuple[InternetTable, ...]
    reach: ReachTable
    probes: ProbesTable
    alertmanager: AlertmanagerTable | None
    hub: HubTable | None
    general_contract: Tables
    warnings: tuple[Problem, ...]

    @property
    def needs_addresses(self) -> bool:
        """Whether a check goes to the address that VMware Tools reports."""
        return any(ADDRESS in target for rule in self.internet for target in rule.reach)

    @property
    def leaves_issuing_to_hub(self) -> bool:
        """Whether this is a monitor with a store: it knows its own view alone, and a hub issues what all of them know."""
        return self.hub is not None and bool(self.vcenters)

    def may_watch(self, vcenter: str, leg: Leg) -> bool:
        """Whether a leg is watched of servers of a vCenter: of the Internet, whether it can be of any of them."""
        if leg is Leg.INTERNET:
            return any(rule.decides and rule.vcenter in (None, vcenter) for rule in self.internet)
        return leg in self.vcenters[vcenter].legs

    def unwatched_legs(self) -> Mapping[ClientId, tuple[Leg, ...]]:
        """For each client the legs of its contract that nobody watches, on some vCenter that can hold its servers.

        A client that no rule names can have servers anywhere.
        """
        named: dict[str, set[str | None]] = {}
        for rule in self.rules:
            if rule.client is not None:
                named.setdefault(rule.client, set()).add(rule.vcenter)
        return {client: self._unwatched_legs(client, named.get(client, {None})) for client in self.clients}

    def _unwatched_legs(self, client: ClientId, named: Collection[str | None]) -> tuple[Leg, ...]:
        """Of a client whose rules name these vCenters; None is a rule for all of them."""
        vcenters = self.vcenters if None in named else [name for name in named if name is not None]
        return tuple(
            leg
            for leg in self.terms(client, ()).availability.legs
            if not vcenters or not all(self.may_watch(vcenter, leg) for vcenter in vcenters)
        )

    def contract(self, client: ClientId) -> Tables:
        """The tables of a client's contract, its own keys over those for all; what they leave out has its default."""
        return overridden(self.general_contract, tables_of({"contract": self.clients[client].contract}))

    def terms(self, client: ClientId, national_holidays: Collection[Day]) -> Terms:
        """The terms of a client's contract; `national_holidays` are the dates that "CA" stands for."""
        return parse_terms(self.contract(client), national_holidays)
