"""The command line's side of the control door."""

import errno
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self, cast
from urllib.parse import quote

import aiohttp

from daemon.control import ServerStatus, Status

_ANSWER: Final = aiohttp.ClientTimeout(total=30)
_STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
_LINE_BYTES: Final = 16 * 1024 * 1024


class ControlError(Exception):
    """Base of what asking the daemon can fail with; the message is for people."""


class UnreachableError(ControlError):
    """The daemon does not run, does not answer, or may not be asked."""


class NotFoundError(ControlError):
    """The daemon knows nothing of that name, or several things."""


class RefusedError(ControlError):
    """The daemon answered with another error."""


class ControlClient:
    """Asks the daemon behind one socket. To be used as an asynchronous context manager."""

    def __init__(self, path: Path) -> None:
        """`path`: of the control socket."""
        self._path = path
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Connects with the first question, not yet."""
        connector = aiohttp.UnixConnector(path=str(self._path))
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=_LINE_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        assert self._session is not None
        await self._session.close()

    async def status(self) -> Status:
        """How the daemon and the fleet are. Raises ControlError."""
        return cast(Status, await self._document("/v1/status"))

    async def server(self, name: str) -> ServerStatus:
        """One server by id or name. Raises ControlError, of which NotFoundError for a name that names not one."""
        return cast(ServerStatus, await self._document(f"/v1/servers/{quote(name, safe='')}"))

    async def export(
        self, *, client: str | None = None, start: str | None = None, until: str | None = None
    ) -> AsyncIterator[str]:
        """The evidence line by line; instants are RFC 3339. Raises ControlError, also when the stream breaks off."""
        given = {"client": client, "from": start, "until": until}
        query = {key: value for key, value in given.items() if value is not None}
        async with self._asked("/v1/export", _STREAM, query) as response:
            async for line in response.content:
                yield line.decode().removesuffix("\n")

    async def _document(self, path: str) -> Any:
        async with self._asked(path, _ANSWER, {}) as response:
            return await response.json()

    @asynccontextmanager
    async def _asked(
        self, path: str, patience: aiohttp.ClientTimeout, query: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        try:
            async with self._session.get(
                f"http://slad{path}", params=query, timeout=patience, allow_redirects=False
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise await _refusal(response)
                yield response
        except aiohttp.ClientConnectorError as error:
            raise UnreachableError(self._unreachable(error.os_error)) from error
        except TimeoutError as error:
            raise UnreachableError(f"slad did not answer in time at {self._path}") from error
        except aiohttp.ClientError as error:
            raise UnreachableError(f"slad broke off its answer at {self._path}: {error}") from error

    def _unreachable(self, error: OSError) -> str:
        if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
            return f"slad does not run, or not with this socket: nobody answers at {self._path}"
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"you may not ask slad at {self._path}: its group may, and root"
        return f"slad cannot be reached at {self._path}: {error.strerror or error}"


async def _refusal(response: aiohttp.ClientResponse) -> ControlError:
    """What a status other than 200 means."""
    text = await response.text()
    try:
        document = json.loads(text)
        message = str(document["error"])
        candidates = [str(one) for one in document.get("candidates", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return RefusedError(text.strip() or f"slad answered {response.status}")
    if response.status == HTTPStatus.CONFLICT and candidates:
        return NotFoundError(f"{message}; name one by its id: {', '.join(candidates)}")
    return NotFoundError(message) if response.status == HTTPStatus.NOT_FOUND else RefusedError(message)
