"""Whatever goes wrong with a vCenter is one failure with a reason, and then a fresh look."""

import datetime
import ssl
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.report import Report, SourceFailure
from probes.simulation import soap
from probes.simulation.wire import WireFault, WireFaultKind
from probes.vcenter import session as sessions
from probes.vcenter.faults import CertificateError, ReplyError
from probes.vcenter.transport import Endpoint, tls_context
from sla.instants import MINUTE, SECOND
from sla.records import State
from tests.peers.proxy import Weather
from tests.probes.vcenter.harness import HASTY, QUICK, SLOW, STOP_S, Watched, stopped, watching
from tests.probes.vcenter.peers import Simulated, behind_proxy


@dataclass(frozen=True)
class Identity:
    """A server's certificate and who vouches for it."""

    context: ssl.SSLContext
    cafile: Path
    pin: bytes


def identity(folder: Path, name: str, *, expired: bool = False) -> Identity:
    authority = trustme.CA()
    until = datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC) if expired else None
    leaf = authority.issue_cert("127.0.0.1", not_after=until)
    cafile = folder / f"{name}.pem"
    authority.cert_pem.write_to_path(cafile)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    return Identity(context, cafile, sha256(der).digest())


def recovered(watched: Watched) -> None:
    """Wait until all is well again: a fresh look after the failure."""
    count = len(watched.reports)
    watched.until(lambda: any(report.fresh for report in watched.reports[count:]))


# Who is it?


def test_an_expired_certificate_is_not_accepted(tmp_path: Path) -> None:
    shown = identity(tmp_path, "expired", expired=True)
    with Simulated(tls=shown.context, cafile=shown.cafile) as peer, watching(peer.endpoint) as watched:
        failure = watched.failure()
        assert (failure.reason, peer.sessions()) == ("certificate", 0)
    assert "expired" in failure.message


def test_a_certificate_of_another_authority_is_not_accepted(tmp_path: Path) -> None:
    shown, trusted = identity(tmp_path, "shown"), identity(tmp_path, "trusted")
    with Simulated(tls=shown.context, cafile=trusted.cafile) as peer, watching(peer.endpoint) as watched:
        assert watched.failure().reason == "certificate"
        assert peer.sessions() == 0


def test_a_certificate_for_another_name_is_not_accepted(tmp_path: Path) -> None:
    shown = identity(tmp_path, "shown")
    with ExitStack() as stack:
        peer = stack.enter_context(Simulated(tls=shown.context, cafile=shown.cafile))
        watched = stack.enter_context(watching(replace(peer.endpoint, host="localhost")))
        assert watched.failure().reason == "certificate"


def test_a_pinned_certificate_needs_no_authority(tmp_path: Path) -> None:
    shown = identity(tmp_path, "shown")
    with Simulated(tls=shown.context) as peer, watching(pinned(peer, shown.pin)) as watched:
        assert watched.report().fresh


def test_a_wrong_pin_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    shown = identity(tmp_path, "shown")
    with Simulated(tls=shown.context) as peer, watching(pinned(peer, bytes(32))) as watched:
        failure = watched.failure()
        assert (failure.reason, peer.sessions()) == ("certificate", 0)
    assert shown.pin.hex() in failure.message


def test_the_pin_holds_on_later_connections_too(tmp_path: Path) -> None:
    ours, theirs = identity(tmp_path, "ours"), identity(tmp_path, "theirs")
    with ExitStack() as stack:
        peer = stack.enter_context(Simulated(tls=ours.context))
        impostor = stack.enter_context(Simulated(tls=theirs.context))
        proxy, _ = stack.enter_context(behind_proxy(peer))
        watched = stack.enter_context(watching(replace(pinned(peer, ours.pin), port=proxy.port)))
        watched.report()
        proxy.upstream = (impostor.endpoint.host, impostor.endpoint.port)
        proxy.drop()
        watched.until(lambda: any(failure.reason == "certificate" for failure in watched.failures))
        assert impostor.sessions() == 0
        proxy.upstream = (peer.endpoint.host, peer.endpoint.port)
        recovered(watched)


def pinned(peer: Simulated, pin: bytes) -> Endpoint:
    tls = tls_context(ca_file=None, pinned=True)
    return Endpoint(host="127.0.0.1", port=peer.vcenter.port, tls=tls, pin=pin, deadlines=QUICK)


def test_a_ca_file_that_cannot_be_used_is_a_certificate_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "absent.pem"):
        with pytest.raises(CertificateError, match=name):
            tls_context(ca_file=str(tmp_path / name), pinned=False)


def test_a_server_that_speaks_no_tls_is_unreachable(simulation: Simulated) -> None:
    endpoint = replace(simulation.endpoint, tls=tls_context(ca_file=None, pinned=False))
    with watching(endpoint) as watched:
        assert watched.failure().reason == "unreachable"


