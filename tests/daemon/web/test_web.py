"""The public door over real HTTP on loopback."""

import asyncio
import base64
import gzip
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
import trustme
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from pydantic import SecretStr

from daemon.clock import SystemClock
from daemon.exposition.exposition import Exposition
from daemon.web.access import PasswordCheck
from daemon.web.config import WebConfigError, load
from daemon.web.door import Limits
from daemon.web.negotiation import accepts_gzip, choose_format
from tests.daemon.web.door import PROMETHEUS_ACCEPT, Visit, visit
from tests.waiting import until


@pytest.fixture
async def door() -> AsyncIterator[Visit]:
    async with visit() as opened:
        yield opened


async def test_a_scrape_gets_the_format_and_the_encoding_it_asks_for(door: Visit) -> None:
    await door.site.prepare(3000)
    headers = {"Accept": PROMETHEUS_ACCEPT, "Accept-Encoding": "gzip"}
    async with door.get("/metrics", headers=headers) as response:
        assert (
            response.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Vary"] == "Accept, Accept-Encoding"
        openmetrics = gzip.decompress(await response.read()).decode()
    async with door.get("/metrics", headers={"Accept-Encoding": "identity"}) as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in response.headers
        text = await response.text()
    by_text = [s for f in parser.text_string_to_metric_families(text) for s in f.samples]
    families = list(openmetrics_parser.text_string_to_metric_families(openmetrics))  # type: ignore[no-untyped-call]
    assert [s for f in families for s in f.samples] == by_text
    assert len(by_text) == 6001


async def test_a_head_request_gets_the_headers_alone(door: Visit) -> None:
    await door.site.prepare()
    async with door.get("/metrics", "HEAD") as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 100
        assert await response.read() == b""
    assert await door.status("/-/healthy", "HEAD") == 200


async def test_metrics_are_503_until_figures_are_published(door: Visit) -> None:
    async with door.get("/metrics") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert "no figures were published" in await response.text()
    await door.site.prepare()
    assert await door.status("/metrics") == 200


async def test_ready_tells_why_not(door: Visit) -> None:
    assert await door.text("/-/ready") == "slad is ready.\n"
    door.site.reasons.append("the ledger cannot be written: disk full")
    async with door.get("/-/ready") as response:
        assert response.status == 503
        assert await response.text() == "slad is not ready:\n- the ledger cannot be written: disk full\n"
    assert await door.text("/-/healthy") == "slad is healthy.\n"


async def test_every_answer_carries_the_security_headers(door: Visit) -> None:
    for path in ("/", "/-/ready", "/nowhere"):
        async with door.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert response.headers["Server"] == "slad"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_only_get_and_head_are_served(door: Visit, method: str) -> None:
    async with door.get("/metrics", method) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET,HEAD"


async def test_unknown_paths_are_404_and_no_target_is_ever_taken(door: Visit) -> None:
    assert await door.status("/probe?target=http://127.0.0.1:1/") == 404


async def test_a_large_body_is_413(door: Visit) -> None:
    assert await door.status("/metrics", data=b"x" * 70_000) == 413


async def raw(address: tuple[str, int], request: bytes) -> bytes:
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


async def test_large_headers_are_431(door: Visit) -> None:
    one = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 10_000 + b"\r\n\r\n"
    many = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(100)) + b"\r\n"
    )
    for request in (one, many):
        answer = await raw(door.address, request)
        assert re.match(rb"HTTP/1\.[01] 431 ", answer)
        assert b"aaa" not in answer


async def test_what_is_not_http_is_400_and_echoes_nothing(door: Visit) -> None:
    answer = await raw(door.address, b"secret-in-garbage\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] 400 ", answer)
    assert b"secret" not in answer


async def test_a_head_that_does_not_arrive_in_time_ends_the_connection() -> None:
    async with visit(Limits(head_s=0.05)) as door:
        for beginning in (b"", b"GET / HTTP/1.1\r\nX-Slow: "):
            assert await raw(door.address, beginning) == b""


async def test_an_answer_may_take_longer_than_the_head() -> None:
    async with visit(Limits(head_s=0.05)) as door:
        door.site.exposition = Exposition(SystemClock(), wait_s=0.2)
        assert await door.status("/metrics") == 503


async def test_a_handler_that_fails_says_so_and_nothing_more(door: Visit) -> None:
    def broken() -> list[str]:
        raise RuntimeError("secret detail")

    door.site.readiness = broken  # type: ignore[method-assign]  # the fault to be survived
    assert await door.text("/-/ready") == "500 Internal Server Error\n"
    assert await door.status("/-/healthy") == 200


