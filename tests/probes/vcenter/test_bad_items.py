"""One bad item costs one item: an event, an object or a property that cannot be read blinds nobody else."""

import re
from collections.abc import Callable

import pytest

from probes.report import Resume, SourceEvent
from probes.simulation import methods, soap
from probes.simulation.methods import SessionCall
from probes.vcenter import chain, event_pages, watch
from probes.vcenter.positions import UNREAD
from sla.records import Leg, ServerId, State
from tests.probes.vcenter.harness import RECOVERED, Watched, watching
from tests.probes.vcenter.peers import Simulated
from tests.probes.vcenter.test_event_history import outage
from tests.probes.vcenter.test_faults import recovered

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN

Method = Callable[[SessionCall], str]


def rewritten(
    monkeypatch: pytest.MonkeyPatch, method: str, change: Callable[[SessionCall, str], str]
) -> None:
    """Have what a method returns be another."""
    found = methods.METHODS[method]

    async def changed(call: SessionCall) -> str:
        told = found(call)
        return change(call, told if isinstance(told, str) else await told)

    monkeypatch.setitem(methods.METHODS, method, changed)


def each_item(tag: str, change: Callable[[str], str]) -> Callable[[SessionCall, str], str]:
    """Change each item of an answer by itself."""
    item = re.compile(rf"<{tag}[ >].*?</{tag}>", re.DOTALL)
    return lambda _, told: item.sub(lambda found: change(found[0]), told)


def post(peer: Simulated, user: str, count: int = 1) -> None:
    def act() -> None:
        for _ in range(count):
            peer.world.post_event("VmReconfiguredEvent", vm=peer.server, user=user)

    peer.do(act)


def by_user(watched: Watched, user: str) -> list[SourceEvent]:
    return [event for event in watched.events if event.user == user]


# Events

CHARACTERS = {
    "a control character": "pasted \\x08 text",
    "bytes that are no UTF-8": "pasted \xff\xc8\x89 text",
    "half a surrogate pair": "pasted \xed\xa0\xbd text",
    "an entity": "pasted &nbsp;&foo; & text",
    "a reference to no character": "pasted &#0;&#xFFFE;&#xD800; text",
}


@pytest.mark.parametrize("what", CHARACTERS)
def test_characters_that_no_xml_has_are_replaced_and_cost_nothing(simulation: Simulated, what: str) -> None:
    put = CHARACTERS[what].replace("\\x08", "\x08")
    simulation.fault("replaced", method="ReadNextEvents", find="PASTED", put=put)
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(
            lambda: simulation.world.post_event("VmReconfiguredEvent", vm=simulation.server, user="PASTED")
        )
        simulation.power_off(simulation.server)
        server = watched.server(simulation.server)
        watched.until_state(server, DOWN)
        (event,) = watched.until(lambda: [each for each in watched.events if each.user.startswith("pasted")])
    assert event.user.isprintable()
    assert watched.failures == []
    assert not any(report.skipped_events for report in watched.reports)


EVENTS: dict[str, Callable[[str], str]] = {
    "user twice": lambda e: e.replace("<userName>", "<userName>x</userName><userName>"),
    "user nested": lambda e: e.replace("<userName>", "<userName><b>1</b>"),
    "text nested": lambda e: e.replace("<fullFormattedMessage>", "<fullFormattedMessage><b>x</b>"),
    "key nested": lambda e: re.sub(r"<key>(\d+)</key>", r"<key><a>\1</a></key>", e),
    "key twice": lambda e: re.sub(r"(<key>\d+</key>)", r"\1\1", e),
    "key of 300 digits": lambda e: re.sub(r"<key>\d+", "<key>" + "7" * 300, e),
    "no key": lambda e: re.sub(r"<key>\d+</key>", "", e),
    "no time": lambda e: re.sub(r"<createdTime>[^<]*", "<createdTime>soon", e),
    "time twice": lambda e: re.sub(r"(<createdTime>[^<]*</createdTime>)", r"\1\1", e),
    "machine twice": lambda e: re.sub(r'(<vm type="[^>]*">[^<]*</vm>)', r"\1\1", e),
    "machine nested": lambda e: re.sub(r'(<vm type="[^>]*">)[^<]*', r"\1<x>1</x>", e),
    "no type": lambda e: re.sub(r' xsi:type="[^"]*"', "", e, count=1),
    "not closed": lambda e: e.replace("</userName>", "", 1),
    "closed twice": lambda e: e.replace("</userName>", "</userName></userName>", 1),
    "a comment without an end": lambda e: e.replace("<userName>", "<!-- <userName>"),
    "a hundred deep": lambda e: e.replace("<userName>", "<x>" * 100 + "</x>" * 100 + "<userName>"),
    "an unbound prefix": lambda e: e.replace("<userName>", "<foo:bar/><userName>"),
    "empty": lambda _: "<returnval/>",
    "a text": lambda _: "<returnval>gone</returnval>",
}


