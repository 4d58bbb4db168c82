"""`/statements`: what there is of each client's month, or of one client's months; and each statement as the document that it is."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from aiohttp import hdrs, web

from daemon.answers.budgets import ClientBudget
from daemon.pages.asking import client_named, clients_asked, month_asked
from daemon.pages.viewer import VersionsOf, Viewer
from daemon.records.refusals import FieldFault, NotFoundError
from daemon.replies.statements import IssuedStatus
from daemon.statements.html import STYLE
from daemon.statements.layouts import Layout, LayoutError
from sla.calendars import Month, parse_month, spoken_month
from sla.client_document import NoDocumentError

ROWS: Final = 100
FILE: Final = re.compile(
    r"(?P<month>[0-9]{4}-[0-9]{2})(-v(?P<version>[1-9][0-9]{0,8}))?(?P<sheet>-outages)?\.(?P<ending>[a-z]+)",
    re.ASCII,
)
"""What a statement is called: `2026-10.pdf` as known now, `2026-10-v2.pdf` the second version that was issued."""
_LAYOUTS: Final = {
    "html": (Layout.HTML, "text/html"),
    "pdf": (Layout.PDF, "application/pdf"),
    "json": (Layout.JSON, "application/json"),
    "csv": (Layout.CSV, "text/csv"),
    "txt": (Layout.TEXT, "text/plain"),
}
ENDINGS: Final = tuple(_LAYOUTS)
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""A statement is one file, with its style and its logo in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFiles:
    """What there is of a client's month: what is known now, and the versions that were issued."""

    client: str
    name: str
    timezone: str
    month: Month
    versions: Sequence[IssuedStatus]
    """The newest first."""

    @property
    def spoken(self) -> str:
        """Such as October 2026."""
        return spoken_month(self.month)

    @property
    def outdated(self) -> int:
        """How many figures are others now than the newest version says."""
        return self.versions[0].outdated if self.versions else 0


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError."""
    if viewer.client is not None:
        client = await viewer.one_client(viewer.client)
        versions = viewer.issued(client.client, None)
        months = await viewer.served_months(client.client)
        rows = [statement_files(versions, client, month) for month in months]
        return {"month": None, "rows": rows, "cursor": None, "endings": ENDINGS}
    month = month_asked(request, viewer, "UTC")
    clients, cursor = await clients_asked(request, viewer, "statements", ROWS)
    versions = viewer.issued(None, month.month)
    rows = [statement_files(versions, client, month.month) for client in clients]
    return {"month": month, "rows": rows, "cursor": cursor, "endings": ENDINGS}


def statement_files(versions: VersionsOf, client: ClientBudget, month: Month) -> StatementFiles:
    """What there is of a client's month; `versions`: those of more, it may be."""
    of_month = versions.get((client.client, str(month)), ())
    return StatementFiles(
        client=client.client, name=client.name, timezone=client.timezone, month=month, versions=of_month[::-1]
    )


async def document(viewer: Viewer, request: web.Request) -> web.Response:
    """The file that is asked for; of CSV the servers, and by `-outages` the outages. Raises NotFoundError, BusyError."""
    client = (await viewer.one_client(client_named(request, viewer))).client
    name = request.match_info["file"]
    asked = FILE.fullmatch(name)
    if asked is None or asked["ending"] not in _LAYOUTS or (asked["sheet"] and asked["ending"] != "csv"):
        raise _none(f"a statement is called such as 2026-10.html, and ends in {', '.join(ENDINGS)}")
    layout, media_type = _LAYOUTS[asked["ending"]]
    version = None if asked["version"] is None else int(asked["version"])
    try:
        month = parse_month(asked["month"])
        files = await viewer.statement(client, month, version, layout)
    except (ValueError, NoDocumentError, LayoutError) as error:
        raise _none(str(error).removesuffix(".")) from None
    sheet = "" if layout is not Layout.CSV else "outages.csv" if asked["sheet"] else "servers.csv"
    charset = None if layout is Layout.PDF else "utf-8"
    response = web.Response(body=files[sheet], content_type=media_type, charset=charset)
    file_name = quote(f"{client}-{name}", safe="")
    response.headers[hdrs.CONTENT_DISPOSITION] = f"inline; filename*=UTF-8''{file_name}"
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _none(why: str) -> NotFoundError:
    return NotFoundError([FieldFault("", why)])
