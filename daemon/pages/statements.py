"""`/statements`, and the statement of a client as the document that it is."""

import asyncio
from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from daemon.control import query
from daemon.control.questions import BusyError
from daemon.pages.asking import clients_asked, month_asked
from daemon.pages.viewer import Viewer
from daemon.records.refusals import FieldFault, NotFoundError
from daemon.statements.html import STYLE
from daemon.statements.layouts import Layout, laid_out
from sla.client_document import NoDocumentError

ROWS: Final = 100
_FORMATS: Final = {each.value: each for each in (Layout.HTML, Layout.JSON, Layout.TEXT)}
_MEDIA_TYPES: Final = {
    Layout.HTML: "text/html",
    Layout.JSON: "application/json",
    Layout.TEXT: "text/plain",
}
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""A statement is one file, with its style and its logo in it."""


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError."""
    month = month_asked(request, viewer, "UTC")
    clients, cursor = await clients_asked(request, viewer, "statements", ROWS)
    return {
        "month": month,
        "clients": clients,
        "formats": list(_FORMATS),
        "cursor": cursor,
    }


async def document(viewer: Viewer, request: web.Request) -> web.Response:
    """The statement of a month as known now. Raises BadRequestError, NotFoundError."""
    client = await viewer.one_client(request.match_info["client"])
    month = query.needed_month(request)
    layout = query.chosen(request, "format", _FORMATS, Layout.HTML)
    try:
        made = await viewer.statement(client.client, month)
    except NoDocumentError as error:
        raise NotFoundError([FieldFault("month", str(error))]) from None
    except BusyError as error:
        return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=f"{error}\n")
    files = await asyncio.to_thread(laid_out, made, layout, viewer.letterhead(client.client))
    response = web.Response(body=files[""], content_type=_MEDIA_TYPES[layout], charset="utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response
