"""What the evidence lacks of a configuration: its clients, and the terms of their contracts (spec §3.3, §10)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from daemon.config.config import Config
from daemon.holidays import holidays_around
from daemon.servers.policy import RECORDED_BY
from sla.book import Book, contract_of
from sla.calendars import calendar_of
from sla.instants import Instant
from sla.pages import newest
from sla.records import Client, ClientId, Contract
from sla.terms import format_terms, parse_terms

_IN_THE_END: Final = "9999-12"


def new_clients(config: Config, book: Book, now: Instant) -> Iterator[Client]:
    """Records of the clients that are not on record as the configuration has them."""
    for client, table in config.clients.items():
        record = Client(
            id=client,
            name=table.name,
            timezone=table.timezone,
            tech_admins=table.tech_admins,
            recorded_at=now,
            recorded_by=RECORDED_BY,
        )
        known = book.client(client, now)
        if known is None or replace(known, recorded_at=now, extra=()) != record:
            yield record


def new_contracts(config: Config, book: Book, now: Instant) -> Iterator[Contract]:
    """Records by which the configuration's terms hold for every client, from the month on that it has now by its own calendar.

    Those for all hold from the latest of these months on, and so reach into none that is over for a client. A client for whom they
    come too late, or are not the right ones, has a record of its own.
    """
    holidays = holidays_around([now])
    months = {client: str(calendar_of(it.timezone).month_of(now)) for client, it in config.clients.items()}
    for_all = _contract(
        None, max(months.values()), format_terms(parse_terms(config.general_contract, holidays)), now
    )
    by_client: dict[ClientId | None, list[Contract]] = {None: []}
    for record in book.contracts:
        by_client.setdefault(record.client, []).append(record)
    known = newest(by_client[None], now)
    if known is None or known.terms != for_all.terms:
        yield for_all
        by_client[None].append(for_all)
    for client, month in months.items():
        own = _contract(client, month, format_terms(config.terms(client, holidays)), now)
        those = [*by_client[None], *by_client.get(client, ())]
        holding = (contract_of(those, client, when, now) for when in (month, _IN_THE_END))
        if any(record is None or record.terms != own.terms for record in holding):
            yield own


def _contract(client: ClientId | None, month: str, terms: str, now: Instant) -> Contract:
    return Contract(
        client=client, effective_from=month, terms=terms, recorded_at=now, recorded_by=RECORDED_BY
    )
