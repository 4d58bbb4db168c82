"""The command line's side of the control door: the Unix socket, or TCP with TLS and a token."""

import errno
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self, cast

import aiohttp
from yarl import URL

from daemon.control.address import ControlAddress
from daemon.control.routes import ACCEPT_CLOCK, DRY_RUN, EXPORT, LETTERHEAD, SERVER, STATEMENT, STATUS
from daemon.os_faults import refused
from daemon.records.refusals import CONFIRMED, NOTHING_RECORDED

Json = dict[str, Any]
"""An answer of the daemon, as it was sent; `daemon.replies` tells its keys."""

_ANSWER: Final = aiohttp.ClientTimeout(total=30)
_STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
_ERROR: Final = b'{"error":'
"""How the last line of an export begins that the daemon could not complete. No record does."""
_LINE_BYTES: Final = 16 * 1024 * 1024


class ControlError(Exception):
    """Base of what asking the daemon can fail with; the message is for people."""


class DaemonUnreachableError(ControlError):
    """The daemon does not run, does not answer, or may not be asked."""


class NotRecordedError(DaemonUnreachableError):
    """The daemon records nothing now, and surely did not."""


class BrokenOffError(DaemonUnreachableError):
    """The daemon was asked and did not answer, or not now: what was asked may have been done."""


class UnknownNameError(ControlError):
    """The daemon knows nothing of that name, or several things."""


