"""What the monthly statement of one large client costs, in each format, from the book to the bytes.

`python -m bench.statement [SERVERS]` prints a table: CPU of this process.
"""

import sys
from dataclasses import replace
from functools import partial
from typing import Final

from bench.evaluate import AS_OF, MONTH, fleet
from bench.measuring import cpu_of
from bench.table import Row, show
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
MOST: Final = {Layout.PDF: 3.0}
"""CPU seconds, of 500 servers."""


def book_of_one_client(servers: int) -> Book:
    """A month of servers that are all one client's, and down now and then."""
    book = Book()
    for record in fleet(servers, servers * RECORDS_A_SERVER):
        book.add(replace(record, client=CLIENT) if isinstance(record, Server) else record)
    return book


def main() -> None:
    """Print the table."""
    use_packaged_time_zones()
    servers = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    letterhead = Letterhead(name="Nordhost Inc.", language="fr_CA")
    book = book_of_one_client(servers)

    def document() -> bytes:
        asked = judged(book, month=MONTH, as_of=AS_OF)
        return client_document(asked, CLIENT, imprint_of(letterhead, ())).encode()

    content = document()
    rows = [Row(f"the document, {len(content) / 1e6:.1f} MB", cpu_of(ROUNDS, document))]
    rows += [
        Row(
            f"as {layout}",
            cpu_of(ROUNDS, partial(laid_out, content, layout, letterhead)),
            most=MOST.get(layout),
        )
        for layout in Layout
    ]
    show(f"statement of {servers:,} servers", rows)


if __name__ == "__main__":
    main()
