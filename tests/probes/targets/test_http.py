"""The HTTP probe against real servers on loopback that answer byte by byte as told."""

import asyncio
import gzip
import random
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from probes.targets.http import MAX_BODY_BYTES
from probes.targets.http_client import MAX_REDIRECTS
from probes.targets.result import Reason
from probes.targets.table import probe
from probes.targets.target import parse_target
from probes.targets.tools import Tools
from sla.records import State
from tests.probes.targets.pages import (
    NOT_READ_TO_ITS_END,
    ODD_BUT_SHOWN,
    OK,
    outcome,
    page,
    saying,
    silent,
    status,
    target_at,
)
from tests.probes.targets.targets import (
    TIMEOUT_S,
    closed_port,
    descriptors,
    full_listener,
    hold_the_loop,
    out_of_time,
    reset_on_close,
    server,
    tools,
)


@pytest.fixture
async def opened() -> AsyncIterator[Tools]:
    async with tools() as it:
        yield it


async def test_a_page_that_is_there_is_up(opened: Tools) -> None:
    async with target_at(saying(OK)) as target:
        result = await probe(target, opened, TIMEOUT_S)
    assert outcome(result) == (State.UP, Reason.NONE)
    assert result.rtt_us is not None
    assert 0 < result.rtt_us < TIMEOUT_S * 1e6
    assert result.certificate_expires_at is None


async def test_a_page_is_had_over_ipv6_too(opened: Tools) -> None:
    async with server(saying(OK), host="::1") as port:
        result = await probe(parse_target(f"http://[::1]:{port}/"), opened, TIMEOUT_S)
    assert outcome(result) == (State.UP, Reason.NONE)


async def test_the_request_is_plain(opened: Tools) -> None:
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    async with server(listen) as port:
        await probe(parse_target(f"http://localhost:{port}/a%2Fb?c=d"), opened, TIMEOUT_S)
    lines = (await heard).decode().split("\r\n")
    assert lines[0] == "GET /a%2Fb?c=d HTTP/1.1"
    assert f"Host: localhost:{port}" in lines
    assert "Accept-Encoding: identity" in lines
    assert not [line for line in lines if line.lower().startswith("cookie")]


@pytest.mark.parametrize(
    ("code", "statuses", "state"),
    [
        (204, (), State.UP),
        (404, (), State.DOWN),
        (500, (), State.DOWN),
        (302, (), State.DOWN),
        (401, (200, 401), State.UP),
        (200, (401,), State.DOWN),
    ],
)
async def test_the_status_decides(opened: Tools, code: int, statuses: tuple[int, ...], state: State) -> None:
    async with target_at(saying(status(code)), statuses=statuses) as target:
        result = await probe(target, opened, TIMEOUT_S)
    assert outcome(result) == (state, Reason.NONE if state is State.UP else Reason.STATUS)
    assert result.rtt_us
    if state is State.DOWN:
        assert f"answered {code}" in result.text


async def test_a_redirect_is_followed_only_where_asked_for(opened: Tools) -> None:
    async with (
        server(saying(OK)) as there,
        target_at(saying(status(302, f"Location: http://127.0.0.1:{there}/b"))) as target,
    ):
        stayed = await probe(target, opened, TIMEOUT_S)
        followed = await probe(replace(target, follow_redirects=True), opened, TIMEOUT_S)
    assert outcome(stayed) == (State.DOWN, Reason.STATUS)
    assert f"to http://127.0.0.1:{there}/b" in stayed.text
    assert followed.state is State.UP


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/again", Reason.STATUS),
        ("ftp://127.0.0.1/", Reason.PROTOCOL),
        ("http://[::1", Reason.PROTOCOL),
        ("http://127.0.0.1:99999/", Reason.PROTOCOL),
        (f"http://127.0.0.1:{closed_port()}/", Reason.REFUSED),
    ],
    ids=["itself", "another scheme", "no address", "no port", "nobody there"],
)
async def test_a_redirect_that_leads_nowhere_is_down(opened: Tools, location: str, reason: Reason) -> None:
    async with target_at(saying(status(301, f"Location: {location}")), follow_redirects=True) as target:
        assert outcome(await probe(target, opened, TIMEOUT_S)) == (State.DOWN, reason)


async def test_so_many_redirects_are_followed_and_no_more(opened: Tools) -> None:
    async def count_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        left = int(request.split()[1][1:])
        writer.write(status(302, f"Location: /{left - 1}") if left else OK)

    async with server(count_down) as port:
        for redirects, state in ((MAX_REDIRECTS, State.UP), (MAX_REDIRECTS + 1, State.DOWN)):
            target = replace(parse_target(f"http://127.0.0.1:{port}/{redirects}"), follow_redirects=True)
            assert (await probe(target, opened, TIMEOUT_S)).state is state


