"""Several servers that one thing brought down are one alert, and each of them tells nobody."""

from dataclasses import replace
from typing import Any

from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.records import Cause, CauseKind, Confidence, ServerId
from tests.daemon.alerts.test_evaluator import Post, fleet
from tests.daemon.monitor import Source


def caused(post: Post, server: str, incident: str = "4fa1", **keys: Any) -> None:
    """The cause of the outage of a server is on record."""
    place = post.monitor.book.places[ServerId(server)]
    cause = Cause(
        server=ServerId(server),
        start=Instant(place.group.outage_at[place.index]),
        cause=CauseKind.STORAGE,
        confidence=Confidence.PROVED,
        user=None,
        because=(),
        text="its host lost a datastore of its disks",
        incident=incident,
        host="esx1",
        datastore="san1",
        recorded_at=post.now(),
    )
    post.monitor.book.take_record(replace(cause, **keys), None)


def down(post: Post, source: Source, *servers: str, lasts_us: int = 2 * MINUTE) -> None:
    for server in servers:
        source.vms[server].on = False
    source.look()
    source.look(passed_us=lasts_us)


def texts(post: Post, name: str) -> list[tuple[str, str]]:
    return [
        (posted.alert.summary, posted.alert.description)
        for labels, posted in post.store.posted.items()
        if dict(labels)["alertname"] == name and posted.ended_at is None and labels not in post.store.kept
    ]


async def test_two_servers_of_one_incident_are_one_alert() -> None:
    post = Post()
    source = fleet(post)
    down(post, source, "u0", "u1", lasts_us=MINUTE)
    for server in ("u0", "u1"):
        caused(post, server)
    assert await post.look() == {"VirtualServerDown", "VirtualServersDown", "VirtualServerCauseTold"}
    assert post.of("VirtualServersDown") == {
        "alertname": "VirtualServersDown",
        "severity": "critical",
        "cause": "storage",
        "vcenter": "vc1",
        "datastore": "san1",
    }
    ((summary, description),) = texts(post, "VirtualServersDown")
    assert summary == "Storage at san1 of vc1 has 2 virtual servers of 1 client down"
    assert description.endswith(
        " Cause: storage, proved: its host lost a datastore of its disks. Down: acme-web-0, acme-web-1."
    )
    told = [each for each in post.firing() if each["alertname"] == "VirtualServerCauseTold"]
    assert {each["server"] for each in told} == {"u0", "u1"}


async def test_it_is_told_after_a_minute_without_anything_new() -> None:
    post = Post()
    source = fleet(post)
    down(post, source, "u0", "u1", lasts_us=30 * SECOND)
    for server in ("u0", "u1"):
        caused(post, server)
    assert "VirtualServersDown" not in await post.look()
    source.look(passed_us=30 * SECOND)
    assert "VirtualServersDown" in await post.look()


async def test_one_that_is_alone_is_told_by_itself_with_its_cause() -> None:
    post = Post()
    source = fleet(post)
    down(post, source, "u0", "u1")
    await post.look()
    ((_, before), _) = texts(post, "VirtualServerDown")
    assert "Cause" not in before
    caused(post, "u0")
    caused(post, "u1", incident="77")
    assert "VirtualServersDown" not in await post.look()
    ((_, after), _) = texts(post, "VirtualServerDown")
    assert "Cause: storage, proved: its host lost a datastore of its disks." in after


async def test_two_incidents_of_one_place_are_told_together() -> None:
    post = Post()
    source = fleet(post, 4)
    down(post, source, "u0", "u1")
    down(post, source, "u2", "u3")
    for server, incident in (("u0", "a"), ("u1", "a"), ("u2", "b"), ("u3", "b")):
        caused(post, server, incident)
    await post.look()
    ((summary, _),) = texts(post, "VirtualServersDown")
    assert "4 virtual servers" in summary


async def test_it_stays_the_same_while_any_of_it_goes_on_and_is_over_with_the_last_but_one() -> None:
    post = Post()
    source = fleet(post)
    down(post, source, "u0", "u1", "u2")
    caused(post, "u0", datastore="san7")
    for server in ("u1", "u2"):
        caused(post, server)
    await post.look()
    labels = post.of("VirtualServersDown")
    assert labels["datastore"] == "san7"
    source.vms["u0"].on = True
    source.look(passed_us=HOUR)
    source.look()
    await post.look()
    assert post.of("VirtualServersDown") == labels
    source.vms["u1"].on = True
    source.look()
    source.look()
    assert await post.look() == {"VirtualServerDown", "AvailabilityBudgetSpent"}
