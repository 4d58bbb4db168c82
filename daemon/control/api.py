"""The control door on its Unix socket, and what is served there and on TCP (`daemon.control.tcp`)."""

import os
import socket
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from daemon.control.errors import errors_as_json
from daemon.control.identity import by_peer
from daemon.metrics import DoorMetrics
from daemon.os_faults import refused
from daemon.web.connections import bounded
from daemon.web.door import Door, Limits
from daemon.web.later import RouteMaker, add_later
from daemon.web.listening import serving

_log = structlog.get_logger(__name__)

LIMITS: Final = Limits(connections=32, strangers=32, requests=16, request_s=None, body_bytes=256 * 1024)

_PROBE_S: Final = 1.0


class ControlApiError(Exception):
    """The control door cannot be opened; the message says why."""


@asynccontextmanager
async def control_api(
    operations: RouteMaker,
    path: Path,
    *,
    limits: Limits = LIMITS,
    metrics: DoorMetrics | None = None,
) -> AsyncIterator[None]:
    """Answer on a Unix socket at `path`; a socket left there by a dead daemon is replaced. `operations`: what is asked there.

    Raises ControlApiError, above all where another daemon answers.
    """
    listener, inode = _bound(path)
    door = Door(name="control", limits=limits, metrics=metrics or DoorMetrics())
    app = application(operations, [by_peer], door)
    try:
        async with serving(app, door, [listener]):
            _log.info("control_door_opened", path=str(path))
            yield
    finally:
        listener.close()
        _remove(path, inode)


def application(operations: RouteMaker, guards: Sequence[Any], door: Door) -> web.Application:
    """What is served; `guards` are the middlewares that let in whoever may ask, and name who it is."""
    app = web.Application(
        middlewares=[errors_as_json, *guards, bounded(door)], client_max_size=door.limits.body_bytes
    )
    add_later(app, operations)
    return app


def _bound(path: Path) -> tuple[socket.socket, int]:
    """A socket bound to `path`, and the inode that it has there."""
    _remove_if_abandoned(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o117)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise ControlApiError(f"{path}: {refused(error)}") from error
    finally:
        os.umask(mask)
    return listener, path.stat().st_ino


def _remove(path: Path, inode: int) -> None:
    """Remove the socket, unless another daemon has put its own there."""
    with suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()


def _remove_if_abandoned(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ControlApiError(f"{path}: something is there that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(_PROBE_S)
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except OSError as error:
            raise ControlApiError(f"{path}: {refused(error)}") from error
        else:
            raise ControlApiError(f"{path}: another slad answers there")
