"""`/monitors`: of a hub, which monitors there are, how far each has seen, and what they say differently."""

from typing import Any, Final

from aiohttp import web

from daemon.control import query
from daemon.control.listing import DISAGREEMENT_KEY
from daemon.control.paging import cursor_behind
from daemon.pages.viewer import Viewer
from daemon.replies.hub import SPOKEN_POINTS
from sla.disagreements import DisagreementKind
from sla.instants import MINUTE

ROWS: Final = 100
SILENT_US: Final = 2 * MINUTE
"""After which a monitor is shown as one that does not see."""
_KINDS: Final[dict[str, DisagreementKind | None]] = {kind.value: kind for kind in DisagreementKind}


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, and NotFoundError at a monitor."""
    kind = query.chosen(request, "kind", _KINDS, None)
    question = "disagreements page", kind
    found = await viewer.disagreements(kind, query.page(request, question, DISAGREEMENT_KEY, ROWS))
    return {
        "overview": viewer.overview(),
        "disagreements": found.rows,
        "kind": kind,
        "words": SPOKEN_POINTS,
        "silent_us": SILENT_US,
        "cursor": cursor_behind(question, found),
        "is_first": "cursor" not in request.query,
    }
