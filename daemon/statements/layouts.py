"""The formats of a statement, each made of its JSON: the same bytes for the same document, letterhead and release of slad.

LayoutError         a format cannot be made; the message says what to do
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from daemon.config.letterhead import Letterhead


class LayoutError(Exception):
    """A format cannot be made; the message says why, and what to do."""


class Layout(StrEnum):
    """What a statement can be laid out as."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    PDF = "pdf"
    CSV = "csv"


Files = Mapping[str, bytes]
"""What a format consists of: one file without a name, or several with theirs."""


def laid_out(document: bytes, layout: Layout, letterhead: "Letterhead") -> Files:
    """A document of `sla.client_document` in a format. Raises LayoutError."""
    from daemon.statements.viewing import view_of  # commands name formats, and few make one

    match layout:
        case Layout.JSON:
            return {"": document}
        case Layout.TEXT:
            from daemon.statements.text import text_of

            return {"": text_of(view_of(document, letterhead.language)).encode()}
        case Layout.HTML:
            from daemon.statements.html import html_of

            return {"": html_of(view_of(document, letterhead.language), letterhead.logo).encode()}
        case Layout.PDF:
            from daemon.statements.pdf import pdf_of

            return {"": pdf_of(view_of(document, letterhead.language), letterhead.logo)}
        case Layout.CSV:
            from daemon.statements.sheets import sheets_of

            return sheets_of(document)
        case _:
            assert_never(layout)
