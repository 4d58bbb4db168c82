"""The families of clients and solutions: what stands on each."""

from daemon.book.live_book import LiveBook
from daemon.live.figures import LiveFigures
from daemon.live.labelled import labelled_families
from sla.instants import SECOND, parse_instant
from tests.sla.stories import client, records_of, server

MONTH_END = "slad_client_month_end_timestamp_seconds"


async def test_each_clients_month_ends_by_its_own_clock_and_is_called_by_its_name() -> None:
    """At two in the morning UTC it is March still in Toronto, and has been April for long in Tokyo."""
    book = LiveBook("mon")
    lines = [client(timezone="America/Toronto"), client("d", timezone="Asia/Tokyo"), server()]
    for record in records_of(lines):
        book.take_record(record, None)
    figures, now = LiveFigures(book), parse_instant("2026-04-01T02:00:00Z")
    assert await figures.catch_up(now, 60.0)
    told = {each.name: each for each in await labelled_families(figures, now)}
    ends = {"c": ("2026-03", "2026-04-01T04:00:00Z"), "d": ("2026-04", "2026-04-30T15:00:00Z")}
    assert list(map(str, told[MONTH_END].samples)) == [
        f'{{client="{name}",month="{month}"}} {parse_instant(end) // SECOND}.000000'
        for name, (month, end) in ends.items()
    ]
