"""The store: what fires, what was resolved, and who hears of a change."""

import pytest

from daemon.alerts.alert import Alert, Labels, Severity, labels_of
from daemon.alerts.store import RESOLVED_KEPT_US, AlertStore
from sla.instants import HOUR, MINUTE, Instant, parse_instant

NOW = parse_instant("2026-03-10T12:00:00Z")


def alert(name: str, since: Instant | None = None, *, text: str = "", keep: int = 0, **labels: str) -> Alert:
    return Alert(
        labels=labels_of(name, Severity.INFO, labels),
        severity=Severity.INFO,
        since=since,
        summary=text,
        description=text,
        keep_us=keep,
    )


def later(us: int) -> Instant:
    return Instant(NOW + us)


class Listener:
    def __init__(self, store: AlertStore) -> None:
        self.told: list[Labels] = []
        store.listen(self.hear)

    def hear(self, labels: Labels, severity: Severity) -> None:
        assert severity is Severity.INFO
        self.told.append(labels)

    def taken(self) -> list[str]:
        told, self.told = self.told, []
        return [dict(labels)["alertname"] for labels in told]


def test_an_alert_fires_since_its_true_start_or_since_it_was_seen() -> None:
    store, a, b, c = AlertStore(), alert("A", later(-HOUR)), alert("B"), alert("C", later(HOUR))
    store.put("x", [a, b, c], NOW)
    assert [store.posted[each.labels].starts_at for each in (a, b, c)] == [later(-HOUR), NOW, NOW]
    assert store.firing == 3


def test_an_alert_that_goes_on_keeps_its_start_and_gets_new_words_and_nobody_hears() -> None:
    store = AlertStore()
    listener = Listener(store)
    store.put("x", [alert("A", text="then")], NOW)
    assert listener.taken() == ["A"]
    store.put("x", [alert("A", later(MINUTE), text="now")], later(MINUTE))
    assert listener.taken() == []
    posted = store.posted[alert("A").labels]
    assert (posted.starts_at, posted.alert.summary, posted.ended_at) == (NOW, "now", None)


def test_what_is_no_longer_named_is_resolved_and_forgotten_after_a_while() -> None:
    store = AlertStore()
    listener = Listener(store)
    store.put("x", [alert("A"), alert("B")], NOW)
    store.put("y", [alert("C")], NOW)
    listener.taken()
    store.put("x", [alert("B")], later(MINUTE))
    assert listener.taken() == ["A"]
    assert store.posted[alert("A").labels].ended_at == later(MINUTE)
    assert store.firing == 2
    store.pass_to(later(MINUTE + RESOLVED_KEPT_US - 1))
    assert alert("A").labels in store.posted
    store.pass_to(later(MINUTE + RESOLVED_KEPT_US))
    assert alert("A").labels not in store.posted
    assert (store.has("x"), store.has("z")) == (True, False)
    store.put("x", (), later(HOUR))
    assert not store.has("x")


def test_what_is_kept_fires_on_for_a_while_and_nobody_hears_of_it_till_then() -> None:
    store, kept = AlertStore(), alert("A", keep=MINUTE)
    listener = Listener(store)
    store.put("x", [kept], NOW)
    store.put("x", (), later(HOUR))
    store.pass_to(later(HOUR + MINUTE - 1))
    assert (listener.taken(), store.has("x"), store.firing) == (["A"], False, 1)
    assert store.posted[kept.labels].ended_at is None
    store.pass_to(later(HOUR + MINUTE))
    assert (listener.taken(), store.firing) == (["A"], 0)
    assert store.posted[kept.labels].ended_at == later(HOUR + MINUTE)


def test_what_comes_back_while_it_is_kept_was_never_gone() -> None:
    store, kept = AlertStore(), alert("A", keep=MINUTE)
    listener = Listener(store)
    store.put("x", [kept], NOW)
    store.put("x", (), later(HOUR))
    store.put("x", [kept], later(HOUR + 1))
    store.pass_to(later(2 * HOUR))
    assert (listener.taken(), store.firing) == (["A"], 1)
    assert store.posted[kept.labels].starts_at == NOW


def test_an_alert_that_comes_back_fires_anew() -> None:
    store = AlertStore()
    store.put("x", [alert("A")], NOW)
    store.put("x", (), later(MINUTE))
    store.put("x", [alert("A")], later(2 * MINUTE))
    posted = store.posted[alert("A").labels]
    assert (posted.starts_at, posted.ended_at, store.firing) == (later(2 * MINUTE), None, 1)
    store.pass_to(later(HOUR))
    assert alert("A").labels in store.posted


def test_an_end_is_never_before_the_start() -> None:
    store = AlertStore()
    store.put("x", [alert("A")], NOW)
    store.put("x", (), later(-MINUTE))
    posted = store.posted[alert("A").labels]
    assert posted.ended_at == posted.starts_at == NOW


def test_alerts_of_servers_are_limited_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.alerts.store.MOST_OF_SERVERS", 2)
    store = AlertStore()
    for server in "abc":
        store.put(server, [alert("Down", server=server)], NOW)
    store.put("x", [alert("ChronicOutage")], NOW)
    assert [dict(labels).get("server") for labels in store.posted] == ["a", "b", None]
    store.put("a", (), NOW)
    store.put("c", [alert("Down", server="c")], NOW)
    assert alert("Down", server="c").labels in store.posted


def test_a_cleared_board_has_nothing() -> None:
    store = AlertStore()
    store.put("x", [alert("A"), alert("Down", server="a")], NOW)
    store.put("x", [alert("A")], NOW)
    store.clear()
    assert (store.posted, store.firing, store.has("x")) == ({}, 0, False)
    store.put("x", (), NOW)
    store.pass_to(later(HOUR))
