"""The program that searches bodies: reads requests on its input, answers each with one byte, `1` or `0`.

A request: the lengths of pattern, charset and body, each 4 bytes, big-endian; then these three. Needs nothing but the
standard library, so that it starts fast.
"""

import re
import struct
import sys
from typing import BinaryIO, Final

LENGTHS: Final = struct.Struct(">III")


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""
    while lengths := requests.read(LENGTHS.size):
        pattern, charset, body = (requests.read(length) for length in LENGTHS.unpack(lengths))
        answers.write(b"1" if re.search(pattern.decode(), decoded(body, charset.decode())) else b"0")
        answers.flush()


def decoded(body: bytes, charset: str) -> str:
    """The text of a body; of a charset that is none, as UTF-8."""
    try:
        return body.decode(charset, "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