# The way there


def test_an_unreachable_vcenter_is_tried_again_and_again_ever_more_slowly(simulation: Simulated) -> None:
    with behind_proxy(simulation) as (proxy, endpoint):
        proxy.weather = Weather(refuse=True)
        with watching(endpoint, retry_s=(0.02, 0.3)) as watched:
            watched.until(lambda: len(watched.failures) >= 6)
            assert {failure.reason for failure in watched.failures} == {"unreachable"}
            pauses = [failure.retry_in_us for failure in watched.failures]
            assert pauses[0] < pauses[2] < pauses[4] <= 0.3 * 1.25 * SECOND
            assert watched.reports == []
            proxy.weather = Weather()
            assert watched.report().fresh


def test_a_vcenter_that_accepts_and_says_nothing_is_given_up_at_the_deadline(simulation: Simulated) -> None:
    with behind_proxy(simulation) as (proxy, endpoint):
        proxy.weather = Weather(silent=True)
        with watching(endpoint) as watched:
            started_s = time.monotonic()
            failure = watched.failure()
            assert time.monotonic() - started_s > 0.5
            assert (failure.reason, "deadline" in failure.message) == ("unreachable", True)
            proxy.weather = Weather()
            proxy.drop()
            recovered(watched)


def test_a_connection_that_goes_mute_in_the_middle_is_given_up_at_the_deadline(simulation: Simulated) -> None:
    with behind_proxy(simulation) as (proxy, endpoint), watching(endpoint) as watched:
        watched.report()
        proxy.weather = Weather(stall_after_bytes=0)
        assert watched.failure().reason == "unreachable"
        proxy.weather = Weather()
        recovered(watched)


def test_a_reply_that_drips_is_given_up_at_the_deadline_of_the_whole_call(simulation: Simulated) -> None:
    simulation.fault("slow_drip", method="Login", replies=1, bytes_per_s=5)
    with watching(replace(simulation.endpoint, deadlines=HASTY)) as watched:
        started_s = time.monotonic()
        assert watched.failure().reason == "unreachable"
        assert time.monotonic() - started_s < STOP_S, "the whole reply takes minutes"
        recovered(watched)


@pytest.mark.parametrize("method", ["CurrentTime", "WaitForUpdatesEx", "ReadNextEvents"])
def test_what_drips_and_may_be_asked_again_is_asked_again(simulation: Simulated, method: str) -> None:
    simulation.fault("slow_drip", method=method, replies=1, bytes_per_s=5)
    with watching(replace(simulation.endpoint, deadlines=HASTY)) as watched:
        started_s = time.monotonic()
        assert watched.report().fresh
        assert time.monotonic() - started_s < STOP_S, "the whole reply takes minutes"
        watched.looks(2)
    assert watched.failures == []


ASKED_ONCE = (
    *("RetrieveServiceContent", "Login", "CreateContainerView"),
    *("CreatePropertyCollector", "CreateFilter"),
)
ASKED_AGAIN = (
    *("CurrentTime", "WaitForUpdatesEx", "RetrievePropertiesEx", "ReadNextEvents"),
    "CreateCollectorForEvents",
)
REASONS = {
    "truncated": "bad_reply",
    "garbage": "bad_reply",
    "unavailable": "bad_reply",
    "dropped": "unreachable",
}


@pytest.mark.parametrize("kind", REASONS)
def test_one_spoilt_reply_of_what_opens_a_session_costs_one_session(kind: str) -> None:
    with Simulated() as peer:
        lost = 0
        for method in ASKED_ONCE:
            peer.fault(kind, method=method, replies=1)
            with watching(peer.endpoint) as watched:
                assert watched.report().fresh
                reasons = [failure.reason for failure in watched.failures]
                assert reasons in ([REASONS[kind]], ["unreachable"]), method
            # Nobody can log out of a session whose cookie never arrived.
            assert method == "Login" or peer.sessions() == lost, method
            lost = peer.sessions()


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("method", ASKED_AGAIN)
def test_a_spoilt_reply_that_may_be_asked_again_costs_nothing(
    simulation: Simulated, method: str, kind: str
) -> None:
    simulation.fault(kind, method=method, replies=1)
    with watching(simulation.endpoint, attributes=True) as watched:
        assert watched.report().fresh
        simulation.fault(kind, method=method, replies=1)
        watched.looks(2)
        server = watched.server(simulation.server)
        simulation.power_off(simulation.server)
        watched.until_state(server, State.DOWN)
        watched.until(lambda: "VmPoweredOffEvent" in [each.type for each in watched.events])
    assert [watched.failures, simulation.sessions()] == [[], 0]
    assert not any(report.skipped_events for report in watched.reports)


