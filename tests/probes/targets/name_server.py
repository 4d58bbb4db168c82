"""Run in a network namespace: resolves a name by a name server of its own that misbehaves as told; prints the result."""

import asyncio
import json
import resource
import socket
import sys
import threading
from pathlib import Path
from struct import pack
from typing import Final

from probes.targets.resolve import Resolver
from probes.targets.result import Result

WITHIN_S: Final = 5.0
CODES: Final = {"nxdomain": 3, "no address": 0, "servfail": 2, "refused": 5}


def serve(sock: socket.socket, behaviour: str) -> None:
    """Answer every question with the same code and no record, or not at all."""
    while True:
        question, asker = sock.recvfrom(512)
        if behaviour in CODES:
            header = pack(">HHHHH", 0x8180 | CODES[behaviour], 1, 0, 0, 0)
            sock.sendto(question[:2] + header + question[12:], asker)


def leave_descriptors(count: int) -> None:
    """Let so many be opened from now on."""
    most = max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + count
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def main(behaviour: str) -> None:
    if behaviour != "absent":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 53))
        threading.Thread(target=serve, args=(sock, behaviour), daemon=True).start()
    if behaviour.endswith("descriptors"):
        leave_descriptors(0 if behaviour.startswith("no") else 1)
    result = await Resolver().addresses("host.example.net", asyncio.get_running_loop().time() + WITHIN_S)
    assert isinstance(result, Result)
    print(json.dumps({"state": result.state.name, "reason": result.reason}))  # noqa: T201  the test reads it


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
