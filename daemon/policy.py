"""What a configuration means for the evidence: whose servers are whose, and the records of clients and contracts."""

from collections.abc import Iterator

from daemon import rules as rules_module
from daemon.config import UNASSIGNED, Config
from daemon.holidays import holidays_around
from daemon.registry import RECORDED_BY, Owner, Policy
from daemon.rules import Assignment, Rules
from probes.report import Sighted
from sla.calendars import calendar_of
from sla.instants import Instant
from sla.records import Client, ClientId, Contract
from sla.terms import format_terms, parse_terms


def policy_of(config: Config) -> Policy:
    """The rules of a configuration as the registry asks for them."""
    rules = Rules(config.rules)

    def assign(source: str, sighted: Sighted) -> Owner | None:
        outcome = rules.assign(
            rules_module.Sighted(
                vcenter=source,
                name=sighted.name,
                folder=sighted.folder,
                resource_pool=sighted.resource_pool,
                attributes=sighted.attributes,
            )
        )
        return (
            Owner(client=outcome.client, solution=outcome.solution)
            if isinstance(outcome, Assignment)
            else None
        )

    return Policy(
        assign=assign,
        zone_of=lambda client: config.clients.get(client, config.clients[UNASSIGNED]).timezone,
        legs={name: config.legs_watched(name) for name in config.vcenters},
        grace_us=config.watch.grace.us,
    )


def records_of(config: Config, now: Instant) -> Iterator[Client | Contract]:
    """The records that a configuration stands for, as of `now`: every client, and the terms for all and for each."""
    for client, table in config.clients.items():
        yield Client(
            id=client,
            name=table.name,
            timezone=table.timezone,
            tech_admins=table.tech_admins,
            recorded_at=now,
            recorded_by=RECORDED_BY,
        )
    month = str(calendar_of("UTC").month_of(now))
    holidays = holidays_around([now])
    general = format_terms(parse_terms(config.general_contract, holidays))
    own = {client: format_terms(config.terms(client, holidays)) for client in config.clients}
    for client, terms in own.items():
        if terms != general:
            yield _contract(client, month, terms, now)
    yield _contract(None, month, general, now)


def _contract(client: ClientId | None, month: str, terms: str, now: Instant) -> Contract:
    return Contract(
        client=client, effective_from=month, terms=terms, recorded_at=now, recorded_by=RECORDED_BY
    )