@pytest.mark.parametrize("kind", REASONS)
def test_what_fails_on_fresh_connections_too_is_the_vcenters(simulation: Simulated, kind: str) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.fault(kind, method="WaitForUpdatesEx", replies=1 + sessions.TRIES)
        assert watched.failure().reason == REASONS[kind]
        recovered(watched)
    assert len(watched.failures) == 1


def test_a_reply_of_any_length_is_read_up_to_a_limit(simulation: Simulated) -> None:
    endpoint = replace(simulation.endpoint, reply_limit_bytes=1_000_000)
    for method, times in (("WaitForUpdatesEx", 3), ("Login", 1)):
        simulation.fault("huge", method=method, replies=times, size=3_000_000)
        with watching(endpoint) as watched:
            failure = watched.failure()
            assert (failure.reason, "longer than" in failure.message) == ("bad_reply", True)
            recovered(watched)


def test_a_packed_reply_may_not_unpack_without_limit() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b" " * 1_000_000) + packer.flush()
    for reply, why in ((packed, "longer than"), (packed[:-1], "longer than"), (b"no gzip", "no gzip stream")):
        with pytest.raises(ReplyError, match=why):
            sessions._gunzipped(reply, 1_000)
    short = zlib.compressobj(wbits=31)
    with pytest.raises(ReplyError, match="cut off"):
        sessions._gunzipped(short.compress(b"abc") + short.flush()[:-1], 1_000)


def test_packed_replies_are_read() -> None:
    with Simulated(compress=True) as peer, watching(peer.endpoint) as watched:
        assert len(watched.report().listed) > 20


# Sessions


def test_the_password_is_tried_once_and_then_not_for_minutes(simulation: Simulated) -> None:
    attempts = counted(simulation, "Login")
    with watching(simulation.endpoint, password="wrong") as watched:
        failure = watched.failure()
        time.sleep(0.5)
        assert failure.retry_in_us > 3 * MINUTE
    assert (len(attempts), watched.failures) == (1, [failure])


def test_refusals_after_other_troubles_begin_their_own_count(simulation: Simulated) -> None:
    simulation.fault("dropped", replies=4)
    with watching(simulation.endpoint, password="wrong") as watched:
        watched.until(lambda: any(each.reason == "login_refused" for each in watched.failures))
        assert watched.failures[-1].retry_in_us < 7 * MINUTE


def counted(peer: Simulated, *methods: str) -> list[str]:
    """The calls of some methods from now on, in their order."""
    calls: list[str] = []
    wire = peer.vcenter.wire
    asked = wire.next_fault

    def counting(called: str) -> WireFault | None:
        calls.extend([called] if called in methods else [])
        return asked(called)

    peer.do(setattr, wire, "next_fault", counting)
    return calls


def the_session(peer: Simulated) -> Any:
    return peer.do(lambda: next(iter(peer.world.sessions.by_cookie.values())))


def drop_property_collectors(peer: Simulated) -> None:
    session = the_session(peer)
    for name in [name for name in session.collectors if name != "propertyCollector"]:
        peer.do(session.collectors.pop, name)


def forget_versions(peer: Simulated) -> None:
    session = the_session(peer)
    for collector in session.collectors.values():
        collector._newest, collector._acknowledged = 99, None


@pytest.mark.parametrize("spoil", [Simulated.kill_sessions, drop_property_collectors, forget_versions])
def test_a_session_or_an_object_of_it_that_is_gone_means_a_new_session(
    simulation: Simulated, spoil: Callable[[Simulated], None]
) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        spoil(simulation)
        assert watched.failure().reason == "session_lost"
        recovered(watched)
        assert simulation.sessions() <= 1 + (spoil is not Simulated.kill_sessions)


def test_the_first_look_of_a_session_is_followed_by_another_at_once(simulation: Simulated) -> None:
    """Of the instant of a first look only what comes after it says what holds."""
    simulation.wait_as_asked()
    with watching(simulation.endpoint, poll_s=8) as watched:
        for began in (0, 1):
            watched.until(lambda began=began: sum(report.fresh for report in watched.reports) == began + 1)  # type: ignore[misc]
            started_s = time.monotonic()
            assert not watched.report().fresh
            assert time.monotonic() - started_s < 4.0
            if not began:
                simulation.kill_sessions()


def test_a_cancelled_wait_is_a_lost_session_and_no_spin(simulation: Simulated) -> None:
    def cancel() -> bool:
        blocked = [
            collector
            for session in simulation.world.sessions.by_cookie.values()
            for collector in session.collectors.values()
            if collector.blocked
        ]
        for collector in blocked:
            collector.end(soap.request_canceled())
        return bool(blocked)

    with watching(simulation.endpoint) as watched:
        watched.report()
        watched.until(lambda: simulation.do(cancel))
        assert watched.failure().reason == "session_lost"
        recovered(watched)


