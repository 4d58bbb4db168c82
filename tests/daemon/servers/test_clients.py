"""From which month on the terms of a configuration hold for whom: for each client, from the one it has now by its own calendar (spec §10)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.config import UNASSIGNED, Config
from daemon.holidays import holidays_around
from daemon.servers.clients import new_contracts
from sla.book import Book
from sla.calendars import calendar_of
from sla.instants import DAY, FOREVER, HOUR, Instant, parse_instant
from sla.records import ClientId, Contract
from sla.terms import format_terms
from tests.daemon.config.configured import WHOLE, read

ZONES = {
    ClientId("west"): "Pacific/Honolulu",
    ClientId("acme"): "America/Toronto",
    UNASSIGNED: "UTC",
    ClientId("east"): "Pacific/Auckland",
}
TARGETS = ("0.9", "0.99", "0.999")
MONTHS = tuple(f"2026-{month:02}" for month in (10, 11, 12)) + tuple(f"2027-{month:02}" for month in (1, 2))
TURN = parse_instant("2026-12-01T00:00:00Z")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("configured")
    (folder / "east.password").write_text("secret\n")
    return read(folder, WHOLE)


def configured(whole: Config, general: str, own: Mapping[ClientId, str]) -> Config:
    """A configuration of ZONES, with a target for all and some of clients' own."""
    acme = whole.clients[ClientId("acme")]
    clients = {
        client: acme.model_copy(update={"timezone": zone, "contract": terms(own.get(client))})
        for client, zone in ZONES.items()
    }
    return replace(whole, clients=clients, general_contract=terms(general))


def terms(target: str | None) -> dict[str, object]:
    return {} if target is None else {"availability": {"target": target}}


def held(book: Book) -> dict[tuple[ClientId, str], str]:
    """The terms by which each client's month is judged; empty: the defaults."""
    return {
        (client, month): "" if (it := book.contract(client, month, FOREVER)) is None else it.terms
        for client in ZONES
        for month in MONTHS
    }


def month_of(client: ClientId, now: Instant) -> str:
    return str(calendar_of(ZONES[client]).month_of(now))


def taken(book: Book, config: Config, now: Instant) -> list[Contract]:
    made = list(new_contracts(config, book, now))
    for record in made:
        book.add(record)
    return made


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3 * 24),
            st.sampled_from(TARGETS),
            st.dictionaries(st.sampled_from(list(ZONES)), st.sampled_from(TARGETS)),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_they_hold_from_each_clients_own_month_on_and_reach_into_none_that_is_over(
    whole: Config, changes: list[tuple[int, str, dict[ClientId, str]]]
) -> None:
    book, now = Book(), Instant(TURN - 2 * DAY)
    for hours, general, own in changes:
        now = Instant(now + hours * HOUR)
        before, config = held(book), configured(whole, general, own)
        taken(book, config, now)
        holidays = holidays_around([now])
        for (client, month), judged in held(book).items():
            if month < month_of(client, now):
                assert judged == before[client, month], (client, month)
            else:
                assert judged == format_terms(config.terms(client, holidays)), (client, month)
        assert taken(book, config, now) == []


@pytest.mark.parametrize(
    ("at", "for_all", "own"),
    [
        ("2026-11-15T12:00:00Z", "2026-11", {}),
        ("2026-12-01T02:00:00Z", "2026-12", {"west": "2026-11", "acme": "2026-11"}),
        ("2026-11-30T20:00:00Z", "2026-12", {"west": "2026-11", "acme": "2026-11", "unassigned": "2026-11"}),
    ],
    ids=["in the middle", "while one has begun in UTC", "while one has begun in the east"],
)
def test_a_first_configuration_has_records_of_their_own_for_whom_the_month_is_another(
    whole: Config, at: str, for_all: str, own: dict[str, str]
) -> None:
    first, *others = taken(Book(), configured(whole, "0.99", {}), parse_instant(at))
    assert (first.client, first.effective_from) == (None, for_all)
    assert {record.client: record.effective_from for record in others} == own


def test_a_client_that_has_terms_of_its_own_no_more_has_those_for_all(whole: Config) -> None:
    book, acme = Book(), ClientId("acme")
    now = parse_instant("2026-11-15T12:00:00Z")
    taken(book, configured(whole, "0.999", {acme: "0.9"}), now)
    (record,) = taken(book, configured(whole, "0.999", {}), Instant(now + DAY))
    assert (record.client, record.terms) == (acme, held(book)[ClientId("east"), "2026-11"])


def test_terms_are_on_record_once_however_often_slad_starts(whole: Config) -> None:
    book, config = Book(), configured(whole, "0.99", {ClientId("acme"): "0.9"})
    starts = [Instant(TURN - 2 * DAY + hours * HOUR) for hours in range(0, 24 * 28, 7)]
    assert [len(taken(book, config, now)) for now in starts] == [2] + [0] * (len(starts) - 1)
