"""The board: what fires, what was resolved, and who hears of a change."""

import pytest

from daemon.alerts.alert import Alert, Labels, Severity, labels_of
from daemon.alerts.board import RESOLVED_KEPT_US, Board
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
    def __init__(self, board: Board) -> None:
        self.told: list[Labels] = []
        board.listen(self.hear)

    def hear(self, labels: Labels, severity: Severity) -> None:
        assert severity is Severity.INFO
        self.told.append(labels)

    def taken(self) -> list[str]:
        told, self.told = self.told, []
        return [dict(labels)["alertname"] for labels in told]


def test_an_alert_fires_since_its_true_start_or_since_it_was_seen() -> None:
    board, a, b, c = Board(), alert("A", later(-HOUR)), alert("B"), alert("C", later(HOUR))
    board.put("x", [a, b, c], NOW)
    assert [board.posted[each.labels].starts_at for each in (a, b, c)] == [later(-HOUR), NOW, NOW]
    assert board.firing == 3


def test_an_alert_that_goes_on_keeps_its_start_and_gets_new_words_and_nobody_hears() -> None:
    board = Board()
    listener = Listener(board)
    board.put("x", [alert("A", text="then")], NOW)
    assert listener.taken() == ["A"]
    board.put("x", [alert("A", later(MINUTE), text="now")], later(MINUTE))
    assert listener.taken() == []
    posted = board.posted[alert("A").labels]
    assert (posted.starts_at, posted.alert.summary, posted.ended_at) == (NOW, "now", None)


def test_what_is_no_longer_named_is_resolved_and_forgotten_after_a_while() -> None:
    board = Board()
    listener = Listener(board)
    board.put("x", [alert("A"), alert("B")], NOW)
    board.put("y", [alert("C")], NOW)
    listener.taken()
    board.put("x", [alert("B")], later(MINUTE))
    assert listener.taken() == ["A"]
    assert board.posted[alert("A").labels].ended_at == later(MINUTE)
    assert board.firing == 2
    board.pass_to(later(MINUTE + RESOLVED_KEPT_US - 1))
    assert alert("A").labels in board.posted
    board.pass_to(later(MINUTE + RESOLVED_KEPT_US))
    assert alert("A").labels not in board.posted
    assert (board.has("x"), board.has("z")) == (True, False)
    board.put("x", (), later(HOUR))
    assert not board.has("x")


def test_what_is_kept_fires_on_for_a_while_and_nobody_hears_of_it_till_then() -> None:
    board, kept = Board(), alert("A", keep=MINUTE)
    listener = Listener(board)
    board.put("x", [kept], NOW)
    board.put("x", (), later(HOUR))
    board.pass_to(later(HOUR + MINUTE - 1))
    assert (listener.taken(), board.has("x"), board.firing) == (["A"], False, 1)
    assert board.posted[kept.labels].ended_at is None
    board.pass_to(later(HOUR + MINUTE))
    assert (listener.taken(), board.firing) == (["A"], 0)
    assert board.posted[kept.labels].ended_at == later(HOUR + MINUTE)


def test_what_comes_back_while_it_is_kept_was_never_gone() -> None:
    board, kept = Board(), alert("A", keep=MINUTE)
    listener = Listener(board)
    board.put("x", [kept], NOW)
    board.put("x", (), later(HOUR))
    board.put("x", [kept], later(HOUR + 1))
    board.pass_to(later(2 * HOUR))
    assert (listener.taken(), board.firing) == (["A"], 1)
    assert board.posted[kept.labels].starts_at == NOW


def test_an_alert_that_comes_back_fires_anew() -> None:
    board = Board()
    board.put("x", [alert("A")], NOW)
    board.put("x", (), later(MINUTE))
    board.put("x", [alert("A")], later(2 * MINUTE))
    posted = board.posted[alert("A").labels]
    assert (posted.starts_at, posted.ended_at, board.firing) == (later(2 * MINUTE), None, 1)
    board.pass_to(later(HOUR))
    assert alert("A").labels in board.posted


def test_an_end_is_never_before_the_start() -> None:
    board = Board()
    board.put("x", [alert("A")], NOW)
    board.put("x", (), later(-MINUTE))
    posted = board.posted[alert("A").labels]
    assert posted.ended_at == posted.starts_at == NOW


def test_alerts_of_servers_are_limited_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.alerts.board.MOST_OF_SERVERS", 2)
    board = Board()
    for server in "abc":
        board.put(server, [alert("Down", server=server)], NOW)
    board.put("x", [alert("ChronicOutage")], NOW)
    assert [dict(labels).get("server") for labels in board.posted] == ["a", "b", None]
    board.put("a", (), NOW)
    board.put("c", [alert("Down", server="c")], NOW)
    assert alert("Down", server="c").labels in board.posted


def test_a_cleared_board_has_nothing() -> None:
    board = Board()
    board.put("x", [alert("A"), alert("Down", server="a")], NOW)
    board.put("x", [alert("A")], NOW)
    board.clear()
    assert (board.posted, board.firing, board.has("x")) == ({}, 0, False)
    board.put("x", (), NOW)
    board.pass_to(later(HOUR))
