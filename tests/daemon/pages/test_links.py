"""Links at the public door: who has one sees one client's own, without a password; all else under `/c/` looks alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
from structlog.testing import capture_logs

from daemon.pages.own import OWN_FILES
from daemon.pages.site import STATEMENT
from daemon.records.links import PREFIX
from sla.instants import DAY, HOUR, Instant
from tests.daemon.pages.own_stage import TOKENS, Opened, Stage, opened, paths, stage_of
from tests.sla.stories import client, maintenance, says, seen, server

AT = "2026-03-20T12:00:00Z"
TOKEN = TOKENS["c"]
NO_LINK = (
    "nothing",
    "slad_",
    TOKEN[:-1],
    f"{TOKEN}x",
    "%2e%2e",
    "%00",
    "%ff",
    "a" * 4000,
    "%C3%A9",
    "{token}",
)


def story() -> list[dict[str, Any]]:
    """Client c with a server that is down and one that is up, and a window to come; client d with a server."""
    of_c = {"observer": "m1", "source": "vc1"}
    return [
        client("c"),
        client("d"),
        server("s", name="we<b>"),
        server("t", name="mail"),
        server("x", client="d", name="secret"),
        maintenance("mw", "2026-03-25T03:00:00Z", "2026-03-25T04:00:00Z", clients=["c"]),
        *(says("up", "2026-03-01T05:00:00Z", server=each, **of_c) for each in ("s", "t", "x")),
        says("down", "2026-03-10T10:00:00Z", **of_c),
        says("up", "2026-03-10T11:00:00Z", **of_c),
        says("down", "2026-03-20T09:00:00Z", **of_c),
        seen(AT, **of_c),
    ]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return stage_of(story(), tmp_path, AT)


@pytest.fixture
async def door(stage: Stage) -> AsyncIterator[Opened]:
    await stage.work_out()
    async with opened(stage) as door:
        yield door


def alike(answer: tuple[int, Any, bytes]) -> tuple[int, bytes, list[tuple[str, str]]]:
    """What tells an answer from another, its date aside."""
    status, headers, body = answer
    return status, body, sorted(item for item in headers.items() if item[0] != "Date")


def route(path: str) -> str:
    solution = path.replace("{client}/{solution}", "c/s")
    return (
        solution.replace("{file}", "2026-03.html")
        .replace("{server}", "s")
        .replace("{start}", "2026-03-10T10:00:00Z")
    )


async def test_whoever_has_no_link_sees_the_same_404_everywhere(door: Opened) -> None:
    gone, short = "slad_gone", "slad_short"
    door.stage.give("c", gone)
    door.stage.take_back(gone)
    door.stage.give("c", short, until=HOUR)
    door.stage.at = Instant(door.stage.at + HOUR)
    unknown = alike(await door.get(f"{PREFIX}{TOKEN}/nowhere"))
    assert unknown[0] == 404
    for token in (*NO_LINK, gone, short):
        for path in ("", "nowhere", *(route(path) for path in paths())):
            assert alike(await door.get(f"{PREFIX}{token}/{path}")) == unknown, (token, path)
        assert alike(await door.get(f"{PREFIX}{token}"))[0] == 404


@pytest.mark.parametrize(
    "path", ["nope", "servers/x", "statements/2026-10-v01.html", "badge/state-x.svg", "?cursor=x"]
)
async def test_what_a_link_holder_is_told_is_not_there_tells_nothing_to_others(
    door: Opened, path: str
) -> None:
    assert (await door.get(f"{PREFIX}{TOKEN}/{path}"))[0] in (400, 404)
    unknown = alike(await door.get(f"{PREFIX}nothing/"))
    assert alike(await door.get(f"{PREFIX}nothing/{path}")) == unknown
    assert unknown[0] == 404


async def test_it_is_taken_back_and_expires_at_once(door: Opened) -> None:
    assert (await door.get(f"{PREFIX}{TOKEN}/"))[0] == 200
    door.stage.take_back(TOKEN)
    assert (await door.get(f"{PREFIX}{TOKEN}/"))[0] == 404
    assert (await door.get(f"{PREFIX}{TOKENS['d']}/"))[0] == 200
    door.stage.at = Instant(door.stage.at + 30 * DAY)
    assert (await door.get(f"{PREFIX}{TOKENS['d']}/"))[0] == 404


@pytest.mark.parametrize("path", paths())
async def test_every_page_is_private_to_those_who_have_the_link(door: Opened, path: str) -> None:
    status, headers, _ = await door.get(f"{PREFIX}{TOKEN}/{route(path)}")
    assert status == 200
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    embeddable = path.startswith("badge/")
    assert headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if embeddable else "same-origin")
    assert (await door.client.head(f"{door.root}{PREFIX}{TOKEN}/{route(path)}")).status == 200
    assert (await door.client.post(f"{door.root}{PREFIX}{TOKEN}/{route(path)}")).status == 405


async def test_without_the_slash_it_leads_to_it(door: Opened) -> None:
    status, headers, _ = await door.get(f"{PREFIX}{TOKEN}")
    assert (status, headers["Location"]) == (308, f"{TOKEN}/")
    async with door.client.get(f"{door.root}{PREFIX}{TOKEN}") as response:
        assert (response.status, response.url.path) == (200, f"{PREFIX}{TOKEN}/")


async def test_what_may_be_shown_to_others_does_not_have_the_token(door: Opened) -> None:
    for path in (*OWN_FILES, STATEMENT):
        assert TOKEN.encode() not in await door.under("c", route(path.replace(":[^/]+", ""))[1:])


# Passwords


@pytest.fixture
async def locked(stage: Stage, tmp_path: Path) -> AsyncIterator[Opened]:
    await stage.work_out()
    config = tmp_path / "web.yml"
    hashed = bcrypt.hashpw(b"sesame", bcrypt.gensalt(4)).decode()
    config.write_text(f"basic_auth_users:\n  ann: {hashed}\n")
    async with opened(stage, config) as door:
        yield door


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/style.css",
        "/maintenance.ics",
        "/metrics",
        "/-/healthy",
        "/c",
        "/c/",
        "/nowhere",
        "//c/x/",
        "/c//",
        "/C/x/",
        f"/c/{TOKEN}/../../metrics",
        f"/c/{TOKEN}/%2e%2e/%2e%2e/metrics",
        f"/c/../{TOKEN}/",
        "/metrics?/c/x/",
        "/metrics#/c/x/",
        "/-/c/x/",
    ],
)
async def test_a_door_with_a_password_lets_nothing_else_through(locked: Opened, path: str) -> None:
    """Whatever a path looks like, what is served is behind the password or under a link."""
    status, _, body = await raw(locked, path)
    assert status in (401, 404)
    assert b"slad is" not in body


async def raw(door: Opened, path: str) -> tuple[int, bytes, bytes]:
    """A request whose path nothing makes neat on its way."""
    host, port = door.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head, body


@pytest.mark.parametrize("path", paths())
async def test_a_link_needs_no_password_and_no_link_looks_as_ever(locked: Opened, path: str) -> None:
    assert (await locked.get(f"{PREFIX}{TOKEN}/{route(path)}"))[0] == 200
    wrong = {"Authorization": aiohttp.encode_basic_auth("ann", "wrong")}
    assert (await locked.get(f"{PREFIX}{TOKEN}/{route(path)}", headers=wrong))[0] == 200
    assert (await locked.get(f"{PREFIX}nothing/{route(path)}"))[0] == 404


async def test_the_rate_limit_holds_under_links_too(stage: Stage, tmp_path: Path) -> None:
    config = tmp_path / "web.yml"
    config.write_text("rate_limit:\n  interval: 1h\n  burst: 2\n")
    async with opened(stage, config) as door:
        stage.monotonic = 10 * HOUR
        assert [(await door.get(f"{PREFIX}x/"))[0] for _ in range(3)] == [404, 404, 429]


# The log


async def test_the_token_is_in_no_log_line(door: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(door.stage.sources.own, "feed", broken)
    with capture_logs() as logs:
        assert (await door.get(f"{PREFIX}{TOKEN}/feed.atom"))[0] == 500
        for path in paths():
            await door.get(f"{PREFIX}{TOKEN}/{route(path)}")
        await door.get(f"{PREFIX}{TOKEN}/", headers={"Host": "elsewhere.example"})
    assert TOKEN not in repr(logs)


# What is served


async def test_the_status_tells_programs_how_the_clients_servers_are(door: Opened) -> None:
    said = json.loads(await door.under("c", "status.json"))
    assert (said["client"], said["name"], said["at"], said["month"]) == ("c", "Client c", AT, "2026-03")
    assert (said["state"], said["states"]) == ("down", {"down": 1, "unknown": 0, "up": 1})
    assert said["verdicts"] == {"missed": 1, "either": 0, "met": 1, "nothing": 0}
    first, second = said["servers"]
    assert (first["id"], first["state"], first["down_since"]) == ("s", "down", "2026-03-20T09:00:00Z")
    assert (second["name"], second["availability"], second["verdict"]) == ("mail", "1.000000000", "met")
    assert first["availability"] == said["lowest_availability"]
    assert [window["uid"] for window in said["maintenance"]] == ["mw@m1"]


async def test_before_anything_was_worked_out_it_says_so(stage: Stage) -> None:
    async with opened(stage) as door:
        said = json.loads(await door.under("c", "status.json"))
        assert (said["at"], said["month"], said["state"], said["servers"]) == (None, None, None, [])
        assert b"unknown" in await door.under("c", "badge/state.svg")


async def test_statements_are_those_of_the_clients_months(door: Opened) -> None:
    for name, beginning in (
        ("2026-03.html", b"<!doctype html>"),
        ("2026-03.pdf", b"%PDF-"),
        ("2026-03.json", b'{"statement"'),
        ("2026-03.txt", b"Statement of service"),
        ("2026-03.csv", b"id,name,client"),
        ("2026-03-outages.csv", b"server,name,start"),
    ):
        status, headers, body = await door.get(f"{PREFIX}{TOKEN}/statements/{name}")
        assert (status, body[: len(beginning)]) == (200, beginning)
        assert headers["Content-Disposition"] == f"inline; filename*=UTF-8''c-{name}"
    assert b"data:; base-uri" in (await raw(door, f"{PREFIX}{TOKEN}/statements/2026-03.html"))[1]
    for name in (
        *("2026-02-v1.html", "2026-04.html", "2026-13.html", "2026-00.json", "0000-03.json", "9999-12.pdf"),
        *(
            "2026-03",
            "2026-03.exe",
            "2026-03-outages.html",
            "2026-3.json",
            "x2026-03.json",
            "2026-03.json%0a",
        ),
    ):
        assert (await door.get(f"{PREFIX}{TOKEN}/statements/{name}"))[0] == 404, name


async def test_who_asks_again_and_again_gets_what_was_made_and_puts_nothing_on_record(
    door: Opened,
) -> None:
    """Each document seals the ledger: so much a minute, whoever asks."""
    for _ in range(3):
        for ending in ("json", "csv", "txt"):
            await door.under("c", f"statements/2026-03.{ending}")
    assert door.stage.sealed == 1
    door.stage.monotonic += 60_000_000
    await door.under("c", "statements/2026-03.json")
    assert door.stage.sealed == 2


async def test_badges_are_of_all_or_of_one_server(door: Opened) -> None:
    for path, said in (
        ("badge/state.svg", b">state: down<"),
        ("badge/state-t.svg", b">mail, state: up<"),
        ("badge/state-mail.svg", b">mail, state: up<"),
        ("badge/availability-t.svg", b">mail, availability: 100.0000 %<"),
        ("badge/state-we%3Cb%3E.svg", b">we&lt;b&gt;, state: down<"),
    ):
        assert said in await door.under("c", path), path
    assert b"availability: 99." in await door.under("c", "badge/availability.svg")
    for other in ("x", "secret", "nowhere", "", "s.svg"):
        for what in ("state", "availability"):
            assert (await door.get(f"{PREFIX}{TOKEN}/badge/{what}-{other}.svg"))[0] == 404, other
