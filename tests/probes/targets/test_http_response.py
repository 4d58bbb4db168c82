"""Reading responses, whatever they are and in whatever pieces they come: properties."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from probes.targets.content_coding import decoded
from probes.targets.http_response import ResponseError, ResponseHead, read_body, read_head
from probes.targets.incoming import Incoming
from probes.targets.matcher import found

LINES = st.lists(
    st.one_of(
        st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"") or b"x"),
        st.sampled_from(
            [
                b"Content-Length: 5",
                b"content-length:7, 7",
                b"Transfer-Encoding: gzip, chunked",
                b"Transfer-Encoding: chunked",
                b"Content-Encoding: gzip",
                b" folded",
                b"Location: /",
            ]
        ),
    ).filter(lambda line: line.strip(b"\r") != b""),
    max_size=8,
)
BODIES = st.one_of(st.binary(max_size=60), st.just(b"5\r\nhello\r\n0\r\n\r\n"))
CUTS = st.lists(st.integers(1, 30), max_size=40)


def read(answer: bytes, cuts: Sequence[int]) -> tuple[ResponseHead | str, bytes | str]:
    """ResponseHead and body of an answer that comes in pieces, or what is wrong with them."""

    async def reading() -> tuple[ResponseHead | str, bytes | str]:
        incoming = Incoming()
        async with asyncio.TaskGroup() as group:
            group.create_task(feed(incoming))
            try:
                head = await read_head(incoming)
            except ResponseError as error:
                return str(error), ""
            body = bytearray()
            try:
                async for piece in read_body(incoming, head):
                    body += piece
            except ResponseError as error:
                return without_flaw(head), str(error)
            return without_flaw(head), bytes(body)

    async def feed(incoming: Incoming) -> None:
        left = answer
        for cut in cuts:
            incoming.data_received(left[:cut])
            left = left[cut:]
            await asyncio.sleep(0)
        incoming.data_received(left)
        incoming.eof_received()
        incoming.connection_lost(None)

    return asyncio.run(reading())


def without_flaw(head: ResponseHead) -> ResponseHead:
    """Errors are equal only to themselves."""
    return ResponseHead(status=head.status, reason=head.reason, fields=head.fields)


@given(LINES, BODIES, CUTS)
def test_a_status_is_read_whatever_stands_behind_it_and_in_whatever_pieces(
    lines: list[bytes], body: bytes, cuts: list[int]
) -> None:
    answer = b"\r\n".join([b"HTTP/1.1 203 So", *lines, b"", b""]) + body
    head, content = read(answer, cuts)
    assert isinstance(head, ResponseHead)
    assert head.status == 203
    assert (head, content) == read(answer, ())


@given(st.binary(max_size=200), CUTS)
def test_what_is_anything_is_read_or_refused_and_nothing_else(answer: bytes, cuts: list[int]) -> None:
    assert read(answer, cuts) == read(answer, ())


@given(
    st.binary(max_size=200),
    st.lists(st.sampled_from(["gzip", "deflate", "x-gzip", "br", "identity", ""]), max_size=6),
)
def test_whatever_is_decoded_stays_within_its_limit(body: bytes, codings: list[str]) -> None:
    assert len(decoded(body, codings, 50).content) <= 50


@given(st.binary(max_size=100), st.binary(max_size=60))
def test_a_body_is_searched_whatever_it_says_of_its_letters(body: bytes, content_type: bytes) -> None:
    assert found("x", body, content_type) in (b"1", b"0", b"?")
    assert found("", body, content_type) == b"1"