async def test_a_connection_stays_open_for_the_next_scrape() -> None:
    async with visit(Limits(head_s=5)) as door:
        reader, writer = await asyncio.open_connection(*door.address)
        async with asyncio.timeout(20):
            for _ in range(3):
                writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await reader.readuntil(b"slad is healthy.\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await writer.wait_closed()


async def test_requests_beyond_the_limit_are_503() -> None:
    async with visit(Limits(requests=1)) as door:
        door.site.exposition = Exposition(SystemClock(), wait_s=10)
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            first = group.create_task(door.status("/metrics"))
            await door.site.exposition.asked.wait()
            assert await door.status("/-/healthy") == 503
            await door.site.prepare()
            assert await first == 200
        assert await door.status("/-/healthy") == 200


async def test_a_scraper_that_does_not_read_loses_its_connection() -> None:
    async with visit(Limits(request_s=0.3, connections=1)) as door:
        await door.site.prepare(60_000)
        reader, writer = await asyncio.open_connection(*door.address, limit=1)
        async with asyncio.timeout(20):
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await reader.readexactly(15) == b"HTTP/1.1 200 OK"
            await until(lambda: not door.site.exposition._scrapes, "the end of the scrape")
            while await door.status("/-/healthy") != 200:  # noqa: ASYNC110  its place is free at last, though it has not read on
                await asyncio.sleep(0)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(2 * 60_000 * 50)
        writer.close()


def test_formats_are_negotiated_by_quality() -> None:
    openmetrics, text = choose_format(PROMETHEUS_ACCEPT), choose_format("")
    assert openmetrics.name == "OPENMETRICS"
    assert text.name == "TEXT"
    assert choose_format("*/*") is text
    assert choose_format("application/openmetrics-text; version=0.0.1, text/plain;q=0.1") is text
    assert choose_format('application/openmetrics-text; version="1.0.0"') is openmetrics
    assert choose_format("application/openmetrics-text;q=0.1, text/plain;q=0.9") is text
    assert choose_format("application/openmetrics-text;q=nonsense") is text


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("gzip, deflate", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*, gzip;q=0", False),
        ("", False),
        ("br", False),
    ],
)
def test_gzip_is_sent_to_those_who_read_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


# The web config file.


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


HASH = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    def write(**values: Any) -> Path:
        path = tmp_path / "web.yml"
        path.write_text(json.dumps(values))  # JSON is YAML
        return path

    return write


WriteConfig = Callable[..., Path]


async def test_basic_auth_lets_in_who_knows_the_password(config: WriteConfig) -> None:
    async with visit(web_config=config(basic_auth_users={"prometheus": HASH})) as door:
        async with door.get("/-/healthy") as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == 'Basic realm="slad"'
            assert response.headers["X-Frame-Options"] == "deny"
        for user, password, status in (
            ("prometheus", "correct horse", 200),
            ("prometheus", "correct horse", 200),
            ("prometheus", "wrong", 401),
            ("somebody", "correct horse", 401),
            ("prometheus", "x" * 100, 401),
        ):
            assert await door.status("/-/healthy", headers=basic(user, password)) == status
        for header in ("Bearer x", "Basic", "Basic !", "Basic " + base64.b64encode(b"no colon").decode()):
            assert await door.status("/-/healthy", headers={"Authorization": header}) == 401


async def test_a_password_is_hashed_once_and_then_remembered() -> None:
    checks: list[bytes] = []

    def counted(password: bytes, hashed: bytes) -> bool:
        checks.append(password)
        return bcrypt.checkpw(password, hashed)

    passwords, users = PasswordCheck(counted), {"prometheus": SecretStr(HASH)}
    for _ in range(3):
        assert await passwords.passes(basic("prometheus", "correct horse")["Authorization"], users)
    assert checks == [b"correct horse"]


async def test_no_number_of_wrong_passwords_has_the_right_one_hashed_again() -> None:
    checks: list[bytes] = []

    def counted(password: bytes, hashed: bytes) -> bool:
        checks.append(password)
        return password == b"right"

    passwords, users = PasswordCheck(counted), {"prometheus": SecretStr(HASH)}
    right = basic("prometheus", "right")["Authorization"]
    assert await passwords.passes(right, users)
    for number in range(300):
        assert not await passwords.passes(basic("prometheus", f"wrong {number}")["Authorization"], users)
    assert await passwords.passes(right, users)
    assert checks.count(b"right") == 1


async def test_users_and_headers_are_read_again_when_the_file_changes(config: WriteConfig) -> None:
    path = config(basic_auth_users={"prometheus": HASH})
    async with visit(web_config=path) as door:
        assert await door.status("/-/healthy") == 401
        config(http_server_config={"headers": {"X-Frame-Options": "sameorigin"}})
        async with door.get("/-/healthy") as response:
            assert response.status == 200
            assert response.headers["X-Frame-Options"] == "sameorigin"
        path.write_text("no_such_key: 1")
        assert await door.status("/-/healthy") == 500
        path.unlink()
        assert await door.status("/-/healthy") == 500
        config()
        assert await door.status("/-/healthy") == 200


