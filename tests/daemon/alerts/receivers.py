"""Servers on loopback that answer like an Alertmanager, or like something that is none."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.config.alertmanager import AlertmanagerTable
from daemon.config.loading import load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def says(status: str, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@dataclass
class Request:
    head: str
    alerts: list[dict[str, Any]]
    at_s: float


@dataclass
class Receiver:
    """Answers each request with the next of `answers`, and with the last one for ever; None: it hangs."""

    answers: list[bytes | None] = field(default_factory=lambda: [OK])
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def names(self) -> list[str]:
        """Of all alerts that came, in their order."""
        return [alert["labels"]["alertname"] for request in self.requests for alert in request.alerts]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self.heard:
            await self.heard.wait_for(holds)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    int(line.split(":")[1])
                    for line in head.splitlines()
                    if line.startswith("Content-Length:")
                )
                body = await reader.readexactly(length)
                request = Request(head, json.loads(body), asyncio.get_running_loop().time())
                async with self.heard:
                    self.requests.append(request)
                    self.heard.notify_all()
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer is None:
                    await reader.read()  # until the other end gives up
                    break
                writer.write(answer)
                await writer.drain()
                if not answer.startswith(b"HTTP/1.1"):
                    break
        writer.close()


@asynccontextmanager
async def receiver(*answers: bytes | None) -> AsyncIterator[Receiver]:
    one = Receiver(list(answers) or [OK])
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one


def table(folder: Path, *urls: str, more: str = "", resend: str = "1m") -> AlertmanagerTable:
    """The section as slad.toml has it."""
    path = folder / "slad.toml"
    listed = ", ".join(f'"{url}"' for url in urls)
    path.write_text(f'[alertmanager]\nurls = [{listed}]\nresend = "{resend}"\n{more}')
    read = load(path, {}).alertmanager
    assert read is not None
    return read
