"""The log has a line for each outage that begins or ends, and for a storm one."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.causes.edges import MOST_TOLD, tell_edges
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, format_instant
from sla.records import Leg, ServerId, State
from tests.daemon.causes.test_attributor import DOWN, UP, Site, U


def lines(site: Site) -> list[dict[str, Any]]:
    """What the log tells now."""
    with capture_logs() as told:
        tell_edges(list(site.attributor.edges()))
    return [dict(line) for line in told]


def say(site: Site, state: State, ago_us: int = MINUTE) -> None:
    site.tell(observations=(site.said(U, Leg.RUNNING, state, ago_us),))
    site.tell(passed_us=SECOND)


def test_each_edge_is_told_once() -> None:
    site = Site()
    began = Instant(site.monitor.now + 4 * MINUTE)
    site.go_down(site.event("VmPoweredOffEvent", MINUTE, server=U, user="ann"))
    (line,) = lines(site)
    assert line == {
        "event": "outage_began",
        "log_level": "info",
        "server": "u0",
        "name": "acme-0",
        "client": "acme",
        "reason": "running",
        "since": format_instant(began),
        "cause": "unknown",
        "confidence": "none",
        "why": "ann, who may be anybody: no employees are configured, turned it off",
        "host": "esx0",
        "incident": line["incident"],
    }
    site.tell(passed_us=HOUR)
    assert lines(site) == []
    ended = Instant(site.monitor.now + 4 * MINUTE)
    say(site, UP)
    (line,) = lines(site)
    assert (line["event"], line["since"], line["until"], line["lasted"]) == (
        "outage_ended",
        format_instant(began),
        format_instant(ended),
        "1h 5m 1s",
    )
    site.tell(passed_us=DAY + HOUR)
    assert lines(site) == []


def test_one_that_was_over_before_it_was_known_has_both() -> None:
    site = Site()
    site.tell(
        observations=(
            site.said(U, Leg.RUNNING, DOWN, 3 * MINUTE),
            site.said(U, Leg.RUNNING, UP, 2 * MINUTE),
        )
    )
    site.tell(passed_us=SECOND)
    assert [line["event"] for line in lines(site)] == ["outage_began", "outage_ended"]


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    site = Site()
    for state, event in ((DOWN, "outage_began"), (UP, "outage_ended"), (DOWN, "outage_began")):
        say(site, state)
        assert [line["event"] for line in lines(site)] == [event]
    site.monitor.restart()
    site.restart()
    site.tell(passed_us=SECOND)
    assert lines(site) == []
    say(site, UP)
    assert [line["event"] for line in lines(site)] == ["outage_ended"]


@pytest.mark.parametrize("lost_together", [True, False], ids=["one incident", "each by itself"])
def test_a_storm_is_a_few_lines(lost_together: bool) -> None:
    storm = Site(servers=60, hosts=60)
    lost = frozenset((f"esx{n}", "san") for n in range(60)) if lost_together else None
    downs = tuple(storm.said(ServerId(f"u{n}"), Leg.SAN, DOWN) for n in range(60))
    storm.tell(observations=downs, lost_mounts=lost)
    storm.tell(passed_us=SECOND)
    told = lines(storm)
    if lost_together:
        (line,) = told
        assert (line["event"], line["count"], line["datastore"]) == ("outage_began", 60, "san")
        assert line["servers"] == "acme-0, acme-1, acme-2 and 57 more"
    else:
        *each, more = told
        assert [line["event"] for line in each] == ["outage_began"] * MOST_TOLD
        assert (more["event"], more["count"]) == ("more_outages_began", 60 - MOST_TOLD)