@pytest.mark.parametrize("what", EVENTS)
def test_an_event_that_is_none_costs_itself_also_after_a_restart(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def change(event: str) -> str:
        return EVENTS[what](event) if "odd</userName>" in event else event

    rewritten(monkeypatch, "ReadNextEvents", each_item("returnval", change))
    began_at = simulation.clock()
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        for user in ("before", "odd", "after"):
            post(simulation, user)
        watched.until(lambda: by_user(watched, "after"))
        assert len(by_user(watched, "before")) == 1
        assert by_user(watched, "odd") == []
        assert sum(report.skipped_events for report in watched.reports) == 1
        (named,) = [name for report in watched.reports for name in report.passed_over]
        assert named.startswith("event ")
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
    assert watched.failures == []
    resume = Resume(observed_until=began_at)
    with watching(simulation.endpoint, resume=resume) as watched:
        watched.until(lambda: by_user(watched, "after"))
        assert watched.state(server) is DOWN
    assert watched.failures == []


def test_what_is_longer_than_a_text_is_cut(simulation: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(event: str) -> str:
        return event.replace("<fullFormattedMessage>", "<fullFormattedMessage>" + "QUFB" * 300_000)

    rewritten(monkeypatch, "ReadNextEvents", each_item("returnval", change))
    with watching(simulation.endpoint) as watched:
        watched.report()
        post(simulation, "U" * 2_000)
        (event,) = watched.until(lambda: watched.events)
    assert len(event.text.encode()) == 2048
    assert (len(event.user.encode()), "cut from 2000" in event.user) == (512, True)


Broken = Callable[[str], str]
WHOLES: dict[str, Broken] = {
    "a page that is a fault": lambda _: _fault(),
    "a page that is no XML at all": lambda told: told.replace("<returnval", "<<returnval"),
    "a page that ends in the middle": lambda told: told[: len(told) // 2] + "<x",
    "a page that is another's answer": lambda _: "</ReadNextEventsResponse><a/><ReadNextEventsResponse>",
}


def _fault() -> str:
    raise soap.FaultError("RuntimeFault", "an event cannot be written")


@pytest.mark.parametrize("what", WHOLES)
def test_a_page_that_fails_for_one_event_is_read_again_in_halves(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    rewritten(
        monkeypatch,
        "ReadNextEvents",
        lambda _, told: WHOLES[what](told) if "odd</userName>" in told else told,
    )
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        post(simulation, "before", 70)
        post(simulation, "odd")
        post(simulation, "between", 30)
        post(simulation, "odd", 2)
        post(simulation, "after", 300)
        watched.until(lambda: len(by_user(watched, "after")) == 300)
        assert [len(by_user(watched, user)) for user in ("before", "between", "odd")] == [70, 30, 0]
        assert sum(report.skipped_events for report in watched.reports) == 3
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
        keys = [int(event.key) for event in watched.events]
    assert watched.failures == []
    assert len(keys) == len(set(keys))


def test_a_collector_that_does_not_move_on_is_led_past_it(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(call: SessionCall) -> str:
        collector = call.session.event_collector(call.request.target)
        before = collector.position
        told = methods.read_next_events(call)
        if "odd</userName>" in told:
            collector.position = before
            raise soap.FaultError("RuntimeFault", "an event cannot be written")
        return told

    monkeypatch.setitem(methods.METHODS, "ReadNextEvents", stuck)
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        post(simulation, "before", 3)
        post(simulation, "odd")
        simulation.clock.advance(90)
        post(simulation, "after", 3)
        watched.until(lambda: len(by_user(watched, "after")) == 3)
        assert len(by_user(watched, "before")) == 3
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
    assert watched.failures == []


def test_a_history_that_cannot_be_read_is_left_alone_while_states_go_on(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = True
    rewritten(monkeypatch, "ReadNextEvents", lambda _, told: _fault() if spoilt else told)
    monkeypatch.setattr(event_pages, "REST_S", 0.5)
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
        assert any("the event history" in name for report in watched.reports for name in report.passed_over)
        spoilt = False
        post(simulation, "after")
        watched.until(lambda: by_user(watched, "after"))
    assert watched.failures == []


@pytest.mark.parametrize("is_odd", [False, True])
def test_a_history_with_an_event_that_cannot_be_read_proves_nothing_of_the_time_that_nobody_watched(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, is_odd: bool
) -> None:
    """It may have been the one that says that a server was suspended."""

    def change(event: str) -> str:
        return EVENTS["user nested"](event) if "odd</userName>" in event and is_odd else event

    rewritten(monkeypatch, "ReadNextEvents", each_item("returnval", change))
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        simulation.fault("unavailable")
        simulation.kill_sessions()
        watched.failure()
        outage(simulation)
        post(simulation, "odd")
        simulation.clear_faults()
        recovered(watched)
        watched.looks(2)
        said = watched.states(server, source=RECOVERED)
        faults = [fault for report in watched.reports for fault in report.history_faults]
    assert said == ([] if is_odd else [DOWN, UP, UNKNOWN])
    assert not is_odd or UNREAD in faults


# Objects


def of_server(peer: Simulated, change: Callable[[str], str], *, spoilt: list[bool]) -> Callable[[str], str]:
    """Change the updates of the server, while `spoilt`."""
    moid = peer.vm(peer.server).moid
    return lambda update: change(update) if f">{moid}</obj>" in update and spoilt else update


UPDATES: dict[str, Callable[[str], str]] = {
    "not closed": lambda u: u.replace("</changeSet>", "", 1),
    "an unbound prefix": lambda u: u.replace("<changeSet>", "<changeSet><foo:bar/>", 1),
    "power nested": lambda u: u.replace(">poweredOff<", "><x>poweredOff</x><"),
    "no name": lambda u: re.sub(r"<name>runtime.powerState</name>", "", u),
    "no operation": lambda u: u.replace("<op>assign</op>", ""),
    "another operation": lambda u: u.replace("<op>assign</op>", "<op>perhaps</op>"),
    "another kind": lambda u: re.sub(r"<kind>\w+</kind>", "<kind>vanish</kind>", u),
    "kind twice": lambda u: re.sub(r"(<kind>\w+</kind>)", r"\1\1", u),
    "changes as text": lambda u: re.sub(r"<changeSet>.*</changeSet>", "<changeSet>x</changeSet>", u),
}


@pytest.mark.parametrize("what", UPDATES)
def test_an_object_that_cannot_be_read_is_unknown_until_it_is_read_again(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(chain, "ODD_AGAIN_S", 0.0)
    spoilt: list[bool] = []
    rewritten(
        monkeypatch,
        "WaitForUpdatesEx",
        each_item("objectSet", of_server(simulation, UPDATES[what], spoilt=spoilt)),
    )
    rewritten(
        monkeypatch,
        "RetrievePropertiesEx",
        each_item("objects", of_server(simulation, lambda _: "<objects><x></objects>", spoilt=spoilt)),
    )
    with watching(simulation.endpoint) as watched:
        server, other = watched.server(simulation.server), watched.server(simulation.neighbour)
        spoilt.append(True)
        simulation.power_off(simulation.server)
        watched.until_state(server, UNKNOWN)
        assert watched.reports[-1].unreadable == 1
        moid = simulation.vm(simulation.server).moid
        (named,) = [name for report in watched.reports for name in report.passed_over]
        assert named.startswith(f"VirtualMachine {moid}: ")
        simulation.power_off(simulation.neighbour)
        watched.until_state(other, DOWN)
        spoilt.clear()
        watched.until_state(server, DOWN)
        watched.until(lambda: watched.reports[-1].unreadable == 0)
    assert (watched.failures, watched.departures) == ([], [])


PROPERTIES: dict[str, tuple[str, Leg | None]] = {
    "runtime.powerState": ("<val xsi:type='x'><y>1</y></val>", Leg.RUNNING),
    "runtime.connectionState": ("<val>perhaps</val>", Leg.RUNNING),
    "runtime.host": ("<val><x>1</x></val>", Leg.RUNNING),
    "datastore": ("<val><ManagedObjectReference><x>1</x></ManagedObjectReference></val>", Leg.SAN),
    "runtime.bootTime": ("<val>soon</val>", None),
    "customValue": ("<val><CustomFieldValue>x</CustomFieldValue></val>", None),
    "name": ("<val><x>1</x></val>", None),
    "parent": ("<val><x>1</x></val>", None),
    "network": ("<val>x</val>", None),
    "guest.ipAddress": ("<val><x>1</x></val>", None),
    "config.changeVersion": ("<val><x>1</x></val>", None),
}


@pytest.mark.parametrize("path", PROPERTIES)
def test_a_property_that_cannot_be_read_costs_what_rests_on_it(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    value, leg = PROPERTIES[path]

    def change(update: str) -> str:
        return re.sub(
            rf"(<name>{re.escape(path)}</name>(?:<op>\w+</op>)?)<val.*?</val>", rf"\1{value}", update
        )

    spoilt = [True]
    for method, item in (("WaitForUpdatesEx", "objectSet"), ("RetrievePropertiesEx", "objects")):
        rewritten(monkeypatch, method, each_item(item, of_server(simulation, change, spoilt=spoilt)))
    uuid = ServerId(simulation.vm(simulation.server).instance_uuid)
    with watching(simulation.endpoint, attributes=True, networks=True, addresses=True) as watched:
        watched.report()
        assert uuid in {each.server for each in watched.sightings}
        states = {each: watched.state(uuid, each) for each in (Leg.RUNNING, Leg.SAN)}
    if leg is None:
        assert states == {Leg.RUNNING: UP, Leg.SAN: UP}
    else:
        assert states[leg] is UNKNOWN
    assert watched.failures == []


@pytest.mark.parametrize(
    ("kind", "path", "legs"),
    [
        ("HostSystem", "runtime.connectionState", {Leg.RUNNING: UNKNOWN, Leg.SAN: UNKNOWN}),
        ("HostSystem", "parent", {Leg.RUNNING: UP, Leg.SAN: UP}),
        ("Datastore", "host", {Leg.RUNNING: UP, Leg.SAN: UNKNOWN}),
        ("Datastore", "summary.accessible", {Leg.RUNNING: UP, Leg.SAN: UNKNOWN}),
        ("Datastore", "name", {Leg.RUNNING: UP, Leg.SAN: UP}),
        ("Folder", "name", {Leg.RUNNING: UP, Leg.SAN: UP}),
    ],
)
def test_what_cannot_be_read_of_a_host_or_datastore_makes_its_servers_unknown(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, kind: str, path: str, legs: dict[Leg, State]
) -> None:
    def change(update: str) -> str:
        if f'<obj type="{kind}">' not in update:
            return update
        return re.sub(
            rf"(<name>{re.escape(path)}</name>(?:<op>\w+</op>)?)<val.*?</val>",
            r"\1<val><x>1</x><x>2</x></val>",
            update,
        )

    for method, item in (("WaitForUpdatesEx", "objectSet"), ("RetrievePropertiesEx", "objects")):
        rewritten(monkeypatch, method, each_item(item, change))
    with watching(simulation.endpoint) as watched:
        report = watched.report()
        server = ServerId(simulation.vm(simulation.server).instance_uuid)
        assert {leg: watched.state(server, leg) for leg in legs} == legs
    assert report.unreadable > 0
    assert watched.failures == []


def test_an_update_of_nobody_means_a_full_look_and_then_one_item(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt: list[bool] = []
    change = of_server(simulation, lambda update: re.sub(r"<obj .*?</obj>", "", update), spoilt=spoilt)
    rewritten(monkeypatch, "WaitForUpdatesEx", each_item("objectSet", change))
    with watching(simulation.endpoint, retry_s=(0.01, 0.02)) as watched:
        server, other = watched.server(simulation.server), watched.server(simulation.neighbour)
        spoilt.append(True)
        simulation.power_off(simulation.server)
        watched.until(lambda: watched.reports[-1].unreadable == 1)
        assert {failure.reason for failure in watched.failures} == {"bad_reply"}
        assert len(watched.failures) == 1 + watch.NAMELESS_SETS
        assert [report.partial for report in watched.reports if report.fresh] == [False, True]
        assert watched.departures == [], "it may be there"
        simulation.power_off(simulation.neighbour)
        watched.until_state(other, DOWN)
        assert len(watched.failures) == 1 + watch.NAMELESS_SETS
        spoilt.clear()
        simulation.do(simulation.world.kill_sessions)
        watched.until_state(server, DOWN)
        assert not watched.reports[-1].partial
        assert watched.departures == []


def test_an_empty_answer_for_custom_attributes_is_no_attribute(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    for told in (
        "",
        "<returnval/>",
        "<returnval>x</returnval>",
        "<returnval><objects>x</objects></returnval>",
    ):
        with monkeypatch.context() as patched:
            rewritten(patched, "RetrievePropertiesEx", lambda _, __, told=told: told)  # type: ignore[misc]
            with watching(simulation.endpoint, attributes=True) as watched:
                watched.until(lambda: watched.reports or watched.failures)
                reasons = {failure.reason for failure in watched.failures}
        assert reasons <= {"bad_reply"}, told


def test_how_far_a_clock_is_ahead_that_shows_no_time_is_not_known(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    for told in ("", "<returnval>soon</returnval>", "<returnval>9999-12-31T23:59:59Z</returnval>"):
        with monkeypatch.context() as patched:
            rewritten(patched, "CurrentTime", lambda _, __, told=told: told)  # type: ignore[misc]
            with watching(simulation.endpoint) as watched:
                assert watched.report().clock_offset_us is None
        assert watched.failures == []


def test_an_update_set_without_an_end_is_given_up(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "MOST_PAGES", 5)
    answer = "<returnval><version>1_1</version><truncated>true</truncated></returnval>"
    monkeypatch.setitem(methods.METHODS, "WaitForUpdatesEx", lambda _: answer)
    with watching(simulation.endpoint) as watched:
        assert "pages" in watched.failure().message


def test_an_answer_that_says_at_once_that_nothing_is_new_is_not_asked_for_without_a_pause(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def change(call: SessionCall, told: str) -> str:
        nonlocal asked
        asked += 1
        return told

    found = methods.METHODS["WaitForUpdatesEx"]

    async def hasty(call: SessionCall) -> str:
        if call.request.node.text("version") == "":
            told = found(call)
            return told if isinstance(told, str) else await told
        return ""

    monkeypatch.setitem(methods.METHODS, "WaitForUpdatesEx", hasty)
    rewritten(monkeypatch, "WaitForUpdatesEx", change)
    with watching(simulation.endpoint) as watched:
        watched.looks(3)
        assert asked <= 5
    assert watched.failures == []
