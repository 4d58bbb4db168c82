"""The HTTPS probe: whose certificates are accepted, when they end, and how a handshake goes wrong."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import random_serial_number

from probes.targets import certificates
from probes.targets.result import Reason, Result
from probes.targets.table import probe
from probes.targets.target import Target, parse_target
from probes.targets.tools import Tools, trust
from sla.instants import instant_of
from sla.records import State
from tests.probes.targets.targets import TIMEOUT_S, Handler, out_of_time, reset_on_close, server, tools

TODAY = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251  certificates are judged by the system's clock
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


class Chain:
    """A root, an intermediate and a leaf for localhost, each with its own end in days; `pem` is what the server shows."""

    def __init__(self, *, root: int = 3650, intermediate: int = 1000, leaf: int = 300) -> None:
        self.root_key, self.intermediate_key, self.leaf_key = keys = [
            ec.generate_private_key(ec.SECP256R1()) for _ in range(3)
        ]
        names = [f"{each} {random_serial_number()}" for each in ("root", "intermediate", "leaf")]
        issuers = [(names[0], keys[0]), (names[0], keys[0]), (names[1], keys[1])]
        self.root, self.intermediate, self.leaf = (
            certificate(name, key, issuer, days, is_authority=place < 2)
            for place, (name, key, issuer, days) in enumerate(
                zip(names, keys, issuers, (root, intermediate, leaf), strict=True)
            )
        )

    def showing(self, folder: Path, *certificates: bytes) -> ssl.SSLContext:
        """A server that shows some certificates, its own first."""
        key = self.leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = folder / "server.pem"
        file.write_bytes(b"".join((*certificates, key)))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[str, ec.EllipticCurvePrivateKey],
    days: int,
    *,
    is_authority: bool,
) -> bytes:
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, issuer[0])]
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(TODAY - timedelta(days=100))
        .not_valid_after(TODAY + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    return builder.sign(issuer[1], hashes.SHA256()).public_bytes(Encoding.PEM)


async def chain_tried(chain: Chain, folder: Path, trusted: bytes, *shown: bytes) -> Result:
    file = folder / "ca.pem"
    file.write_bytes(trusted)
    async with (
        tools(tls=trust(file)) as opened,
        server(hello, tls=chain.showing(folder, *shown)) as port,
    ):
        return await probe(parse_target(f"https://localhost:{port}/"), opened, TIMEOUT_S)


def ends_in(days: int) -> int:
    return instant_of(TODAY + timedelta(days=days, seconds=1))


@pytest.mark.parametrize(("leaf", "intermediate", "root"), [(300, 2, 900), (2, 300, 900), (300, 900, 2)])
async def test_the_end_is_that_of_what_ends_first_in_the_chain(
    tmp_path: Path, leaf: int, intermediate: int, root: int
) -> None:
    chain = Chain(leaf=leaf, intermediate=intermediate, root=root)
    result = await chain_tried(chain, tmp_path, chain.root, chain.leaf, chain.intermediate)
    assert outcome(result) == (State.UP, Reason.NONE)
    assert result.certificate_expires_at == ends_in(2)


async def test_a_root_that_is_sent_without_need_changes_nothing(tmp_path: Path) -> None:
    chain, old = Chain(), Chain(root=-1)
    result = await chain_tried(
        chain, tmp_path, chain.root, chain.leaf, chain.intermediate, chain.root, old.root
    )
    assert outcome(result) == (State.UP, Reason.NONE)
    assert result.certificate_expires_at == ends_in(300)


async def test_an_intermediate_that_is_not_sent_counts_where_it_is_trusted(tmp_path: Path) -> None:
    chain = Chain(intermediate=2)
    result = await chain_tried(chain, tmp_path, chain.root + chain.intermediate, chain.leaf)
    assert result.certificate_expires_at == ends_in(2)


async def test_of_two_ways_to_a_trusted_root_the_one_that_holds_counts(tmp_path: Path) -> None:
    """The same intermediate, signed anew: the old one, which ended, is still sent."""
    chain = Chain()
    name = x509.load_pem_x509_certificate(chain.intermediate)
    subject, issuer = (
        str(each.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
        for each in (name.subject, name.issuer)
    )
    ended = certificate(subject, chain.intermediate_key, (issuer, chain.root_key), -1, is_authority=True)
    result = await chain_tried(chain, tmp_path, chain.root + chain.intermediate, chain.leaf, ended)
    assert outcome(result) == (State.UP, Reason.NONE)
    assert result.certificate_expires_at == ends_in(300)


async def test_without_a_chain_the_end_is_that_of_the_leaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python offers the verified chain only below what is public."""
    monkeypatch.setattr(certificates, "_verified_chain", lambda _: ())
    chain = Chain(intermediate=2)
    result = await chain_tried(chain, tmp_path, chain.root, chain.leaf, chain.intermediate)
    assert result.certificate_expires_at == ends_in(300)


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
