"""The control door on TCP: TLS, and who gets in with which token."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from daemon.config.tables import ControlTable
from daemon.config.values import Surroundings
from daemon.control.api import ControlApiError
from daemon.control.routing import routes_of
from daemon.control.tcp import TcpControlApi
from daemon.new_tokens import new_token
from sla.instants import SECOND, Instant
from sla.records import Recorded
from tests.daemon.harness import running_app, simulated, write_config
from tests.daemon.records.office import NoControl, Office, Said
from tests.peers.tls import Certificate, issue
from tests.waiting import until_told

WINDOW = {"from": "2026-03-17T03:00:00Z", "until": "2026-03-17T04:00:00Z", "clients": ["c"]}
READER, RECORDER, EXPIRED, STRANGER = (new_token() for _ in range(4))
TOKENS = [
    {"name": "grafana", "role": "read", "sha256": READER.sha256},
    {"name": "portal", "role": "record", "sha256": RECORDER.sha256, "expires": "2026-03-10"},
    {"name": "old", "role": "record", "sha256": EXPIRED.sha256, "expires": "2026-03-09"},
]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return issue(tmp_path)


def config(certificate: Certificate, tokens: object = TOKENS) -> ControlTable:
    said = {
        "socket": "control.sock",
        "listen": ["127.0.0.1:0"],
        "cert_file": str(certificate.certfile),
        "key_file": str(certificate.keyfile),
        "token": tokens,
    }
    return ControlTable.model_validate(said, context=Surroundings(folder=certificate.certfile.parent, env={}))


@dataclass
class TlsCaller:
    """Somebody on TCP who trusts the authority."""

    session: aiohttp.ClientSession
    url: str

    async def ask(
        self,
        token: str | None,
        *,
        path: str = "/v1/maintenance",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """POST where there is a body, else GET."""
        said = {"Idempotency-Key": "k", **(headers or {})}
        if token is not None:
            said["Authorization"] = f"Bearer {token}"
        method = "GET" if body is None else "POST"
        async with self.session.request(method, self.url + path, json=body, headers=said) as response:
            return Said(response.status, await response.json(), response.headers)


@asynccontextmanager
async def on_tcp(
    office: Office, certificate: Certificate, door: TcpControlApi | None = None
) -> AsyncIterator[TlsCaller]:
    door = door or TcpControlApi(config(certificate), office)
    trusting = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=certificate.cafile), force_close=True
    )
    async with (
        door.open(partial(routes_of, NoControl(), office.records)) as [(host, port)],
        aiohttp.ClientSession(connector=trusting) as session,
    ):
        yield TlsCaller(session, f"https://{host}:{port}")


async def test_a_token_to_record_records_under_its_name(certificate: Certificate) -> None:
    office = Office()
    async with on_tcp(office, certificate) as caller:
        said = await caller.ask(RECORDER.token, body=WINDOW)
    assert (said.status, said.json["recorded_by"]) == (201, "token:portal")
    (record,) = office.recorded
    assert isinstance(record, Recorded)
    assert record.recorded_by == "provider", (
        "its client reads it: the name is in the provider's own export alone"
    )


async def test_a_token_to_read_reads_and_records_nothing(certificate: Certificate) -> None:
    office = Office()
    async with on_tcp(office, certificate) as caller:
        assert (await caller.ask(READER.token)).status == 200
        for path in ("/v1/maintenance", "/v1/maintenance?dry_run=true"):
            said = await caller.ask(READER.token, path=path, body=WINDOW)
            assert said.status == 403
            assert 'error="insufficient_scope"' in said.headers["WWW-Authenticate"]
            assert "the token grafana has the role" in said.json["error"]
    assert office.recorded == []


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "needs a token"),
        ({"Authorization": f"Bearer {STRANGER.token}"}, "the token is wrong"),
        ({"Authorization": f"Bearer {RECORDER.sha256}"}, "the token is wrong"),
        ({"Authorization": "Bearer "}, "the token is wrong"),
        ({"Authorization": f"Basic {RECORDER.token}"}, "needs a token"),
        ({"Authorization": f"Bearer {EXPIRED.token}"}, "the token old expired at 2026-03-10T00:00:00Z"),
    ],
)
async def test_without_a_good_token_nobody_gets_in(
    certificate: Certificate, headers: Mapping[str, str], message: str
) -> None:
    office = Office()
    async with on_tcp(office, certificate) as caller:
        for body in (None, WINDOW):
            said = await caller.ask(None, body=body, headers=headers)
            assert (said.status, said.json["error"].partition(":")[0]) == (401, message.partition(":")[0])
            assert said.headers["WWW-Authenticate"].startswith('Bearer realm="slad"')
        assert (await caller.ask(None, path="/v1/openapi.json", headers=headers)).status == 401
    assert office.recorded == []


async def test_a_token_holds_to_the_end_of_its_last_day(certificate: Certificate) -> None:
    office = Office()
    async with on_tcp(office, certificate) as caller:
        office.set("2026-03-10T23:59:59.999999Z")
        assert (await caller.ask(RECORDER.token)).status == 200
        office.set("2026-03-11T00:00:00Z")
        assert (await caller.ask(RECORDER.token)).status == 401


async def test_guessing_is_slowed_down_and_holds_up_nobody_with_a_token(certificate: Certificate) -> None:
    office = Office()
    async with on_tcp(office, certificate) as caller:
        statuses = [(await caller.ask(STRANGER.token)).status for _ in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        assert (await caller.ask(READER.token)).status == 200
        office.at = Instant(office.at + SECOND)
        assert (await caller.ask(STRANGER.token)).status == 401


async def test_a_token_that_is_taken_back_is_wrong_from_the_next_request_on(certificate: Certificate) -> None:
    office = Office()
    door = TcpControlApi(config(certificate), office)
    async with on_tcp(office, certificate, door) as caller:
        assert (await caller.ask(READER.token)).status == 200
        door.follow(config(certificate, TOKENS[1:]))
        assert (await caller.ask(READER.token)).status == 401
        assert (await caller.ask(RECORDER.token)).status == 200


async def test_a_renewed_certificate_is_shown_to_the_next_connection(
    certificate: Certificate, tmp_path: Path
) -> None:
    office = Office()
    door = TcpControlApi(config(certificate), office)
    (tmp_path / "new").mkdir()
    async with on_tcp(office, certificate, door) as caller:
        renewed = issue(tmp_path / "new")
        door.follow(config(renewed))
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await caller.ask(READER.token)


async def test_two_callers_keys_are_two_requests(certificate: Certificate) -> None:
    office = Office()
    tokens = [*TOKENS, {"name": "second", "role": "record", "sha256": EXPIRED.sha256}]
    door = TcpControlApi(config(certificate, tokens[:2] + tokens[3:]), office)
    async with on_tcp(office, certificate, door) as caller:
        assert (await caller.ask(RECORDER.token, body=WINDOW)).status == 201
        assert (await caller.ask(EXPIRED.token, body=WINDOW)).status == 201
        assert (await caller.ask(EXPIRED.token, body=WINDOW)).status == 200
    assert len(office.recorded) == 2


async def test_who_speaks_no_tls_is_not_answered(certificate: Certificate) -> None:
    office = Office()
    async with on_tcp(office, certificate) as caller:
        host, port = caller.url.removeprefix("https://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/maintenance HTTP/1.1\r\nHost: slad\r\n\r\n")
        async with asyncio.timeout(20):
            assert b"HTTP" not in await reader.read()
        writer.close()


def test_a_certificate_that_went_is_said(certificate: Certificate) -> None:
    table = config(certificate)
    certificate.keyfile.unlink()
    with pytest.raises(ControlApiError, match="No such file"):
        TcpControlApi(table, Office())


def test_a_new_token_is_random_and_its_hash_is_its_own() -> None:
    one, other = new_token(), new_token()
    assert one.token != other.token
    assert len(one.token) >= 48
    assert hashlib.sha256(one.token.encode()).hexdigest() == one.sha256


async def test_the_daemon_opens_the_door_and_takes_tokens_back_at_a_reload(
    certificate: Certificate, tmp_path: Path
) -> None:
    def written(token: str) -> str:
        return (
            '[control]\nsocket = "control.sock"\nlisten = ["127.0.0.1:0"]\ncert_file = "cert.pem"\n'
            f'key_file = "key.pem"\n[[control.token]]\nname = "portal"\nrole = "record"\nsha256 = "{token}"'
        )

    trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificate.cafile))
    with simulated() as vcenter:
        path = write_config(tmp_path, vcenter, control=written(RECORDER.sha256))
        async with running_app(path) as app, aiohttp.ClientSession(connector=trusting) as session:
            host, port = app.control_addresses[0]
            caller = TlsCaller(session, f"https://{host}:{port}")
            assert (await caller.ask(RECORDER.token, path="/v1/status")).status == 200
            body = {"category": "end_user_pc", "from": "2026-03-01T00:00:00Z", "open": True}
            said = await caller.ask(RECORDER.token, path="/v1/exclusions", body=body)
            assert (said.status, said.json["recorded_by"]) == (201, "token:portal")
            write_config(tmp_path, vcenter, control=written(STRANGER.sha256))
            app.reload()

            async def is_refused() -> bool:
                return (await caller.ask(RECORDER.token, path="/v1/status")).status != 200

            await until_told(is_refused, "the reload")
            assert (await caller.ask(STRANGER.token, path="/v1/status")).status == 200