async def test_the_rate_limit_counts(config: WriteConfig) -> None:
    async with visit(web_config=config(rate_limit={"interval": "1h", "burst": 2})) as door:
        assert [await door.status("/-/healthy") for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"tls_serverconfig": {}}, "tls_serverconfig: slad knows no such key"),
        ({"tls_server_config": {"cert_file": "x"}}, "tls_server_config.key_file: Field required"),
        ({"tls_server_config": {"cert_file": "x", "key_file": "y"}}, "tls_server_config.cert_file: "),
        (
            {"tls_server_config": {"cert_file": "x", "key_file": "y", "cipher_suites": []}},
            "cipher_suites: slad knows",
        ),
        (
            {
                "tls_server_config": {
                    "cert_file": "x",
                    "key_file": "y",
                    "client_auth_type": "RequireAndVerifyClientCert",
                }
            },
            "needs client_ca_file",
        ),
        (
            {"tls_server_config": {"cert_file": "x", "key_file": "y", "client_ca_file": "z"}},
            "needs client_auth_type",
        ),
        ({"basic_auth_users": {"a": "plain-password"}}, "the password of a is no bcrypt hash"),
        ({"http_server_config": {"headers": {"X-Mine": "1"}}}, "X-Mine cannot be set"),
        ({"http_server_config": {"headers": {"X-Frame-Options": "maybe"}}}, "can be deny or sameorigin"),
        ({"rate_limit": {"interval": "often"}}, "no duration"),
    ],
)
def test_a_wrong_web_config_is_refused_with_its_key(
    config: WriteConfig, values: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(WebConfigError) as refused:
        load(config(**values))
    assert complaint in str(refused.value)
    assert "plain-password" not in str(refused.value)


def test_broken_yaml_is_refused_by_its_line_without_its_text(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("basic_auth_users:\n  a: [secret-hash")
    with pytest.raises(WebConfigError, match="line 2") as refused:
        load(path)
    assert "secret-hash" not in str(refused.value)


@dataclass
class Tls:
    """A certificate authority, and the files of a server that it vouches for."""

    ca: trustme.CA
    folder: Path
    config: WriteConfig

    def server(self, ca: trustme.CA | None = None, **more: Any) -> Path:
        cert = (ca or self.ca).issue_cert("127.0.0.1")
        cert.private_key_pem.write_to_path(self.folder / "server.key")
        cert.cert_chain_pems[0].write_to_path(self.folder / "server.crt")
        self.ca.cert_pem.write_to_path(self.folder / "ca.crt")
        return self.config(tls_server_config={"cert_file": "server.crt", "key_file": "server.key", **more})

    def client(self, name: str | None = None, ca: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        (ca or self.ca).configure_trust(context)
        if name is not None:
            self.ca.issue_cert(name).configure_cert(context)
        return context


@pytest.fixture
def tls(tmp_path: Path, config: WriteConfig) -> Tls:
    return Tls(trustme.CA(), tmp_path, config)


FRESH = {"Connection": "close"}


async def test_tls_serves_who_trusts_it_and_nobody_in_plain(tls: Tls) -> None:
    async with visit(web_config=tls.server()) as door:
        assert await door.status("/-/healthy", ssl=tls.client()) == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await door.status("/-/healthy", ssl=ssl.create_default_context())
        with pytest.raises(aiohttp.ClientError):
            await door.status("/-/healthy")


async def test_an_old_tls_version_is_refused(tls: Tls) -> None:
    async with visit(web_config=tls.server(min_version="TLS13")) as door:
        old = tls.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(aiohttp.ClientConnectorError):
            await door.status("/-/healthy", ssl=old)
        assert await door.status("/-/healthy", ssl=tls.client()) == 200


async def test_a_new_certificate_counts_for_the_next_connection(tls: Tls) -> None:
    async with visit(web_config=tls.server()) as door:
        assert await door.status("/-/healthy", ssl=tls.client(), headers=FRESH) == 200
        other = trustme.CA()
        tls.server(ca=other)
        assert await door.status("/-/healthy", ssl=tls.client(ca=other), headers=FRESH) == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await door.status("/-/healthy", ssl=tls.client(), headers=FRESH)
        (tls.folder / "server.crt").unlink()
        with pytest.raises(aiohttp.ClientError):
            await door.status("/-/healthy", ssl=tls.client(ca=other), headers=FRESH)


async def test_client_certificates_are_asked_for_and_their_names_checked(tls: Tls) -> None:
    path = tls.server(
        client_auth_type="RequireAndVerifyClientCert",
        client_ca_file="ca.crt",
        client_allowed_sans=["prometheus.example"],
    )
    async with visit(web_config=path) as door:
        good = tls.client("prometheus.example")
        assert await door.status("/-/healthy", ssl=good, headers=FRESH) == 200
        assert await door.status("/-/healthy", ssl=tls.client("other.example"), headers=FRESH) == 403
        with pytest.raises(aiohttp.ClientError):
            await door.status("/-/healthy", ssl=tls.client(), headers=FRESH)
