"""Logins, and what happens to a session's objects when it ends."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from pyVim import connect as pyvim
from pyVmomi import vim, vmodl

from probes.simulation import SimulatedVCenter, ThreadedVCenter, build
from probes.simulation.entities import Host

from .client import PASSWORD, USER, Client, Collector, Hand, Monotonic, raises, stub
from .conftest import Connect
from .test_updates import until_blocked


def test_a_wrong_password_is_an_invalid_login(vcenter: ThreadedVCenter) -> None:
    adapter = stub(vcenter.port)
    content = vim.ServiceInstance("ServiceInstance", adapter).RetrieveContent()
    raises(vim.fault.InvalidLogin, lambda: content.sessionManager.Login(USER, "wrong"))
    adapter.DropConnections()


def test_without_a_login_there_is_only_the_service_content(vcenter: ThreadedVCenter) -> None:
    adapter = stub(vcenter.port)
    instance = vim.ServiceInstance("ServiceInstance", adapter)
    assert instance.RetrieveContent().about.apiVersion == "8.0.3.0"
    raises(vim.fault.NotAuthenticated, instance.CurrentTime)
    adapter.DropConnections()


def test_smart_connect_negotiates_the_version(certificate: trustme.CA, clock: Hand) -> None:
    context = ssl.create_default_context()
    certificate.configure_trust(context)
    with ThreadedVCenter(lambda: encrypted(certificate, clock)) as vcenter:
        instance = pyvim.SmartConnect(  # type: ignore[no-untyped-call]
            host="localhost", port=vcenter.port, user=USER, pwd=PASSWORD, sslContext=context
        )
        assert instance._stub.version == "vim.version.v8_0_3_0"
        pyvim.Disconnect(instance)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def certificate() -> trustme.CA:
    return trustme.CA()


def encrypted(authority: trustme.CA, clock: Hand) -> SimulatedVCenter:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return SimulatedVCenter(build(now=clock.now_us, servers=5), now_us=clock, tls=context)


def test_everything_works_over_tls(certificate: trustme.CA, clock: Hand) -> None:
    context = ssl.create_default_context()
    certificate.configure_trust(context)
    with ThreadedVCenter(lambda: encrypted(certificate, clock)) as vcenter:
        client = Client(vcenter.port, tls=context)
        client.watch(vim.VirtualMachine, "name")
        assert len(client.sync()) == 5
        client.close()


def test_replies_can_be_compressed(clock: Hand) -> None:
    def make() -> SimulatedVCenter:
        return SimulatedVCenter(build(now=clock.now_us, servers=120), now_us=clock, compress=True)

    with ThreadedVCenter(make) as vcenter:
        client = Client(vcenter.port)
        client.watch(vim.VirtualMachine, "name")
        assert len(client.sync()) == 120
        request = urllib.request.Request(
            f"http://127.0.0.1:{vcenter.port}/sdk", b"<nothing/>", {"Accept-Encoding": "gzip"}
        )
        error = raises(urllib.error.HTTPError, lambda: urllib.request.urlopen(request, timeout=5))
        with error:
            assert error.headers["Content-Encoding"] == "gzip"
            assert b"InvalidRequest" in gzip.decompress(error.read())
        client.close()


def test_two_stubs_may_share_a_session(client: Client, connect: Connect) -> None:
    second = connect(session=client.stub.GetSessionId())
    assert second.content.sessionManager.currentSession.key == client.login.key


def test_an_idle_session_expires(client: Client, monotonic: Monotonic) -> None:
    instance = vim.ServiceInstance("ServiceInstance", client.stub)
    monotonic.now_s += 1_799
    instance.CurrentTime()
    monotonic.now_s += 1_801
    raises(vim.fault.NotAuthenticated, instance.CurrentTime)


def test_a_killed_session_fails_its_blocked_call_and_all_that_follow(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.HostSystem, "name")
    client.sync()
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(client.wait, None, seconds=30)
        until_blocked(vcenter)
        assert vcenter.do(vcenter.world.kill_sessions) == 1
        raises(vim.fault.NotAuthenticated, lambda: blocked.result(5))
    raises(vim.fault.NotAuthenticated, lambda: client.wait(seconds=0))
    assert not vcenter.world.inventory.listeners


def test_terminate_session_kills_another_session_but_not_its_own(connect: Connect) -> None:
    victim, killer = connect(), connect()
    manager = killer.content.sessionManager
    assert manager.SessionIsActive(victim.login.key, USER)
    manager.TerminateSession([victim.login.key])
    assert not manager.SessionIsActive(victim.login.key, USER)
    raises(vim.fault.NotAuthenticated, lambda: victim.wait(seconds=0))
    raises(vmodl.fault.InvalidArgument, lambda: manager.TerminateSession([killer.login.key]))


def test_objects_of_a_dead_session_are_not_found_after_a_new_login(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    view = client.view(vim.HostSystem)
    client.watch(vim.HostSystem, "name")
    vcenter.do(vcenter.world.kill_sessions)
    client.content.sessionManager.Login(USER, PASSWORD)
    raises(vmodl.fault.ManagedObjectNotFound, lambda: client.wait(seconds=0))
    raises(vmodl.fault.ManagedObjectNotFound, view.DestroyView)


def test_a_collector_without_filters_waits_in_vain(client: Client) -> None:
    options = Collector.WaitOptions(maxWaitSeconds=0)
    assert client.content.propertyCollector.WaitForUpdatesEx("", options) is None


def test_all_is_quiet_while_whoever_is_logged_in_waits_and_nothing_is_new(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.HostSystem, "name", "runtime.inMaintenanceMode")
    client.sync()
    assert not vcenter.do(lambda: vcenter.world.sessions.are_quiet)
    host = next(iter(vcenter.world.inventory.every(Host))).name

    def changed() -> bool:
        vcenter.world.outages.maintenance(host, on=True, user="ann")
        return vcenter.world.sessions.are_quiet

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.wait, None, seconds=30)
        until_blocked(vcenter)
        assert vcenter.do(lambda: vcenter.world.sessions.are_quiet)
        assert not vcenter.do(changed)
        assert waiting.result(5) is not None
    client.content.sessionManager.Logout()
    assert not vcenter.do(lambda: vcenter.world.sessions.are_quiet)


def test_logout_ends_the_session(client: Client, vcenter: ThreadedVCenter) -> None:
    client.content.sessionManager.Logout()
    assert not vcenter.world.sessions.by_cookie
    raises(vim.fault.NotAuthenticated, lambda: client.wait(seconds=0))


def test_a_destroyed_collector_is_gone(client: Client) -> None:
    client.watch(vim.HostSystem, "name")
    client.collector.DestroyPropertyCollector()
    raises(vmodl.fault.ManagedObjectNotFound, lambda: client.wait(seconds=0))


async def test_it_serves_in_the_process_of_its_caller_too(clock: Hand) -> None:
    async with SimulatedVCenter(build(now=clock.now_us, servers=5), now_us=clock) as vcenter:

        def count() -> int:
            client = Client(vcenter.port)
            try:
                return len(list(client.view(vim.VirtualMachine).view))
            finally:
                client.close()

        assert await asyncio.to_thread(count) == 5