async def test_redirects_that_wait_for_a_cookie_say_nothing_of_the_page(opened: Tools) -> None:
    answer = status(302, "Location: /", "Set-Cookie: seen=1")
    async with target_at(saying(answer), follow_redirects=True) as target:
        assert outcome(await probe(target, opened, TIMEOUT_S)) == (State.UNKNOWN, Reason.UNREADABLE)


@pytest.mark.parametrize(
    ("answer", "pattern", "state"),
    [
        (page(b"all is well"), "is w", State.UP),
        (page(b"all is well"), "^all.*well$", State.UP),
        (page(b"all is well"), "ill", State.DOWN),
        (page(b""), "a", State.DOWN),
        (page("schön".encode("latin-1"), "Content-Type: text/html; charset=latin-1"), "schön", State.UP),
        (page("schön".encode()), "schön", State.UP),
        (page("schön".encode(), "Content-Type: text/html; charset=nosuch"), "schön", State.UP),
        (page(b"\xfd\xfeok\xff"), "ok", State.UP),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "end$", State.UP),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
            "bc",
            State.UP,
        ),
    ],
)
async def test_a_pattern_must_be_in_the_body(
    opened: Tools, answer: bytes, pattern: str, state: State
) -> None:
    async with target_at(saying(answer), body=pattern) as target:
        result = await probe(target, opened, TIMEOUT_S)
    assert outcome(result) == (state, Reason.NONE if state is State.UP else Reason.BODY)


@pytest.mark.parametrize(
    ("place", "state"), [(MAX_BODY_BYTES - 2, State.UP), (MAX_BODY_BYTES - 1, State.DOWN)]
)
async def test_of_a_large_body_the_first_mebibyte_is_searched(
    opened: Tools, place: int, state: State
) -> None:
    body = bytearray(b"." * (4 * MAX_BODY_BYTES))
    body[place : place + 2] = b"ok"
    async with target_at(saying(page(bytes(body))), body="ok") as target:
        assert (await probe(target, opened, TIMEOUT_S)).state is state


async def test_a_body_that_is_not_asked_for_is_not_waited_for(opened: Tools) -> None:
    async def withhold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        await reader.read()
        await asyncio.sleep(TIMEOUT_S)

    async with target_at(withhold) as target:
        assert (await probe(target, opened, TIMEOUT_S)).state is State.UP


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", Reason.PROTOCOL),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.PROTOCOL),
        (b"<html>hello</html>", Reason.PROTOCOL),
        (b"\x00\xff" * 1000, Reason.PROTOCOL),
        (b"x" * 1_000_000, Reason.PROTOCOL),
        (b"\r\n" * 500_000, Reason.PROTOCOL),
        (b"HTTP/1.1 twohundred OK\r\n\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 2000 OK\r\n\r\nhello", Reason.PROTOCOL),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX-Head: broken o", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhe", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Reason.BODY),
        (b"HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\nhello", Reason.BODY),
    ],
    ids=range(17),
)
async def test_what_is_no_http_or_is_broken_off_is_down(opened: Tools, answer: bytes, reason: Reason) -> None:
    async with target_at(saying(answer), body="hello") as target:
        result = await probe(target, opened, TIMEOUT_S)
    assert outcome(result) == (State.DOWN, reason)
    assert result.text
    assert "\n" not in result.text


@pytest.mark.parametrize("answer", ODD_BUT_SHOWN.values(), ids=ODD_BUT_SHOWN)
async def test_what_a_browser_shows_is_up_with_a_pattern_and_without(opened: Tools, answer: bytes) -> None:
    async with target_at(saying(answer)) as target:
        for body in (None, "^hello"):
            assert outcome(await probe(replace(target, body=body), opened, TIMEOUT_S)) == (
                State.UP,
                Reason.NONE,
            )


@pytest.mark.parametrize("answer", NOT_READ_TO_ITS_END.values(), ids=NOT_READ_TO_ITS_END)
async def test_what_only_slad_does_not_read_is_unknown_where_it_matters_and_up_where_it_does_not(
    opened: Tools, answer: bytes
) -> None:
    async with target_at(saying(answer)) as target:
        assert outcome(await probe(target, opened, TIMEOUT_S)) == (State.UP, Reason.NONE)
        looked_for = await probe(replace(target, body="word that is not there"), opened, TIMEOUT_S)
    assert outcome(looked_for) == (State.UNKNOWN, Reason.UNREADABLE)
    assert looked_for.text
    assert looked_for.text.isprintable()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
