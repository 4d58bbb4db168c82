"""Debian's Alertmanager on loopback, alone or as a pair, and a webhook that stands for the pager."""

import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from tests.peers import free_port, require
from tests.waiting import wait_until

WAIT_S = 30.0
LONGEST_BODY = 1 << 24


def routes_to(url: str, **keys: str) -> Mapping[str, Any]:
    """A configuration that tells a webhook of every alert but the watchdog's, soon; `keys` change the route's."""
    route = {"group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h", **keys}
    quiet = {"matchers": ["alertname = Watchdog"], "receiver": "nobody"}
    return {
        "route": {"receiver": "pager", **route, "routes": [quiet]},
        "receivers": [
            {"name": "nobody"},
            {"name": "pager", "webhook_configs": [{"url": url, "send_resolved": True}]},
        ],
    }


@dataclass
class Alertmanager:
    """One process, on one port for all of its starts; `folder` holds its configuration, its storage and its log."""

    folder: Path
    config: Mapping[str, Any]
    is_clustered: bool = False
    peers: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    cluster_port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        """What slad's metrics call it."""
        return f"127.0.0.1:{self.port}"

    @property
    def cluster_address(self) -> str:
        """Where its peers find it."""
        return f"127.0.0.1:{self.cluster_port}"

    def start(self) -> None:
        """Start it, or start it again with what it stored, and wait until it is ready."""
        program = shutil.which("prometheus-alertmanager")
        require(program, "prometheus-alertmanager is not installed")
        assert program is not None
        self.folder.mkdir(exist_ok=True)
        file = self.folder / "alertmanager.json"
        file.write_text(json.dumps(self.config))
        cluster = (
            [
                f"--cluster.listen-address={self.cluster_address}",
                *(f"--cluster.peer={peer}" for peer in self.peers),
                "--cluster.peer-timeout=2s",
                "--cluster.gossip-interval=50ms",
                "--cluster.pushpull-interval=1s",
                "--cluster.settle-timeout=5s",
            ]
            if self.is_clustered
            else ["--cluster.listen-address="]
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={file}",
                    f"--storage.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    *cluster,
                ],
                stdout=log,
                stderr=log,
            )
        self._until_ready()

    def stop(self) -> None:
        """End it gracefully: it stores what it has notified of."""
        self._end(gracefully=True)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(gracefully=False)

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it knows to be firing, as its API shows them."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=WAIT_S) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
            return found

    def alert(self, name: str) -> dict[str, Any] | None:
        """The first that is firing of a name."""
        return next((each for each in self.alerts() if each["labels"]["alertname"] == name), None)

    def members(self) -> int:
        """How many its cluster has."""
        with urllib.request.urlopen(f"{self.url}/api/v2/status", timeout=WAIT_S) as answer:
            return len(json.loads(answer.read())["cluster"]["peers"])

    def _end(self, *, gracefully: bool) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            (self._process.terminate if gracefully else self._process.kill)()
        try:
            self._process.wait(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        self._process = None

    def _until_ready(self) -> None:
        assert self._process is not None
        process, log = self._process, self.folder / "log"

        def is_ready() -> bool:
            assert process.poll() is None, f"Alertmanager ended:\n{log.read_text()}"
            with (
                suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=WAIT_S),
            ):
                return True
            return False

        try:
            wait_until(is_ready, f"Alertmanager, whose log is {log}")
        except AssertionError:
            self._end(gracefully=False)
            raise


@contextmanager
def alertmanager(folder: Path, config: Mapping[str, Any]) -> Iterator[Alertmanager]:
    """One that runs alone."""
    one = Alertmanager(folder=folder, config=config)
    try:
        one.start()
        yield one
    finally:
        one.stop()


@contextmanager
def alertmanagers(folder: Path, config: Mapping[str, Any]) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Two that are clustered."""
    first = Alertmanager(folder=folder / "am1", config=config, is_clustered=True)
    second = Alertmanager(
        folder=folder / "am2", config=config, is_clustered=True, peers=(first.cluster_address,)
    )
    try:
        first.start()
        second.start()
        wait_until(lambda: min(first.members(), second.members()) == 2, "that the two find each other")
        yield first, second
    finally:
        second.stop()
        first.stop()


@dataclass
class Pager:
    """What reached the pager: each notification's alerts, in the order of their arrival."""

    port: int
    notifications: list[dict[str, Any]] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Where webhooks are sent."""
        return f"http://127.0.0.1:{self.port}/"

    def take(self, notification: dict[str, Any]) -> None:
        """A notification arrived."""
        with self._arrived:
            self.notifications.append(notification)
            self._arrived.notify_all()

    def pages(self, alert: str, status: str = "firing") -> list[dict[str, Any]]:
        """The alerts of a name in notifications of a status: as often as the pager was told."""
        with self._arrived:
            return [
                each
                for notification in self.notifications
                for each in notification["alerts"]
                if each["labels"]["alertname"] == alert and each["status"] == status
            ]

    def wait(self, alert: str, status: str = "firing", *, count: int = 1) -> list[dict[str, Any]]:
        """Wait, in a thread of the test's, until the pager was told so often."""
        with self._arrived:
            done: Callable[[], bool] = lambda: len(self.pages(alert, status)) >= count  # noqa: E731
            assert self._arrived.wait_for(done, WAIT_S), f"{alert} {status}: {self.notifications}"
            return self.pages(alert, status)


@contextmanager
def pager() -> Iterator[Pager]:
    """A webhook on a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        taken: ClassVar[Pager]
        timeout = WAIT_S

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers["Content-Length"]), LONGEST_BODY))
            self.taken.take(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the base has it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.taken = Pager(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Handler.taken
        finally:
            server.shutdown()
            thread.join(WAIT_S)
