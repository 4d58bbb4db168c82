"""The control interface over HTTP, and the simulation as a process of its own."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pyVmomi import vim

from probes.simulation import ThreadedVCenter
from probes.simulation.control import actions

from .client import Client

ROOT = Path(__file__).parents[3]


def call(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def test_an_action_is_called_by_its_name(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "runtime.powerState")
    client.sync()
    _, machines = call(vcenter.port, "GET", "/control/objects")
    name, moid = machines[0]["name"], machines[0]["moid"]
    status, reply = call(vcenter.port, "POST", "/control/power_off", {"vm": name, "user": "CORP\\alice"})
    assert status == 200
    assert reply["result"]["moid"].startswith("task-")
    update = client.next().only()
    assert (update.moid, update.values) == (moid, {"runtime.powerState": "poweredOff"})


@pytest.mark.parametrize(
    ("action", "body", "status", "text"),
    [
        ("power_off", {"vm": "nobody"}, 404, "nobody"),
        ("power_off", {"machine": "x"}, 400, "argument"),
        ("no_such_thing", {}, 404, "power_off"),
        ("wire_fault", {"kind": "smoke"}, 400, "smoke"),
        ("power_on", {"vm": "vm-on"}, 400, "poweredOn"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    vcenter: ThreadedVCenter, action: str, body: dict[str, str], status: int, text: str
) -> None:
    if body.get("vm") == "vm-on":
        _, machines = call(vcenter.port, "GET", "/control/objects")
        body = {"vm": machines[0]["moid"]}
    found, reply = call(vcenter.port, "POST", f"/control/{action}", body)
    assert found == status
    assert text in reply["error"]


def test_an_action_may_need_no_body(vcenter: ThreadedVCenter, client: Client) -> None:
    assert call(vcenter.port, "POST", "/control/kill_sessions") == (200, {"result": 1})


def test_every_action_is_documented(vcenter: ThreadedVCenter) -> None:
    table = actions(vcenter.world, vcenter.wire)
    assert [name for name, action in table.items() if not action.__doc__] == []


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A process of its own and the line that it prints."""
    command = [sys.executable, "-m", "probes.simulation", "--servers", "30", "--hosts", "4", *arguments]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert running.stdout is not None
    try:
        yield running, json.loads(running.stdout.readline())
    finally:
        running.kill()
        running.wait(10)
        running.stdout.close()


def test_a_process_of_its_own_prints_where_it_serves_and_ends_on_a_signal() -> None:
    with started("--clock-offset-us", "3600000000") as (process, address):
        assert address["url"] == f"http://127.0.0.1:{address['port']}"
        client = Client(address["port"])
        client.watch(vim.VirtualMachine, "name")
        assert len(client.sync()) == 30
        ahead = vim.ServiceInstance("ServiceInstance", client.stub).CurrentTime() - datetime.now(UTC)  # noqa: TID251 - the other process reads the real clock
        assert abs(ahead - timedelta(hours=1)) < timedelta(seconds=30)
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_process_of_its_own_serves_https_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "vcenter.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(pem))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with started("--certificate", str(pem)) as (_, address):
        assert address["url"].startswith("https://")
        client = Client(address["port"], tls=context)
        assert client.content.about.apiType == "VirtualCenter"
        client.close()
