"""Faults of the wire, each as an unmodified pyvmomi meets it."""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from xml.parsers.expat import ExpatError

import pytest
from pyVmomi import vim

from probes.simulation import ThreadedVCenter, odd_replies, soap

from .client import PASSWORD, USER, Client, post, raises, stub
from .test_updates import until_blocked


@pytest.fixture
def hasty(vcenter: ThreadedVCenter, client: Client) -> Iterator[vim.ServiceInstance]:
    """The client's session over a stub that waits half a second."""
    adapter = stub(vcenter.port, session=client.stub.GetSessionId(), timeout_s=0.5)
    yield vim.ServiceInstance("ServiceInstance", adapter)
    adapter.DropConnections()


def test_silence_lasts_until_it_is_cleared(vcenter: ThreadedVCenter, hasty: vim.ServiceInstance) -> None:
    vcenter.do(vcenter.wire.inject, "silence")
    raises(TimeoutError, hasty.CurrentTime)
    raises(TimeoutError, hasty.CurrentTime)
    vcenter.do(vcenter.wire.clear)
    hasty.CurrentTime()


def test_a_slow_drip_outlives_a_read_timeout_as_long_as_bytes_come(
    vcenter: ThreadedVCenter, hasty: vim.ServiceInstance
) -> None:
    vcenter.do(vcenter.wire.inject, "slow_drip", replies=1, bytes_per_s=400)
    begun = time.monotonic()
    hasty.CurrentTime()
    assert time.monotonic() - begun > 0.5


def test_a_truncated_body_ends_in_the_middle(vcenter: ThreadedVCenter, client: Client) -> None:
    vcenter.do(vcenter.wire.inject, "truncated", replies=1)
    instance = vim.ServiceInstance("ServiceInstance", client.stub)
    raises((ExpatError, http.client.IncompleteRead, ConnectionError), instance.CurrentTime)
    instance.CurrentTime()


def test_garbage_is_no_xml(vcenter: ThreadedVCenter, client: Client) -> None:
    vcenter.do(vcenter.wire.inject, "garbage", replies=1)
    raises(ExpatError, vim.ServiceInstance("ServiceInstance", client.stub).CurrentTime)


def test_the_proxy_of_a_starting_vcenter_answers_503(vcenter: ThreadedVCenter, client: Client) -> None:
    vcenter.do(vcenter.wire.inject, "unavailable", replies=1)
    error = raises(http.client.HTTPException, vim.ServiceInstance("ServiceInstance", client.stub).CurrentTime)
    assert "503" in str(error)


def test_a_dropped_connection_gives_no_answer(vcenter: ThreadedVCenter, client: Client) -> None:
    vcenter.do(vcenter.wire.inject, "dropped", replies=1)
    raises(
        (http.client.RemoteDisconnected, ConnectionError),
        lambda: client.content.sessionManager.currentSession,
    )


def test_a_huge_body_is_as_long_as_asked(vcenter: ThreadedVCenter) -> None:
    vcenter.do(vcenter.wire.inject, "huge", replies=1, size=3_000_000)
    request = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><RetrieveServiceContent xmlns='
        '"urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent></e:Body>'
        "</e:Envelope>"
    )
    status, body = post(vcenter.port, request)
    assert status == 200
    assert 2_900_000 < len(body) <= 3_000_000
    assert body.endswith(b"</soapenv:Envelope>")


def test_a_login_can_be_refused_while_everything_else_works(vcenter: ThreadedVCenter, client: Client) -> None:
    vcenter.do(vcenter.wire.inject, "login_refused", replies=2)
    client.events()
    for _ in range(2):
        raises(vim.fault.InvalidLogin, lambda: client.content.sessionManager.Login(USER, PASSWORD))
    client.content.sessionManager.Login(USER, PASSWORD)


def test_a_fault_may_be_for_one_method_only(vcenter: ThreadedVCenter, client: Client) -> None:
    vcenter.do(vcenter.wire.inject, "garbage", method="WaitForUpdatesEx")
    client.watch(vim.HostSystem, "name")
    raises(ExpatError, client.next)
    vcenter.do(vcenter.wire.clear)
    client.sync()


def test_a_restart_drops_the_connections_of_blocked_calls(vcenter: ThreadedVCenter, client: Client) -> None:
    client.watch(vim.HostSystem, "name")
    client.sync()
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(client.wait, None, seconds=30)
        until_blocked(vcenter)
        vcenter.do(vcenter.world.restart)
        raises((http.client.RemoteDisconnected, ConnectionError), lambda: blocked.result(5))
    raises(vim.fault.NotAuthenticated, lambda: client.wait(seconds=0))


def test_bytes_of_a_reply_can_be_others(vcenter: ThreadedVCenter, client: Client) -> None:
    vcenter.do(
        vcenter.wire.inject, "replaced", method="CurrentTime", find="</returnval>", put="\xff\x08</returnval>"
    )
    raises(ExpatError, vim.ServiceInstance("ServiceInstance", client.stub).CurrentTime)
    vcenter.do(vcenter.wire.clear)
    assert vim.ServiceInstance("ServiceInstance", client.stub).CurrentTime()


def test_odd_replies_are_the_same_by_the_same_seed() -> None:
    body = soap.reply(
        "CurrentTime", "<returnval>2026-03-01T00:00:00Z</returnval><a>1</a><b><c>2</c></b>"
    ).encode()
    one, other = (
        [odd_replies.odd(body, chance) for chance in [random.Random(4)] for _ in range(200)] for _ in range(2)
    )
    assert one == other
    assert len({each.what for each in one}) > 20
    assert len([each for each in one if each.body != body]) > 150


@pytest.mark.parametrize(("forget", "error"), [(False, http.client.RemoteDisconnected), (True, TimeoutError)])
def test_connections_that_idled_are_closed_or_forgotten(
    vcenter: ThreadedVCenter, forget: bool, error: type[Exception]
) -> None:
    vcenter.do(lambda: vcenter.wire.idle(0.05, forget=forget))
    idling = http.client.HTTPConnection(vcenter.host, vcenter.port, timeout=0.5)
    ask(idling)
    time.sleep(0.1)
    raises(error, lambda: ask(idling))
    idling.close()
    ask(idling)
    idling.close()
    vcenter.do(vcenter.wire.idle)
    vcenter.do(vcenter.wire.clear)


def ask(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/sdk", b"no request at all")
    assert connection.getresponse().read()
