"""A real Prometheus on loopback, and what it is asked."""

import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.peers import require
from tests.waiting import PATIENCE_S, wait_until
from tests.wall import now

READY_S = 30.0


class Prometheus:
    """One that runs: it scrapes and evaluates every second."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **query: object) -> Any:
        """What its interface answers, as JSON."""
        with urllib.request.urlopen(f"{self.url}{path}?{urlencode(query)}", timeout=READY_S) as response:
            return json.load(response)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression gives now."""
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["result"]
        return result

    def query_range(self, expression: str, *, last_s: int, step_s: int = 1) -> list[dict[str, Any]]:
        """What an expression gives over the time just past."""
        end = now() // 1_000_000 + 1
        answer = self.get("/api/v1/query_range", query=expression, start=end - last_s, end=end, step=step_s)
        result: list[dict[str, Any]] = answer["result"]
        return result

    def eventually(self, expression: str, *, timeout_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """What an expression gives as soon as it gives something."""
        return wait_until(lambda: self.query(expression), expression, timeout_s=timeout_s)


@contextmanager
def prometheus(
    folder: Path, *, scrape: Sequence[str], rules: str = "", alertmanagers: Sequence[str] = ()
) -> Iterator[Prometheus]:
    """One that scrapes the job `slad` at these HOST:PORT; `rules` is the text of a file of rules."""
    program = shutil.which("prometheus")
    require(program, "prometheus is not installed")
    assert program is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yml").write_text(rules or "groups: []\n")
    config: Mapping[str, object] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
        "scrape_configs": [{"job_name": "slad", "static_configs": [{"targets": list(scrape)}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = _free_port()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                program,
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--rules.alert.resend-delay=1s",
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}", folder / "log")
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait(READY_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    def is_ready() -> bool:
        assert process.poll() is None, f"Prometheus ended:\n{log.read_text()[-2000:]}"
        with suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=READY_S):
            return True
        return False

    wait_until(is_ready, f"Prometheus, whose log is {log}")
