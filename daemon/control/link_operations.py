"""The operations on links for clients: a part of the table (`operations`)."""

from http import HTTPStatus
from typing import Final

from daemon.control import recording, routes
from daemon.control.operation import Operation
from daemon.records import bodies
from daemon.records.service import RecordService
from daemon.replies.links import LinkList, LinkReceipt, LinkRevocation

MAKE_LINK: Final = Operation(
    route=routes.MAKE_LINK,
    id="makeLink",
    summary="Make a link under which a client sees its own; its token is in the answer, and nowhere else.",
    handler=recording.recorded_of(RecordService.make_link),
    answer=LinkReceipt,
    body=bodies.LinkBody,
    body_needed=False,
    refusals=(HTTPStatus.NOT_FOUND,),
)

LIST_LINKS: Final = Operation(
    route=routes.LIST_LINKS,
    id="listLinks",
    summary="The links for clients.",
    handler=recording.list_links,
    answer=LinkList,
    query=(recording.CLIENT, recording.PAST_LINKS),
    refusals=(HTTPStatus.NOT_FOUND,),
)

REVOKE_LINK: Final = Operation(
    route=routes.REVOKE_LINK,
    id="revokeLink",
    summary="Take a link back: it opens nothing from then on.",
    handler=recording.recorded_of(RecordService.revoke_link),
    answer=LinkRevocation,
    body=bodies.RevocationBody,
    body_needed=False,
    refusals=(HTTPStatus.NOT_FOUND,),
)

LINK_OPERATIONS: Final = (MAKE_LINK, LIST_LINKS, REVOKE_LINK)
