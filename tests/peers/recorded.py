"""A recorded session with a real vCenter, played back from a listener on loopback.

Bodies and status lines are the recorded ones, byte for byte; so are the headers, save those that describe how a
body travels: the recorders stored bodies decoded, and some with names blotted out.
"""

import gzip
import http.server
import json
import re
import socket
import ssl
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from probes.vcenter.recording import FORMAT, VERSION
from sla.instants import SECOND, Instant, parse_instant
from tests.peers import require, tls

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "vcenter"
UPDATES_5_5 = FIXTURES / "updates-vpxd-5.5.yml"
OBJECTS_8_0_3 = FIXTURES / "objects-8.0.3"

TRANSFER_HEADERS = {"connection", "content-encoding", "content-length", "transfer-encoding"}
SOAP_CALL = re.compile(
    r"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(?P<method>\w+)[^>]*>\s*<_this[^>]*>(?P<this>[^<]*)</_this>"
    r"(?:\s*<prop\s[^>]*>(?P<property>[^<]*)</prop>)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What identifies a request: the path and, in a SOAP request, method and object, for Fetch the property."""

    path: str
    method: str = ""
    this: str = ""
    property: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response; header names and values as they go over the wire."""

    body: bytes
    status: int = 200
    message: str = "OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/xml; charset=utf-8"),)
    at: Instant | None = None
    """When it had been read, where that is on record."""


Improvise = Callable[[Call, bytes], Answer | None]
"""Answers a request, given its body, that the recording has no answer to; None if it cannot either."""


def load(cassette: Path) -> list[tuple[Call, Answer]]:
    """Read a recording in its order: by VCR for Ruby, by VCR.py, or by `slad doctor --record`."""
    require(cassette, f"recorded vCenter sessions are not here: {cassette}")
    if cassette.suffix == ".gz":
        return list(_by_the_doctor(cassette))
    with cassette.open(encoding="utf-8") as file:
        recording = yaml.load(file, _Loader)  # a SafeLoader
    return [_exchange(entry) for entry in recording.get("interactions") or recording["http_interactions"]]


class RecordedVCenter:
    """Plays one recording, for a `with` statement. Any user name and password do.

    A request gets the first recorded answer to the same call that was not given yet. One that has none left is
    answered by `improvise`, else with HTTP 501; `calls` and `unanswered` tell what was asked.
    """

    user = "anybody"
    password = "anything"

    def __init__(self, cassette: Path, *, improvise: Improvise = lambda _call, _body: None) -> None:
        self._recorded = load(cassette)
        self._improvise = improvise
        self._lock = threading.Lock()
        self._left: dict[Call, deque[Answer]] = {}
        self.calls: list[Call] = []
        self.unanswered: list[Call] = []
        self.rewind()

    def rewind(self) -> None:
        """Start from the beginning of the recording again."""
        with self._lock:
            self._left.clear()
            for call, answer in self._recorded:
                self._left.setdefault(call, deque()).append(answer)

    def answer(self, call: Call, body: bytes) -> Answer:
        """Take the answer to a request."""
        with self._lock:
            self.calls.append(call)
            if left := self._left.get(call):
                return left.popleft()
            improvised = self._improvise(call, body)
            if improvised is None:
                self.unanswered.append(call)
                return Answer(status=501, message="Not Recorded", body=f"not recorded: {call}".encode())
            return improvised

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            certificate = tls.issue(
                Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="slad-")))
            )
            self.cafile = certificate.cafile
            server = resources.enter_context(_Server(self, certificate))
            self.host, self.port = "127.0.0.1", server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="recorded vCenter")
            thread.start()
            resources.callback(thread.join)
            resources.callback(server.stop)
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()


class ReplayedVCenter(RecordedVCenter):
    """Plays a recording by `slad doctor --record`, which knows methods only; after its end nothing changes any more.

    `now` is the time by the clock of whoever recorded: that of the newest answer which was given.
    """

    def __init__(self, recording: Path) -> None:
        super().__init__(recording, improvise=self._nothing_new)
        self._times = [answer for call, answer in self._recorded if call.method == "CurrentTime"]
        self._now = next(answer.at for _, answer in self._recorded)

    def now(self) -> Instant:
        """The instant of the recording."""
        assert self._now is not None
        return self._now

    def answer(self, call: Call, body: bytes) -> Answer:
        """Take the answer to a request."""
        answer = super().answer(Call(path=call.path, method=call.method), body)
        self._now = answer.at or self._now
        return answer

    def _nothing_new(self, call: Call, _body: bytes) -> Answer | None:
        if call.method == "CurrentTime":
            return self._times[-1]
        if call.method in ("WaitForUpdatesEx", "ReadNextEvents", "Logout"):
            return Answer(body=_NOTHING.format(call.method).encode())
        return None


_NOTHING = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<{0}Response xmlns="urn:vim25"/></soapenv:Body></soapenv:Envelope>'
)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them

    def __init__(self, vcenter: RecordedVCenter, certificate: tls.Certificate) -> None:
        self.vcenter = vcenter
        self.open: set[socket.socket] = set()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate.certfile, certificate.keyfile)
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        # The handshake is left to the connection's own thread: a client that is slow holds up nobody else.
        connection = self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop listening and let go of clients that keep their connections."""
        self.shutdown()
        for connection in list(self.open):
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away: tests see what their client saw."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60.0
    server: _Server

    def do_GET(self) -> None:
        self._reply(Call(path=self.path), b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._reply(_call(self.path, body.decode()), body)

    def _reply(self, call: Call, body: bytes) -> None:
        answer = self.server.vcenter.answer(call, body)
        self.send_response_only(answer.status, answer.message)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


class _Loader(yaml.CSafeLoader):
    """Also reads the strings that Python 2 marked as unicode."""


def _text(_loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:python/unicode", _text)


def _call(path: str, body: str) -> Call:
    if found := SOAP_CALL.search(body):
        return Call(path=path, **found.groupdict(default=""))
    return Call(path=path)


def _exchange(entry: Mapping[str, Any]) -> tuple[Call, Answer]:
    """One request and its answer; the two recorders differ in where they put the request's body."""
    request, response = entry["request"], entry["response"]
    sent = request["body"]["string"] if isinstance(request["body"], dict) else request["body"]
    received = response["body"]["string"]
    path = re.sub(r"^https?://[^/]+", "", request["uri"])
    return _call(path, sent or ""), Answer(
        status=response["status"]["code"],
        message=response["status"]["message"],
        headers=tuple(
            (name, value)
            for name, values in response["headers"].items()
            if name.lower() not in TRANSFER_HEADERS
            for value in values
        ),
        body=received if isinstance(received, bytes) else received.encode(),
    )


def _by_the_doctor(recording: Path) -> Iterator[tuple[Call, Answer]]:
    with gzip.open(recording) as lines:
        about = json.loads(next(lines))
        assert (about["format"], about["version"]) == (FORMAT, VERSION)
        began_at = parse_instant(about["began_at"])
        for line in map(json.loads, lines):
            path = "/sdk" if line["method"] else "/sdk/vimServiceVersions.xml"
            at = Instant(began_at + int(line["at_s"] * SECOND))
            answer = Answer(status=line["status"], body=line["answer"].encode("latin-1"), at=at)
            yield Call(path=path, method=line["method"]), answer
