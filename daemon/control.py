"""The control door: what the command line asks the running daemon, as JSON over a Unix socket.

Who may open the socket may use it: it belongs to the daemon's user and group, mode 0660. The kernel says who is at the
other end (SO_PEERCRED).
"""

import asyncio
import os
import pwd
import socket
import stat
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol, TypedDict

import structlog
from aiohttp import web

from daemon.export import ExportError
from daemon.web.connections import Handler, Limits, bounded, connections_to
from sla.instants import Instant, parse_instant

_log = structlog.get_logger(__name__)

DEFAULT_SOCKET: Final = Path("/run/slad/control.sock")

_CREDENTIALS: Final = struct.Struct("3i")
_EXPORT_BYTES: Final = 64 * 1024
_WRITE_S: Final = 60.0
_PROBE_S: Final = 1.0
_LIMITS: Final = Limits(connections=32, requests=16, request_s=None)


class ControlDoorError(Exception):
    """The control door cannot be opened; the message says why."""


class AmbiguousNameError(LookupError):
    """Several servers answer to a name."""

    def __init__(self, candidates: Sequence[str]) -> None:
        """`candidates`: the ids that would have been unambiguous."""
        super().__init__(f"{len(candidates)} servers have this name")
        self.candidates = tuple(candidates)


class SourceStatus(TypedDict):
    """One source. Instants are RFC 3339 here and everywhere below; None is never."""

    name: str
    up: bool
    last_contact_at: str | None
    note: str


class LedgerStatus(TypedDict):
    """Where the ledger stands."""

    records: int
    head: str
    size_bytes: int
    last_commit_at: str | None


class DownServer(TypedDict):
    """A server that is down, and since when."""

    server: str
    name: str
    client: str
    since: str
    legs: list[str]


class Status(TypedDict):
    """What `slad status` shows. `not_ready`: reasons, empty when ready; `states`: servers in each state."""

    version: str
    at: str
    settled_at: str | None
    not_ready: list[str]
    sources: list[SourceStatus]
    ledger: LedgerStatus
    states: dict[str, int]
    down: list[DownServer]


class LegStatus(TypedDict):
    """One leg of a server, as its witnesses have it."""

    leg: str
    state: str
    since: str | None
    source: str
    reason: str


class OutageStatus(TypedDict):
    """One outage; `until` is None while it lasts."""

    start: str
    until: str | None
    legs: list[str]
    cause: str
    note: str


class ServerStatus(TypedDict):
    """What `slad server` shows. `counters_us`: settled time in service, in microseconds, by what it counts."""

    server: str
    name: str
    client: str
    solution: str
    vcenter: str
    state: str
    since: str | None
    settled_at: str | None
    legs: list[LegStatus]
    outages: list[OutageStatus]
    counters_us: dict[str, int]


class Control(Protocol):
    """What the daemon answers; the composition root implements it."""

    def status(self) -> Status:
        """How the daemon and the fleet are."""
        ...

    def server(self, name: str) -> ServerStatus | None:
        """One server by its id or name; None where there is none. Raises AmbiguousNameError."""
        ...

    def export(self, client: str | None, start: Instant | None, until: Instant | None) -> AsyncIterator[str]:
        """The evidence as lines without their ends, for one client or all, for [start, until)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is at the other end of a connection, as the kernel says."""

    pid: int
    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The user's name, or the number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def peer_of(request: web.BaseRequest) -> Peer:
    """Who sent a request."""
    connection = request.get_extra_info("socket")
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(packed)
    return Peer(pid=pid, uid=uid, gid=gid)


@asynccontextmanager
async def control_door(control: Control, path: Path, limits: Limits = _LIMITS) -> AsyncIterator[None]:
    """Answer on a Unix socket at `path`; a socket left there by a dead daemon is replaced.

    Raises ControlDoorError, above all where another daemon answers.
    """
    listener, inode = _bound(path)
    app = _application(control, limits)
    try:
        async with connections_to(app, limits) as connection:
            server = await asyncio.get_running_loop().create_unix_server(connection, sock=listener)
            try:
                _log.info("control_door_opened", path=str(path))
                yield
            finally:
                server.close()
    finally:
        listener.close()
        _remove(path, inode)


def _bound(path: Path) -> tuple[socket.socket, int]:
    """A socket bound to `path`, and the inode that it has there."""
    _remove_if_abandoned(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o117)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise ControlDoorError(f"{path}: {error.strerror or error}") from error
    finally:
        os.umask(mask)
    listener.setblocking(False)
    return listener, path.stat().st_ino


def _remove(path: Path, inode: int) -> None:
    """Remove the socket, unless another daemon has put its own there."""
    with suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()


def _remove_if_abandoned(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ControlDoorError(f"{path}: something is there that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(_PROBE_S)
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except OSError as error:
            raise ControlDoorError(f"{path}: {error.strerror or error}") from error
        else:
            raise ControlDoorError(f"{path}: another slad answers there")


def _application(control: Control, limits: Limits) -> web.Application:
    door = _Door(control)
    app = web.Application(middlewares=[bounded(limits), _errors_as_json], client_max_size=limits.body_bytes)
    app.router.add_get("/v1/status", door.status)
    app.router.add_get("/v1/servers/{name}", door.server)
    app.router.add_get("/v1/export", door.export)
    return app


class _Door:
    """The handlers."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def status(self, _: web.Request) -> web.Response:
        return web.json_response(self._control.status())

    async def server(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        try:
            found = self._control.server(name)
        except AmbiguousNameError as error:
            return _error(HTTPStatus.CONFLICT, f"{name}: {error}", candidates=list(error.candidates))
        if found is None:
            return _error(HTTPStatus.NOT_FOUND, f"{name}: there is no such server")
        return web.json_response(found)

    async def export(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        try:
            start, until = (parse_instant(query[key]) if key in query else None for key in ("from", "until"))
        except ValueError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        lines = self._control.export(query.get("client"), start, until)
        try:
            first = await anext(lines, None)
        except ExportError as error:
            return _error(HTTPStatus.NOT_FOUND, str(error))
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for block in _blocks(_led(first, lines)):
            async with asyncio.timeout(_WRITE_S):
                await response.write(block)
        await response.write_eof()
        _log.info("evidence_exported", by=peer_of(request).name, client=query.get("client"))
        return response


async def _led(first: str | None, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    """The lines, the first of which was taken already."""
    if first is not None:
        yield first
    async for line in rest:
        yield line


async def _blocks(lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    pending: list[bytes] = []
    size = 0
    async for line in lines:
        encoded = line.encode() + b"\n"
        pending.append(encoded)
        size += len(encoded)
        if size >= _EXPORT_BYTES:
            yield b"".join(pending)
            pending.clear()
            size = 0
    if pending:
        yield b"".join(pending)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _error(HTTPStatus(error.status), f"{request.method} {request.path}: {error.reason}")


def _error(status: HTTPStatus, message: str, **more: Any) -> web.Response:
    return web.json_response({"error": message, **more}, status=status)
