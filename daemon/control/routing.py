"""The operations of the control API as routes of a door."""

from collections.abc import Iterator

from aiohttp import web

from daemon.control.errors import check_query
from daemon.control.openapi import document
from daemon.control.operation import ApiServices, Operation
from daemon.control.operations import OPERATIONS
from daemon.control.questions import Control
from daemon.records.service import RecordService


def routes_of(control: Control, records: RecordService) -> Iterator[web.RouteDef]:
    """Each operation, answered by these."""
    services = ApiServices(control=control, records=records, document=document)
    return (_route(operation, services) for operation in OPERATIONS)


def _route(operation: Operation, services: ApiServices) -> web.RouteDef:
    known = [parameter.name for parameter in operation.query_parameters]

    async def handle(request: web.Request) -> web.StreamResponse:
        check_query(request, known)
        return await operation.handler(services, request)

    return web.route(operation.route.method, operation.route.pattern, handle)
