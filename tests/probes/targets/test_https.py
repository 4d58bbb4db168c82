"""The HTTPS probe: whose certificates are accepted, when they end, and how a handshake goes wrong."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from probes.targets.result import Reason, Result
from probes.targets.table import probe
from probes.targets.target import Target, parse_target
from probes.targets.tools import Tools, trust
from sla.instants import instant_of
from sla.records import State
from tests.probes.targets.targets import TIMEOUT_S, Handler, out_of_time, reset_on_close, server, tools

NOT_AFTER = datetime(2099, 2, 28, 23, 59, 58, tzinfo=UTC)


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def showing(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


async def in_time(target: Target, opened: Tools) -> Result:
    return await probe(target, opened, TIMEOUT_S)


async def tried(
    authority: trustme.CA,
    folder: Path,
    tls: ssl.SSLContext | None,
    *,
    handler: Handler = hello,
    host: str = "localhost",
    find: Callable[[Target, Tools], Awaitable[Result]] = in_time,
) -> Result:
    """What a try finds that trusts the authority, of a server with its own TLS, or with none."""
    file = folder / "ca.pem"
    authority.cert_pem.write_to_path(file)
    async with tools(tls=trust(file)) as opened, server(handler, tls=tls) as port:
        return await find(parse_target(f"https://{host}:{port}/"), opened)


def outcome(result: Result) -> tuple[State, Reason]:
    return result.state, result.reason


async def test_a_certificate_that_is_trusted_is_up_and_tells_when_it_ends(
    authority: trustme.CA, tmp_path: Path
) -> None:
    leaf = authority.issue_cert("localhost", not_after=NOT_AFTER)
    result = await tried(authority, tmp_path, showing(leaf))
    assert outcome(result) == (State.UP, Reason.NONE)
    assert result.certificate_expires_at == instant_of(NOT_AFTER + timedelta(seconds=1))


async def test_an_address_can_be_certified_too(authority: trustme.CA, tmp_path: Path) -> None:
    leaf = authority.issue_cert("127.0.0.1")
    assert (await tried(authority, tmp_path, showing(leaf), host="127.0.0.1")).state is State.UP


async def test_the_end_is_told_of_a_page_that_is_down_too(authority: trustme.CA, tmp_path: Path) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    leaf = authority.issue_cert("localhost", not_after=NOT_AFTER)
    result = await tried(authority, tmp_path, showing(leaf), handler=refuse)
    assert outcome(result) == (State.DOWN, Reason.STATUS)
    assert result.certificate_expires_at is not None


async def test_a_certificate_that_is_not_accepted_is_down(authority: trustme.CA, tmp_path: Path) -> None:
    expired = authority.issue_cert("localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    elsewhere = authority.issue_cert("elsewhere.example")
    stranger = trustme.CA().issue_cert("localhost")
    for certificate, said in ((expired, "expired"), (elsewhere, "mismatch"), (stranger, "issuer")):
        result = await tried(authority, tmp_path, showing(certificate))
        assert outcome(result) == (State.DOWN, Reason.TLS)
        assert said in result.text


async def test_a_server_without_tls_is_down(authority: trustme.CA, tmp_path: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    result = await tried(authority, tmp_path, None, handler=plain)
    assert outcome(result) == (State.DOWN, Reason.TLS)
    assert result.text == "TLS failed: wrong version number"


@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_ends_the_handshake_is_down(
    authority: trustme.CA, tmp_path: Path, reset: bool
) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        if reset:
            reset_on_close(writer.get_extra_info("socket"))

    assert outcome(await tried(authority, tmp_path, None, handler=end)) == (State.DOWN, Reason.TLS)


async def test_a_server_that_is_silent_in_the_handshake_is_down(
    authority: trustme.CA, tmp_path: Path
) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(TIMEOUT_S)

    result = await tried(authority, tmp_path, None, handler=hang, find=out_of_time)
    assert outcome(result) == (State.DOWN, Reason.TIMEOUT)
    assert result.text == "waited in vain for the TLS handshake"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_protocols_are_not_spoken(authority: trustme.CA, tmp_path: Path) -> None:
    context = showing(authority.issue_cert("localhost"))
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert outcome(await tried(authority, tmp_path, context)) == (State.DOWN, Reason.TLS)