class AmbiguousAnswerError(UnknownNameError):
    """The daemon knows several things of that name; `candidates` are their ids."""

    def __init__(self, message: str, candidates: Sequence[str]) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class RefusedByDaemonError(ControlError):
    """The daemon answered with another error; `fields` say what is wrong with which, where it told."""

    def __init__(self, message: str, fields: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class UnconfirmedByDaemonError(RefusedByDaemonError):
    """The daemon records it only when it is confirmed; its fields say what gives pause."""


class ControlClient:
    """Asks the daemon behind one door. To be used as an asynchronous context manager."""

    def __init__(self, address: ControlAddress | Path) -> None:
        """`address`: a path alone is that of the socket."""
        self._address = ControlAddress(socket=address) if isinstance(address, Path) else address
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Connects with the first question, not yet. Raises ControlError for a certificate file that is none."""
        headers = {"Authorization": f"Bearer {self._address.token}"} if self._address.token else {}
        self._session = aiohttp.ClientSession(
            connector=_connector(self._address), read_bufsize=_LINE_BYTES, headers=headers
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        assert self._session is not None
        await self._session.close()

    async def status(self) -> Json:
        """How the daemon and the fleet are. Raises ControlError."""
        return await self.document(STATUS.path())

    async def server(self, name: str) -> Json:
        """One server by id or name. Raises ControlError, of which UnknownNameError for a name that names not one."""
        return await self.document(SERVER.path(name=name))

    async def export(
        self, *, client: str | None = None, start: str | None = None, until: str | None = None
    ) -> AsyncIterator[str]:
        """The evidence line by line; instants are RFC 3339. Raises ControlError, also when the stream breaks off."""
        given = {"client": client, "from": start, "until": until}
        query = {key: value for key, value in given.items() if value is not None}
        async with self._asked(EXPORT.path(), _STREAM, query) as response:
            async for line in response.content:
                if line.startswith(_ERROR):
                    raise RefusedByDaemonError(json.loads(line)["error"])
                yield line.decode().removesuffix("\n")

    async def statement(self, client: str, month: str, as_of: str | None = None) -> bytes:
        """A client's statement as a document, as it was sent; instants are RFC 3339. Raises ControlError."""
        query = {"client": client, "month": month, **({} if as_of is None else {"as_of": as_of})}
        return await self.content(STATEMENT.path(), query)

    async def letterhead(self, client: str) -> Json:
        """Whose the statements of a client are. Raises ControlError."""
        return await self.document(LETTERHEAD.path(), {"client": client})

    async def accept_clock(self) -> Json:
        """Have what the wall clock shows believed. Raises ControlError."""
        async with self._asked(ACCEPT_CLOCK.path(), _ANSWER, {}, body={}) as response:
            return cast(Json, await response.json())

    async def document(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """What the door shows at the path of an operation. Raises ControlError."""
        async with self._asked(path, _ANSWER, query or {}) as response:
            return cast(Json, await response.json())

    async def content(self, path: str, query: Mapping[str, str]) -> bytes:
        """The same, as it was sent: a document that takes its time. Raises ControlError."""
        async with self._asked(path, _STREAM, query) as response:
            return await response.read()

    async def text(self, path: str, query: Mapping[str, str]) -> str:
        """The same, where that is a text. Raises ControlError."""
        async with self._asked(path, _ANSWER, query) as response:
            return await response.text()

    async def record(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        key: str,
        dry_run: bool = False,
        confirmed: bool = False,
    ) -> Json:
        """Have something recorded, once however often it is asked for with this `key`.

        Raises ControlError, of which UnconfirmedByDaemonError where it is recorded only when `confirmed`.
        """
        flags = ((DRY_RUN, dry_run), (CONFIRMED, confirmed))
        query = {flag: "true" for flag, is_set in flags if is_set}
        async with self._asked(path, _ANSWER, query, body=body, headers={"Idempotency-Key": key}) as response:
            return cast(Json, await response.json())

    @asynccontextmanager
    async def _asked(
        self,
        path: str,
        patience: aiohttp.ClientTimeout,
        query: Mapping[str, str],
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        try:
            async with self._session.request(
                "GET" if body is None else "POST",
                URL(f"{self._address.url or 'http://slad'}{path}", encoded=True),
                params=query,
                json=body,
                headers=headers,
                timeout=patience,
                allow_redirects=False,
            ) as response:
                if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
                    raise await _refusal(response)
                yield response
        except aiohttp.ClientConnectorCertificateError as error:
            raise DaemonUnreachableError(
                f"{self._address} does not prove who it is: {_verdict(error.certificate_error)}"
            ) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise DaemonUnreachableError(
                f"{self._address} speaks no TLS that we accept: {error.os_error}"
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise DaemonUnreachableError(self._unreachable(error.os_error)) from error
        except TimeoutError as error:
            raise BrokenOffError(f"slad did not answer in time at {self._address}") from error
        except aiohttp.ClientPayloadError as error:
            raise BrokenOffError(f"slad broke off its answer at {self._address}: its log says why") from error
        except aiohttp.ClientError as error:
            raise BrokenOffError(f"slad broke off its answer at {self._address}: {error}") from error

    def _unreachable(self, error: OSError) -> str:
        if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
            return (
                f"slad does not run, or has another door: nobody answers at {self._address};"
                " start it, or name its door: --socket, or --url (slad --help)"
            )
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"you may not ask slad at {self._address}: its group may, and root"
        return f"slad cannot be reached at {self._address}: {refused(error)}"


def _connector(address: ControlAddress) -> aiohttp.BaseConnector:
    if not address.url:
        return aiohttp.UnixConnector(path=str(address.socket))
    from daemon.config.certificates import check_pem

    try:
        if address.ca_file is not None:
            check_pem(address.ca_file)
        return aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=address.ca_file))
    except ssl.SSLError as error:
        raise DaemonUnreachableError(f"{address.ca_file} holds no certificate in PEM form") from error
    except OSError as error:
        raise DaemonUnreachableError(f"{address.ca_file}: {refused(error)}") from error
    except ValueError as error:
        raise DaemonUnreachableError(str(error)) from error


def _verdict(error: Exception) -> str:
    """Why a certificate is not believed."""
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)


async def _refusal(response: aiohttp.ClientResponse) -> ControlError:
    """What a status that is no success means."""
    text = await response.text()
    try:
        document = json.loads(text)
        message = str(document["error"])
        candidates = [str(one) for one in document.get("candidates", ())]
        fields = [(str(one["field"]), str(one["message"])) for one in document.get("errors", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        message, candidates, fields = text.strip() or f"slad answered {response.status}", [], []
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NotRecordedError(message) if message.startswith(NOTHING_RECORDED) else BrokenOffError(message)
    if response.status == HTTPStatus.CONFLICT and candidates:
        return AmbiguousAnswerError(message, candidates)
    if response.status == HTTPStatus.NOT_FOUND:
        return UnknownNameError(message)
    if any(field == CONFIRMED for field, _ in fields):
        return UnconfirmedByDaemonError(message, fields)
    return RefusedByDaemonError(message, fields)