@pytest.mark.parametrize("is_reset", [False, True])
async def test_the_status_alone_decides_where_nobody_asks_for_the_body(
    opened: Tools, answer: bytes, is_reset: bool
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if is_reset and answer.endswith(b"\n"):
            await asyncio.sleep(0.01)
            reset_on_close(writer.get_extra_info("socket"))

    async with target_at(handle) as target:
        assert (await probe(target, opened, TIMEOUT_S)).state is State.UP
        refused = await probe(replace(target, statuses=(404,)), opened, TIMEOUT_S)
    assert outcome(refused) == (State.DOWN, Reason.STATUS)


@pytest.mark.parametrize(
    ("headers", "encode"),
    [
        ("Content-Encoding: gzip", gzip.compress),
        ("Content-Encoding: X-GZIP", gzip.compress),
        ("Content-Encoding: deflate", zlib.compress),
        ("Content-Encoding: deflate", lambda body: zlib.compress(body)[2:-4]),
        (
            "Content-Encoding: identity, gzip",
            lambda body: gzip.compress(body[:3]) + gzip.compress(body[3:]) + b"\0\0",
        ),
        ("Content-Encoding: deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
        ("Content-Encoding: gzip", lambda body: gzip.compress(body + b"." * 50_000_000)),
    ],
    ids=range(7),
)
async def test_a_body_is_decompressed_only_where_a_pattern_needs_it(
    opened: Tools, headers: str, encode: Callable[[bytes], bytes]
) -> None:
    async with target_at(saying(page(encode(b"all is well"), headers))) as target:
        for body, state in ((None, State.UP), ("^all is well", State.UP), ("ill", State.DOWN)):
            assert (await probe(replace(target, body=body), opened, TIMEOUT_S)).state is state


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("\ufeffschön".encode(), "text/html; charset=latin-1"),
        ("\ufeffschön".encode("utf-16-le"), "text/html; charset=utf-8"),
        ("schön".encode("utf-16-be"), 'text/html; charset="UTF-16BE"; x=y'),
        ("schön".encode("latin-1"), "text/html"),
        ("<META charset='iso-8859-1'> schön".encode("latin-1"), "text/html"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=shift_jis"> 日本 schoen'.encode(
                "shift_jis"
            ),
            "text/html",
        ),
        ("<meta charset=utf-16> schön".encode(), ""),
        ("<meta charset=latin1> schön – 5 €".encode("cp1252"), ""),
        ("schön – 5 €".encode("cp1252"), "text/html; charset=us-ascii"),
        ("日本 ①".encode("cp932"), "text/html; charset=Shift_JIS"),
        ("日本 鎔".encode("gb18030"), "text/html; charset=gb2312"),
        ("日本 똠".encode("cp949"), "text/html; charset=ks_c_5601-1987"),
    ],
    ids=range(12),
)
async def test_letters_are_told_by_the_mark_the_field_or_the_page(
    opened: Tools, body: bytes, content_type: str
) -> None:
    letters = "schön(?! –)|schön – 5 €|日本 (schoen|①|鎔|똠)"
    async with target_at(saying(page(body, f"Content-Type: {content_type}")), body=letters) as target:
        assert outcome(await probe(target, opened, TIMEOUT_S)) == (State.UP, Reason.NONE)


@pytest.mark.parametrize(
    ("location", "state", "said"),
    [
        ("/caf\u00e9 au lait?x=\u00e9#here", State.UP, ""),
        ("?only=a-query", State.UP, ""),
        ("//localhost:{port}/b", State.UP, ""),
        ("http://user:secret@localhost:{port}/", State.UNKNOWN, "a user"),
        ("https://\u00fcnicode.invalid:{port}/", State.DOWN, "xn--nicode-2ya.invalid"),
        ("javascript:alert(1)", State.DOWN, "no address of a page"),
        ("http://b\x1b[31mad/", State.DOWN, "no address of a page"),
        ("https://stra\u00dfe.invalid:{port}/", State.DOWN, "xn--strae-oqa.invalid"),
        ("https://\u2603.invalid:{port}/", State.DOWN, "xn--n3h.invalid"),
        ("https://\u3002:{port}/", State.DOWN, "no address of a page"),
    ],
)
async def test_odd_redirects(opened: Tools, location: str, state: State, said: str) -> None:
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        port = writer.get_extra_info("sockname")[1]
        there = f"Location: {location.replace('{port}', str(port))}".encode()
        head = b"HTTP/1.1 302 Found\r\n" + there + b"\r\n\r\n"
        writer.write(head if len(asked) == 1 else OK)

    async with target_at(handle, follow_redirects=True) as target:
        result = await probe(target, opened, TIMEOUT_S)
    assert result.state is state
    assert said in result.text
    assert "secret" not in result.text
    assert result.text.isprintable()
    assert all(line.isascii() for line in asked)


