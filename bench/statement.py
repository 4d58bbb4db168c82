"""What the monthly statement of one large client costs, in each format, from the book to the bytes.

`python -m bench.statement [SERVERS]` prints a table: medians of a few rounds in this process.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from bench.evaluate import AS_OF, MONTH, fleet
from daemon.config.letterhead import Letterhead
from daemon.statements.judging import imprint_of, judged
from daemon.statements.layouts import Layout, laid_out
from daemon.timezones import use_packaged_time_zones
from sla.book import Book
from sla.client_document import client_document
from sla.records import ClientId, Server

CLIENT: Final = ClientId("c0")
RECORDS_A_SERVER: Final = 20
ROUNDS: Final = 5
SECONDS: Final = 3
"""A document and its PDF together take at most so long, of 500 servers."""


def book_of_one_client(servers: int) -> Book:
    """A month of servers that are all one client's, and down now and then."""
    book = Book()
    for record in fleet(servers, servers * RECORDS_A_SERVER):
        book.add(replace(record, client=CLIENT) if isinstance(record, Server) else record)
    return book


def seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    use_packaged_time_zones()
    servers = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    letterhead = Letterhead(name="Nordhost Inc.", language="fr_CA")
    book = book_of_one_client(servers)

    def document() -> bytes:
        asked = judged(book, month=MONTH, as_of=AS_OF)
        return client_document(asked, CLIENT, imprint_of(letterhead, ())).encode()

    content, to_make = document(), seconds(document)
    print(f"| statement of {servers:,} servers | measured | at most |\n| --- | ---: | ---: |")
    print(f"| the document, {len(content) / 1e6:.1f} MB | {to_make:.2f} s | - |")
    for layout in Layout:
        took = seconds(partial(laid_out, content, layout, letterhead))
        most = f"{SECONDS} s with the document" if layout is Layout.PDF else "-"
        print(f"| as {layout} | {took:.2f} s | {most} |")


if __name__ == "__main__":
    main()
