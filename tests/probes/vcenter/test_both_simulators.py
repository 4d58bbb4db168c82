"""The watch says the same of both simulators where both can show it (design: a vCenter when there is none)."""

import time
from dataclasses import replace

from probes.facts import NOT_KNOWN
from sla.instants import SECOND
from sla.records import Leg, State
from tests.probes.vcenter.harness import RECOVERED, SLOW, numbers, stopped, watching
from tests.probes.vcenter.peers import PASSWORD, USER, Peer

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


def test_the_first_look_lists_every_server_and_judges_both_legs(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        report = watched.report()
        assert report.fresh
        assert report.observed_until is not None
        assert report.objects["virtual_machine"] >= len(report.listed) > 0
        server = watched.server(peer.server)
        assert watched.state(server) is UP
        assert watched.state(server, Leg.SAN) is UP
        assert {each.at for each in report.observations} == {report.observed_until}


def test_a_quiet_vcenter_moves_the_watermark_on_and_nothing_else(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        first, second = watched.report(), watched.report()
        assert first.observed_until is not None
        assert second.observed_until is not None
        assert second.observed_until > first.observed_until
        assert not second.fresh
        assert (second.observations, second.listed, second.departed) == ((), (), ())


def test_power_off_and_on_are_dated_by_their_events(peer: Peer) -> None:
    with watching(peer.endpoint, now=peer.clock) as watched:
        server = watched.server(peer.server)
        before = peer.clock()
        peer.power_off(peer.server)
        watched.until_state(server, DOWN)
        peer.power_on(peer.server)
        watched.until_state(server, UP)
        watched.looks(1)
    line = watched.timeline(server)
    assert [state for _, state in line] == [UP, DOWN, UP]
    assert before - SECOND < line[1][0] < line[2][0]
    types = [each.type for each in watched.events if each.server == server]
    assert types.index("VmPoweredOffEvent") < types.index("VmPoweredOnEvent")
    off = next(each for each in watched.events if each.type == "VmPoweredOffEvent")
    seen_at = next(
        each.noticed_at for each in watched.observations if each.server == server and each.state is DOWN
    )
    assert seen_at is not None
    # The clocks are held together to a round trip: an event can seem later than the state that it made.
    assert line[1][0] == min(off.at, seen_at)
    assert off.user


def test_a_suspended_server_is_down(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        server = watched.server(peer.server)
        peer.suspend(peer.server)
        watched.until_state(server, DOWN)
        peer.power_on(peer.server)
        watched.until_state(server, UP)
    assert watched.states(server) == [UP, DOWN, UP]


def test_paths_lost_by_one_host_take_down_the_san_of_its_servers_alone(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        server, neighbour = watched.server(peer.server), watched.server(peer.neighbour)
        peer.mount(peer.host, peer.datastore, accessible=False)
        watched.until_state(server, DOWN, Leg.SAN)
        down = watched.observations[-1]
        peer.mount(peer.host, peer.datastore, accessible=True)
        watched.until_state(server, UP, Leg.SAN)
    told = f"datastore {peer.datastore} with its disk is not accessible (AllPathsDown_Start)"
    assert down.reason == told
    assert watched.states(neighbour, Leg.SAN) == [UP]
    assert watched.states(server) == [UP]


def test_vmotion_in_the_middle_of_a_path_outage_ends_it(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        server = watched.server(peer.server)
        peer.mount(peer.host, peer.datastore, accessible=False)
        watched.until_state(server, DOWN, Leg.SAN)
        peer.vmotion(peer.server, peer.elsewhere)
        watched.until_state(server, UP, Leg.SAN)
    assert watched.states(server) == [UP]


def test_a_lost_management_path_costs_nothing(peer: Peer) -> None:
    with watching(peer.endpoint, now=peer.clock) as watched:
        server = watched.server(peer.server)
        peer.lose_host(peer.host)
        watched.until_state(server, UNKNOWN)
        lost_at = watched.timeline(server)[-1][0]
        assert watched.state(server, Leg.SAN) is UNKNOWN
        peer.clock.advance(60)
        peer.regain_host(peer.host)
        watched.until_state(server, UP)
    back_at = watched.timeline(server)[-1][0]
    assert watched.timeline(server, source=RECOVERED) == [(lost_at, UP), (back_at, UNKNOWN)]


def test_an_ha_restart_that_never_shows_off_is_never_up_before_its_boot(peer: Peer) -> None:
    with watching(peer.endpoint, now=peer.clock) as watched:
        server = watched.server(peer.server)
        peer.lose_host(peer.host)
        watched.until_state(server, UNKNOWN)
        lost_at = watched.timeline(server)[-1][0]
        peer.clock.advance(40)
        booted_at = peer.restart_elsewhere(peer.server, peer.elsewhere)
        peer.clock.advance(5)
        watched.until_state(server, UP)
        watched.looks(1)
    assert watched.states(server) == [UP, UNKNOWN, UP]
    recovered = watched.timeline(server, source=RECOVERED)
    assert not [at for at, state in recovered if state is UP and at < booted_at - SECOND]
    if watched.events:  # govmomi's simulator tells of no restart, and nothing tells the clock of the host
        assert recovered[0] == (lost_at, DOWN)


def test_a_restart_that_only_the_boot_time_shows_is_unknown_until_then(peer: Peer) -> None:
    with watching(peer.endpoint, now=peer.clock) as watched:
        server = watched.server(peer.server)
        watched.looks(1)
        peer.clock.advance(60)
        booted_at = peer.reboot_unseen(peer.server)
        watched.looks(2)
        assert watched.states(server) == [UP]
        peer.clock.advance(60)
        watched.until(lambda: len(watched.states(server)) > 1)
    assert watched.states(server) == [UP, UNKNOWN, UP]
    assert abs(watched.timeline(server)[-1][0] - booted_at) < SECOND


def test_a_server_whose_files_are_inaccessible_is_unknown_and_its_san_is_down(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        server = watched.server(peer.server)
        peer.connection(peer.server, "inaccessible")
        watched.until_state(server, DOWN, Leg.SAN)
        assert watched.state(server) is UNKNOWN
        peer.connection(peer.server, "connected")
        watched.until_state(server, UP, Leg.SAN)
        watched.until_state(server, UP)


def test_a_new_name_is_a_new_sighting(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        server = watched.server(peer.server)
        peer.rename(peer.server, "renamed")
        assert watched.server("renamed") == server


def test_a_server_is_sighted_with_its_host_and_datastores_and_again_after_vmotion(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        server = watched.server(peer.server)
        first = watched.listed(server)
        assert (first.host, first.datastores) == (peer.host, (peer.datastore,))
        assert (first.networks, first.all_networks, first.addresses) == ((), False, NOT_KNOWN), "nobody asked"
        peer.vmotion(peer.server, peer.elsewhere)
        watched.until(lambda: watched.listed(server).host == peer.elsewhere)
        assert watched.listed(server).datastores == (peer.datastore,)


def test_networks_are_told_where_they_are_asked_for(peer: Peer) -> None:
    with watching(peer.endpoint, networks=True) as watched:
        server = watched.server(peer.server)
        assert watched.listed(server).networks == (peer.network,)
        peer.connect(peer.server, peer.other_network)
        watched.until(lambda: watched.listed(server).networks == (peer.other_network,))


def test_addresses_are_told_where_they_are_asked_for(peer: Peer) -> None:
    peer.set_address(peer.server, "192.0.2.7")
    with watching(peer.endpoint, addresses=True) as watched:
        server = watched.server(peer.server)
        assert numbers(watched.listed(server)) == ["192.0.2.7"]
        peer.set_address(peer.server, "2001:DB8::0:7")
        watched.until(lambda: numbers(watched.listed(server)) == ["2001:db8::7"])


def test_a_host_that_does_not_respond_is_told_and_when_it_does_again(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        first = watched.report()
        assert set(first.hosts.values()) == {UP}
        assert len(first.hosts) == first.objects["host"]
        peer.lose_host(peer.host)
        watched.until(lambda: watched.hosts[peer.host] is DOWN)
        assert watched.reports[-1].hosts == {peer.host: DOWN}
        peer.regain_host(peer.host)
        watched.until(lambda: watched.hosts[peer.host] is UP)
        watched.looks(1)
    assert watched.reports[-1].hosts == {}
    assert not any(each.gone_hosts or each.gone_datastores for each in watched.reports)


def test_a_datastore_is_down_while_one_connected_host_does_not_reach_it(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        first = watched.report()
        assert set(first.datastores.values()) == {UP}
        assert len(first.datastores) == first.objects["datastore"]
        peer.mount(peer.host, peer.datastore, accessible=False)
        watched.until(lambda: watched.datastores[peer.datastore] is DOWN)
        assert watched.reports[-1].datastores == {peer.datastore: DOWN}
        peer.lose_host(peer.host)
        watched.until(lambda: watched.datastores[peer.datastore] is UP)
        peer.regain_host(peer.host)
        watched.until(lambda: watched.datastores[peer.datastore] is DOWN)
        peer.mount(peer.host, peer.datastore, accessible=True)
        watched.until(lambda: watched.datastores[peer.datastore] is UP)


def test_a_removed_server_departs(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        server = watched.server(peer.server)
        peer.remove(peer.server)
        watched.until(lambda: watched.departures)
    assert [each.server for each in watched.departures] == [server]


def test_a_killed_session_is_followed_by_a_fresh_look(peer: Peer) -> None:
    with watching(peer.endpoint) as watched:
        watched.report()
        peer.kill_sessions()
        watched.until(lambda: sum(each.fresh for each in watched.reports) == 2)
    assert watched.failures[0].reason == "session_lost"
    assert not watched.departures


def test_a_watch_stops_in_the_middle_of_a_long_poll_and_logs_out(peer: Peer) -> None:
    peer.wait_as_asked()
    with watching(replace(peer.endpoint, deadlines=SLOW), poll_s=60) as watched:
        watched.report()
        assert peer.sessions() == 1
        stopped(watched.watch)
        assert peer.sessions() == 0


def test_a_wrong_password_is_tried_once(peer: Peer) -> None:
    with watching(peer.endpoint, user=USER, password=f"not {PASSWORD}") as watched:
        failure = watched.failure()
        assert failure.reason == "login_refused"
        assert USER in failure.message
        assert PASSWORD not in failure.message
        assert failure.retry_in_us >= 200 * SECOND
        time.sleep(0.3)
        assert watched.said.empty()
        stopped(watched.watch)