@pytest.mark.parametrize("seed", range(20))
async def test_no_garbage_behind_the_status_is_down_where_the_status_decides(
    opened: Tools, seed: int
) -> None:
    dice = random.Random(seed)
    answer = bytearray(page(b"hello", "Content-Type: text/plain", "Connection: close"))
    for _ in range(dice.randrange(1, 12)):
        answer[dice.randrange(len(b"HTTP/1.1 200 "), len(answer))] = dice.randrange(256)
    async with target_at(saying(bytes(answer)), follow_redirects=True) as target:
        assert (await probe(target, opened, TIMEOUT_S)).state is State.UP


async def test_a_server_that_resets_is_down_and_not_asked_twice(opened: Tools) -> None:
    asked = 0

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        reset_on_close(writer.get_extra_info("socket"))

    async with target_at(reset) as target:
        assert outcome(await probe(target, opened, TIMEOUT_S)) == (State.DOWN, Reason.RESET)
    assert asked == 1


async def test_a_server_that_accepts_and_says_nothing_is_down(opened: Tools) -> None:
    async with target_at(silent) as target:
        result = await out_of_time(target, opened)
    assert outcome(result) == (State.DOWN, Reason.TIMEOUT)
    assert result.text == "waited in vain for a response"
    assert result.rtt_us is None


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"]
)
async def test_a_server_that_drips_is_down_at_the_deadline(opened: Tools, start: bytes) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for _ in range(1000):
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with target_at(drip, body="never") as target:
        result = await out_of_time(target, opened)
    assert outcome(result) == (State.DOWN, Reason.TIMEOUT)


async def test_what_tcp_knows_is_said_of_http_too(opened: Tools) -> None:
    with full_listener() as full:
        dropped = await out_of_time(parse_target(f"http://127.0.0.1:{full}/"), opened)
    refused = await probe(parse_target(f"http://127.0.0.1:{closed_port()}/"), opened, TIMEOUT_S)
    assert outcome(dropped) == (State.DOWN, Reason.TIMEOUT)
    assert outcome(refused) == (State.DOWN, Reason.REFUSED)


async def test_what_the_resolver_says_of_a_name_is_kept() -> None:
    def look_up(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    async with tools(look_up=look_up) as opened:
        result = await probe(parse_target("http://example.net/"), opened, TIMEOUT_S)
    assert outcome(result) == (State.UNKNOWN, Reason.RESOLVER)


async def test_a_pattern_that_would_take_hours_is_ours_and_holds_nobody(opened: Tools) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    async with target_at(saying(page(b"a" * 60)), body="(a+)+b") as target:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(beat())
            result = await probe(target, opened, 1.0)
            beating.cancel()
        assert outcome(result) == (State.UNKNOWN, Reason.OVERRUN)
        assert beats > 10
        assert (await probe(replace(target, body="a{60}"), opened, TIMEOUT_S)).state is State.UP


async def test_a_process_that_stood_still_blames_nobody(opened: Tools) -> None:
    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        hold_the_loop(0.4)
        await asyncio.sleep(TIMEOUT_S)

    async with target_at(answer_late) as target:
        result = await probe(target, opened, 0.3)
    assert outcome(result) == (State.UNKNOWN, Reason.OVERRUN)


@pytest.mark.parametrize(
    "answer", [OK, b"garbage\r\n\r\n", page(b"x" * 3_000_000)], ids=["ok", "garbage", "large"]
)
async def test_no_try_leaves_a_socket_open(opened: Tools, answer: bytes) -> None:
    async with target_at(saying(answer)) as target:
        before = descriptors()
        for _ in range(5):
            await probe(target, opened, TIMEOUT_S)
        await all_closed(before)


async def test_a_try_that_is_cancelled_leaves_no_socket_open(opened: Tools) -> None:
    arrived = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()

    async with target_at(hang) as target:
        before = descriptors()
        async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
            trying = group.create_task(probe(target, opened, TIMEOUT_S))
            await arrived.wait()
            trying.cancel()
        await all_closed(before)
    assert trying.cancelled()


async def all_closed(before: set[str]) -> None:
    """Both sides close in a turn of the loop to come."""
    async with asyncio.timeout(TIMEOUT_S):
        while descriptors() - before:  # noqa: ASYNC110  no event tells of a closed descriptor
            await asyncio.sleep(0.001)