def test_an_error_in_the_middle_of_the_pages_starts_over() -> None:
    with Simulated(page_objects=5) as peer:
        wire = peer.vcenter.wire
        pages = 0

        def third_page_is_lost(called: str) -> WireFault | None:
            nonlocal pages
            pages += called == "WaitForUpdatesEx"
            return (
                WireFault(kind=WireFaultKind.DROPPED) if (called, pages) == ("WaitForUpdatesEx", 3) else None
            )

        peer.do(setattr, wire, "next_fault", third_page_is_lost)
        with watching(peer.endpoint) as watched:
            report = watched.report()
        assert [failure.reason for failure in watched.failures] == ["unreachable"]
        assert pages > 10
        servers = [each.server for each in report.listed]
        assert len(servers) == len(set(servers)) == len([vm for vm in peer.vms() if not vm.template])


def test_an_account_that_sees_nothing_is_told_so_and_nothing_departs(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(simulation.world.restart)
        watched.until(lambda: any(failure.reason == "permission_denied" for failure in watched.failures))
        assert not watched.departures
        simulation.do(simulation.world.fill, count=10_000)
        recovered(watched)
    assert not watched.departures


def test_a_vcenter_that_restarts_and_fills_up_shows_departures_and_returns() -> None:
    with Simulated() as peer, watching(peer.endpoint) as watched:
        everybody = {each.server for each in watched.report().listed}
        peer.do(peer.world.restart)
        hidden = peer.do(peer.world.fill, count=20)
        recovered(watched)
        gone = {each.server for each in watched.departures}
        assert gone
        assert gone < everybody or hidden > len(everybody)
        while peer.do(peer.world.fill, count=7):
            watched.looks(1)
        count = len(watched.reports)
        watched.until(lambda: back(watched) >= gone)
        assert len(watched.reports) >= count
        states = {server: watched.state(server) for server in everybody}
    assert {state for server, state in states.items()} <= {State.UP, State.DOWN}
    assert len(watched.departures) == len(gone), "each departs once"


def back(watched: Watched) -> set[str]:
    """Who was listed after its departure."""
    returned: set[str] = set()
    for report in watched.reports:
        returned -= {each.server for each in report.departed}
        returned |= {each.server for each in report.listed}
    return returned


# The end


def test_a_watch_stops_while_it_waits_for_its_next_attempt(simulation: Simulated) -> None:
    with watching(simulation.endpoint, password="wrong") as watched:
        watched.failure()
        stopped(watched.watch)


@pytest.mark.parametrize("method", ["Login", "RetrievePropertiesEx", "ReadNextEvents"])
def test_a_watch_stops_in_the_middle_of_any_call(simulation: Simulated, method: str) -> None:
    simulation.fault("silence", method=method)
    calls = counted(simulation, method)
    with watching(replace(simulation.endpoint, deadlines=SLOW)) as watched:
        watched.until(lambda: calls)
        stopped(watched.watch)
        assert watched.failures == []
        assert simulation.sessions() == 0


def test_a_watch_stops_in_the_middle_of_a_tls_handshake(tmp_path: Path, simulation: Simulated) -> None:
    with behind_proxy(simulation) as (proxy, _):
        proxy.weather = Weather(silent=True)
        tls = tls_context(ca_file=None, pinned=True)
        endpoint = Endpoint(host=proxy.host, port=proxy.port, tls=tls, pin=bytes(32), deadlines=SLOW)
        with watching(endpoint) as watched:
            watched.until(lambda: proxy.connections)
            time.sleep(0.1)
            stopped(watched.watch)


def test_a_vcenter_that_is_mute_when_asked_to_log_out_holds_nobody_up(simulation: Simulated) -> None:
    simulation.fault("silence", method="Logout")
    with watching(replace(simulation.endpoint, deadlines=replace(SLOW, logout_s=0.3))) as watched:
        watched.report()
        stopped(watched.watch)


def test_a_watch_that_was_stopped_before_it_began_says_nothing(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        stopped(watched.watch)
    said: list[Report | SourceFailure] = [*watched.reports, *watched.failures]
    assert said == []


def test_a_fault_of_ours_ends_the_thread_and_is_kept(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        watched = stack.enter_context(watching(simulation.endpoint))
        watched.report()
        monkeypatch.setattr(watched.watch, "_look", _fault_of_ours)
        assert watched.watch.join(STOP_S)
        assert isinstance(watched.watch.failure, ZeroDivisionError)
        with pytest.raises(AssertionError, match="ours"):
            stack.close()


def _fault_of_ours(_chain: object) -> None:
    raise ZeroDivisionError("ours")
