"""Every family of the Internet leg: what moves it, and what takes it away."""

import pytest
from prometheus_client import CollectorRegistry

from daemon.metrics.internet import InternetMetrics
from probes.targets.connect import Origin
from probes.targets.result import Reason, Result
from probes.targets.target import Method, parse_target
from sla.instants import SECOND, Instant
from sla.records import State

PAGE = parse_target("https://www.example.net/")
EXPIRES_S = 4_000_000_000
UP = Result(state=State.UP, rtt_us=2_000, certificate_expires_at=Instant(EXPIRES_S * SECOND))
DOWN = Result(state=State.DOWN, reason=Reason.TIMEOUT)
UNKNOWN = Result(state=State.UNKNOWN, reason=Reason.RESOLVER)
OF_PAGE = {"uplink": "transit", "target": PAGE.text}
OF_TRANSIT = {"uplink": "transit"}


class Told:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.tally = InternetMetrics(self._registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(f"slad_{name}", labels)


@pytest.fixture
def told() -> Told:
    return Told()


def test_tries_are_counted_and_timed_by_method_and_failures_by_reason(told: Told) -> None:
    for result in (UP, DOWN, UNKNOWN, DOWN):
        told.tally.probed(Method.TCP, result, 0.02)
    assert told.value("probes_total", method="tcp") == 4
    assert told.value("probe_duration_seconds_count", method="tcp") == 4
    assert told.value("probe_duration_seconds_bucket", method="tcp", le="0.01") == 0
    assert told.value("probe_duration_seconds_bucket", method="tcp", le="0.025") == 4
    assert told.value("probes_failed_total", method="tcp", reason="timeout") == 2
    assert told.value("probes_failed_total", method="tcp", reason="resolver") == 1
    assert told.value("probes_total", method="icmp") is None


def test_overruns_are_there_before_the_first_one(told: Told) -> None:
    told.tally.probed(Method.ICMP, UP, 0.02)
    assert told.value("probe_overruns_total", method="icmp") == 0
    told.tally.overrun(Method.ICMP, 3)
    assert told.value("probe_overruns_total", method="icmp") == 3


def test_drops_of_all_sockets_are_summed_and_a_new_socket_takes_nothing_back(told: Told) -> None:
    here, there = Origin(), Origin(address="192.0.2.9")
    for origin, dropped in ((here, 0), (here, 5), (there, 2), (here, 0), (here, 1)):
        told.tally.pinged(origin, dropped={"ipv4": dropped}, strays={"ipv4": 2 * dropped})
    assert told.value("ping_socket_drops_total", family="ipv4") == 8
    assert told.value("ping_strays_total", family="ipv4") == 16


def test_unknown_takes_the_gauge_of_an_uplink_and_of_the_vantage_away(told: Told) -> None:
    for state, shown in (
        (State.UP, 1),
        (State.DOWN, 0),
        (State.UNKNOWN, None),
        (State.UNKNOWN, None),
        (State.UP, 1),
    ):
        told.tally.uplink("transit", state)
        told.tally.vantage(state)
        assert told.value("uplink_up", **OF_TRANSIT) == shown
        assert told.value("vantage_up") == shown


def test_a_target_of_an_uplink_shows_its_state_its_round_trips_and_its_certificate_until_it_is_gone(
    told: Told,
) -> None:
    for result, shown in ((UP, 1), (UNKNOWN, None), (DOWN, 0)):
        told.tally.target("transit", PAGE, result)
        assert told.value("uplink_target_up", **OF_PAGE) == shown
    assert told.value("uplink_target_rtt_seconds_count", **OF_PAGE) == 1
    assert told.value("uplink_target_rtt_seconds_sum", **OF_PAGE) == pytest.approx(0.002)
    assert told.value("probe_certificate_expiry_timestamp_seconds", **OF_PAGE) == EXPIRES_S
    told.tally.target_gone("transit", PAGE)
    for family in (
        "uplink_target_up",
        "uplink_target_rtt_seconds_count",
        "probe_certificate_expiry_timestamp_seconds",
    ):
        assert told.value(family, **OF_PAGE) is None
