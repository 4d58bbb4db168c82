"""The closed list of states: in words of PostgreSQL and libpq, in the alerts, in Prometheus' rules and in what people read."""

import re
from pathlib import Path

import psycopg
import pytest

from daemon.alerts.conditions.definitions import Subject, alerts
from daemon.alerts.conditions.shared import HUB_ALERTS, HUB_BEHIND_FOR_US, Shipping
from daemon.hub.faults import told
from daemon.hub.states import HubState
from sla.instants import HOUR, Instant
from tests.daemon.alerts.labels import rules

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ('connection to server on socket "/x" failed: No such file or directory', HubState.UNREACHABLE),
        ("FATAL:  the database system is starting up", HubState.UNREACHABLE),
        ("FATAL:  the database system is shutting down", HubState.UNREACHABLE),
        ("FATAL:  sorry, too many clients already", HubState.UNREACHABLE),
        ('FATAL:  too many connections for database "slad"', HubState.UNREACHABLE),
        ("server closed the connection unexpectedly", HubState.UNREACHABLE),
        ("SSL connection has been closed unexpectedly", HubState.UNREACHABLE),
        ("SSL SYSCALL error: EOF detected", HubState.UNREACHABLE),
        ("session is read-only", HubState.UNREACHABLE),
        ("connection timeout expired", HubState.UNANSWERED),
        ("SSL error: certificate verify failed", HubState.NOT_TRUSTED),
        ('server certificate for "a" does not match host name "b"', HubState.NOT_TRUSTED),
        ('weak sslmode "verify-ca" may not be used with sslrootcert=system', HubState.NOT_TRUSTED),
        ("server does not support SSL, but SSL was required", HubState.NOT_TRUSTED),
        ('FATAL:  password authentication failed for user "mon1"', HubState.LOGIN_REFUSED),
        ("fe_sendauth: no password supplied", HubState.LOGIN_REFUSED),
        ('FATAL:  Peer authentication failed for user "mon1"', HubState.LOGIN_REFUSED),
        ('FATAL:  no pg_hba.conf entry for host "::1", user "mon1", no encryption', HubState.LOGIN_REFUSED),
        ('FATAL:  role "mon1" does not exist', HubState.LOGIN_REFUSED),
        ('FATAL:  role "mon1" is not permitted to log in', HubState.LOGIN_REFUSED),
        ('FATAL:  database "slad" does not exist', HubState.NO_STORE),
        ("FATAL:  le système de bases de données démarre", HubState.UNREACHABLE),
    ],
)
def test_what_libpq_says_of_a_connection_is_a_state(said: str, state: HubState) -> None:
    error = told(psycopg.OperationalError(said), "here")
    assert error.state is state
    assert " ".join(said.split()) in str(error)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (psycopg.errors.InsufficientPrivilege("x"), HubState.NOT_ALLOWED),
        (psycopg.errors.UndefinedFunction("x"), HubState.NO_STORE),
        (psycopg.errors.InvalidSchemaName("x"), HubState.NO_STORE),
        (psycopg.errors.QueryCanceled("x"), HubState.UNANSWERED),
        (psycopg.errors.AdminShutdown("x"), HubState.UNREACHABLE),
        (psycopg.errors.DiskFull("x"), HubState.FAILED),
        (psycopg.errors.ReadOnlySqlTransaction("x"), HubState.FAILED),
        (psycopg.errors.InvalidPassword("x"), HubState.LOGIN_REFUSED),
        (psycopg.InterfaceError("x"), HubState.FAILED),
    ],
)
def test_what_postgresql_says_is_a_state(error: psycopg.Error, state: HubState) -> None:
    assert told(error, "here").state is state


def test_rules_runbook_and_page_know_every_state() -> None:
    refusals = {state.value for state in HubState if state.is_refusal}
    (rule,) = [rule for rule in rules() if rule["alert"] == "HubRefused"]
    named = re.search(r'state=~"([a-z_|]+)"', rule["expr"])
    assert named is not None
    assert set(named[1].split("|")) == refusals
    page = (ROOT / "docs/slad-hub.md").read_text()
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|.*\| ([^|]*) \|$", page, re.MULTILINE)
    told_of = {state: alert for states, alert in rows for state in re.findall(r"`([a-z_]+)`", states)}
    for state in HubState:
        assert told_of[state.value].startswith(
            "HubRefused" if state.is_refusal else "none" if state is HubState.SHIPPING else "HubBehind"
        )
    books = {
        name: (ROOT / f"deploy/mixin/runbooks/{name}.md").read_text() for name in ("HubRefused", "HubBehind")
    }
    for state in set(HubState) - {HubState.SHIPPING}:
        assert f"`{state.value}`" in books["HubRefused" if state.is_refusal else "HubBehind"]


def test_alerts_that_slad_pushes_itself() -> None:
    now = Instant(HOUR)

    def names(level_at: int | None, refused_at: int | None) -> dict[str, str]:
        shipping = Shipping(
            at=now,
            level_at=None if level_at is None else Instant(level_at),
            refused_at=None if refused_at is None else Instant(refused_at),
            why="Because.",
        )
        return {
            dict(each.labels)["alertname"]: each.description
            for each in alerts(HUB_ALERTS, shipping, Subject(text="slad"))
        }

    assert names(None, None) == {}
    assert names(now - HUB_BEHIND_FOR_US + 1, None) == {}
    assert names(now - HUB_BEHIND_FOR_US, None).keys() == {"HubBehind"}
    assert names(0, 5) == {
        "HubBehind": "The store had all of them last at 1 January 00:00 UTC. Because.",
        "HubRefused": "It stays so until somebody acts: Because.",
    }
