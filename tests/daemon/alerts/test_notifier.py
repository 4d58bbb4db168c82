"""The push: who is told of what, when, and what becomes of one that hangs, fails or answers garbage."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from daemon.alerts.alert import Alert, Severity, labels_of
from daemon.alerts.notifier import MOST_AT_ONCE, Notifier
from daemon.alerts.store import AlertStore
from daemon.believed_clock import ClockDoubt
from daemon.clock import SystemClock
from daemon.config.alertmanager import AlertmanagerTable
from daemon.hub.shipping import HubStanding
from daemon.hub.states import HubState
from daemon.metrics.alerts import AlertMetrics
from sla.disagreements import DisagreementKind
from sla.instants import BEGINNING, HOUR, MINUTE, SECOND, Instant, parse_instant
from tests.daemon.alerts.receivers import OK, Receiver, receiver, says, table
from tests.peers.tls import issue
from tests.waiting import until
from tests.wall import now


def alert(name: str = "ChronicOutage", severity: Severity = Severity.PAGE, **labels: str) -> Alert:
    return Alert(
        labels=labels_of(name, severity, labels),
        severity=severity,
        since=Instant(now() - MINUTE),
        summary=f"{name} is so",
        description="In numbers.",
    )


class Pushing:
    """A push that runs, with a store that the test writes."""

    def __init__(self, begun_at: Instant) -> None:
        self.store = AlertStore()
        self.fault = ""
        self.quarantined: tuple[Instant, str] | None = None
        self.hub: HubStanding | None = None
        self.monitors: dict[str, Instant] = {}
        self.disagreements: dict[DisagreementKind, tuple[int, Instant]] = {}
        self.clock_doubt: ClockDoubt | None = None
        self.may_tell = True
        self.wanted: list[bool] = []
        self.families = CollectorRegistry()
        self.push = Notifier(
            clock=SystemClock(),
            store=self.store,
            metrics=AlertMetrics(self.families),
            fault=lambda: self.fault,
            clock_doubt=lambda: self.clock_doubt,
            quarantined=lambda: self.quarantined,
            hub=lambda: self.hub,
            monitors=lambda: self.monitors,
            disagreements=lambda: self.disagreements,
            begun_at=begun_at,
            on_wanted=self.wanted.append,
            may_tell=lambda: self.may_tell,
        )

    def put(self, *alerts: Alert, what: str = "x") -> None:
        self.store.put(what, alerts, now())

    def value(self, name: str, to: Receiver) -> float | None:
        return self.families.get_sample_value(name, {"alertmanager": to.name})


@asynccontextmanager
async def pushing(told: AlertmanagerTable, begun_at: Instant = BEGINNING) -> AsyncIterator[Pushing]:
    one = Pushing(begun_at)
    one.push.follow(told)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(one.push.run())
        yield one
        running.cancel()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.alerts.notifier.COALESCE_S", 0.01)
    monkeypatch.setattr("daemon.alerts.notifier.FIRST_RETRY_S", 0.01)
    monkeypatch.setattr("daemon.alerts.alertmanager.DEADLINE_S", 0.2)


async def test_an_alert_is_sent_as_the_api_wants_it(tmp_path: Path) -> None:
    more = 'external_labels = { site = "home" }\ndashboard_url = "https://grafana/x/"'
    async with receiver() as one, pushing(table(tmp_path, f"{one.url}/am/", more=more)) as it:
        it.put(alert(client="acme", solution="a b"))
        await one.until(lambda: bool(one.requests))
        (request,) = one.requests
        assert request.head.startswith("POST /am/api/v2/alerts HTTP/1.1\r\n")
        assert "Content-Type: application/json" in request.head
        assert "Authorization" not in request.head
        (sent,) = request.alerts
        ends_at, starts_at = parse_instant(sent.pop("endsAt")), parse_instant(sent.pop("startsAt"))
        assert sent == {
            "labels": {
                "alertname": "ChronicOutage",
                "severity": "page",
                "client": "acme",
                "solution": "a b",
                "site": "home",
            },
            "annotations": {
                "summary": "ChronicOutage is so",
                "description": "In numbers.",
                "dashboard_url": "https://grafana/x/d/slad-solutions?var-client=acme",
            },
        }
        assert abs(ends_at - now() - 4 * MINUTE) < 10 * SECOND
        assert abs(now() - MINUTE - starts_at) < 10 * SECOND
        await asyncio.sleep(0)  # the answer is on its way
        await until(lambda: it.value("slad_alerts_sent_total", one) == 1, "the answer")
        assert it.families.get_sample_value("slad_alerts_firing") == 1


@pytest.mark.usefixtures("hurried")
async def test_what_is_resolved_is_sent_with_its_end_and_again_with_what_fires(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url, resend="1s")) as it:
        it.put(alert("A"), alert("B"))
        await one.until(lambda: len(one.names) == 2)
        ended_at = now()
        it.put(alert("B"))
        await one.until(lambda: len(one.names) >= 5)
        assert one.names[2] == "A"
        assert sorted(one.names[3:5]) == ["A", "B"]
        last = {each["labels"]["alertname"]: each for request in one.requests[2:] for each in request.alerts}
        assert abs(parse_instant(last["A"]["endsAt"]) - ended_at) < SECOND
        assert parse_instant(last["B"]["endsAt"]) > ended_at + 3 * SECOND


async def test_changes_that_come_together_go_together_the_worst_first(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        it.put(alert("First"), what="first")
        await one.until(lambda: bool(one.requests))
        it.put(alert("Info", Severity.INFO), what="info")
        await asyncio.sleep(0)
        it.put(alert("Page", Severity.PAGE), alert("Warning", Severity.WARNING))
        await one.until(lambda: len(one.requests) == 2)
        assert one.names == ["First", "Page", "Warning", "Info"]
        assert one.requests[1].at_s - one.requests[0].at_s > 0.9


@pytest.mark.usefixtures("hurried")
async def test_many_alerts_go_in_batches_and_all_of_them_go(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        count = 3 * MOST_AT_ONCE + 1
        it.put(*(alert(server=f"s{number}") for number in range(count)))
        await one.until(lambda: len(one.names) == count)
        assert [len(request.alerts) for request in one.requests] == [MOST_AT_ONCE] * 3 + [1]
        assert len({each["labels"]["server"] for request in one.requests for each in request.alerts}) == count


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        says("200 OK", b"<html>please log in</html>"),
        says("302 Found", headers="Location: http://127.0.0.1:1/\r\n"),
        says("401 Unauthorized", b"who are you?"),
        says("500 Internal Server Error", b"\xff" * 1000),
        says("503 Service Unavailable"),
    ],
)
async def test_one_that_fails_is_tried_again_and_delays_nobody_else(
    tmp_path: Path, answer: bytes | None
) -> None:
    async with (
        receiver(answer, answer, OK) as bad,
        receiver() as good,
        pushing(table(tmp_path, bad.url, good.url)) as it,
    ):
        with structlog.testing.capture_logs() as logs:
            it.put(alert("A"))
            await good.until(lambda: good.names == ["A"])
            it.put(alert("A"), alert("B"))
            await good.until(lambda: good.names == ["A", "B"])
            await bad.until(lambda: len(bad.requests) >= 3 and {"A", "B"} <= set(bad.names))
            await until(lambda: bool(logs) and logs[-1]["event"] == "alertmanager_recovered", "its recovery")
            assert it.value("slad_alerts_sent_total", bad)
            assert (it.value("slad_alerts_failed_total", bad) or 0) >= 2
            assert it.value("slad_alerts_failed_total", good) == 0
        edges = [entry["event"] for entry in logs if entry["alertmanager"] == bad.name]
        assert edges == ["alertmanager_failed", "alertmanager_recovered"]
        assert logs[-1]["failed_attempts"] == 2


@pytest.mark.usefixtures("hurried")
async def test_nobody_is_told_whom_the_configuration_does_not_name(tmp_path: Path) -> None:
    async with receiver() as other:
        redirect = says("307 Temporary Redirect", headers=f"Location: {other.url}/api/v2/alerts\r\n")
        async with receiver(redirect) as one, pushing(table(tmp_path, one.url)) as it:
            it.put(alert())
            await one.until(lambda: len(one.requests) == 3)
        assert other.requests == []


async def test_a_slow_one_hears_the_worst_again_before_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.alerts.notifier.MOST_AT_ONCE", 1)
    monkeypatch.setattr("daemon.alerts.notifier.COALESCE_S", 0.01)
    monkeypatch.setattr("daemon.alerts.notifier.PAUSE_S", 0.1)
    async with receiver() as one, pushing(table(tmp_path, one.url, resend="1s")) as it:
        it.put(alert("Page"), *(alert("Info", Severity.INFO, server=f"s{number}") for number in range(100)))
        await one.until(lambda: one.names.count("Page") == 2)
        assert 2 < len(one.names) < 40
        last = [each["labels"].get("server") for request in one.requests for each in request.alerts]
        await one.until(lambda: one.names.count("Page") == 3)
        told = [each["labels"].get("server") for request in one.requests for each in request.alerts]
        assert len(set(told)) > len(set(last)), "the others have their turn, too"


@pytest.mark.usefixtures("hurried")
async def test_what_is_refused_waits_until_it_is_due_again_and_the_rest_goes_on(tmp_path: Path) -> None:
    refusal = says("400 Bad Request", b'"bad label"', "Content-Type: application/json\r\n")
    async with receiver(refusal, OK) as one, pushing(table(tmp_path, one.url, resend="1s")) as it:
        with structlog.testing.capture_logs() as logs:
            it.put(alert("A"))
            await one.until(lambda: one.names == ["A"])
            it.put(alert("B"), what="y")
            await one.until(lambda: len(one.requests) == 2)
            assert one.names == ["A", "B"]
            await one.until(lambda: one.names[2:] in (["A", "B"], ["B", "A"]))
        assert logs[0]["message"] == 'answers 400: "bad label"'


async def test_one_that_nobody_answers_for_fails_and_the_others_hear_at_once(tmp_path: Path) -> None:
    async with receiver() as gone:
        pass
    async with receiver() as one, pushing(table(tmp_path, gone.url, one.url)) as it:
        it.put(alert())
        await one.until(lambda: bool(one.names))
        await until(lambda: it.value("slad_alerts_failed_total", gone), "the failure")


@pytest.mark.parametrize(
    ("more", "header"),
    [
        ('user = "slad"\npassword_file = "secret"', "Authorization: Basic c2xhZDpodW50ZXIy"),
        ('token_file = "secret"', "Authorization: Bearer hunter2"),
    ],
)
async def test_it_says_who_it_is_and_shows_no_secret(tmp_path: Path, more: str, header: str) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "secret").chmod(0o600)
    async with receiver(says("401 Unauthorized")) as one:
        told = table(tmp_path, one.url, more=more)
        assert "hunter2" not in repr(told)
        with structlog.testing.capture_logs() as logs:
            async with pushing(told) as it:
                it.put(alert())
                await one.until(lambda: bool(one.requests))
        assert header in one.requests[0].head
        assert "hunter2" not in json.dumps(logs)


async def test_a_secret_that_cannot_be_read_is_a_failure_that_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "secret").chmod(0o600)
    async with receiver() as one:
        told = table(tmp_path, one.url, more='token_file = "secret"')
        (tmp_path / "secret").unlink()
        with structlog.testing.capture_logs() as logs:
            async with pushing(told) as it:
                it.put(alert())
                await until(lambda: bool(logs), "the failure")
                assert it.value("slad_alerts_failed_total", one) == 1
        assert one.requests == []
        assert "secret cannot be read" in logs[0]["message"]


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    certificate = issue(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certfile, certificate.keyfile)
    one = Receiver()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=context)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        async with pushing(table(tmp_path, f"https://127.0.0.1:{one.port}", more='ca_file = "ca.pem"')) as it:
            it.put(alert())
            await one.until(lambda: bool(one.requests))
        async with pushing(table(tmp_path, f"https://127.0.0.1:{one.port}")) as it:
            it.put(alert())
            await until(lambda: it.value("slad_alerts_failed_total", one), "the failure")
        assert len(one.requests) == 1


@pytest.mark.usefixtures("hurried")
async def test_a_ledger_that_takes_no_records_is_told_and_so_is_its_recovery(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        it.fault = "disk full"
        await one.until(lambda: one.names == ["LedgerNotWriting"])
        (sent,) = one.requests[0].alerts
        assert "disk full" in sent["annotations"]["description"]
        assert sent["labels"]["severity"] == "critical"
        it.fault = ""
        await one.until(lambda: len(one.names) == 2)
        assert parse_instant(one.requests[1].alerts[0]["endsAt"]) <= now()


@pytest.mark.usefixtures("hurried")
async def test_a_clock_that_stays_in_doubt_is_told_and_one_that_is_for_a_minute_is_not(
    tmp_path: Path,
) -> None:
    def doubted(since: Instant) -> ClockDoubt:
        return ClockDoubt(
            shown_at=now(), expected_at=now(), since=since, why="it shows 2058", can_be_accepted=True
        )

    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        it.clock_doubt = doubted(Instant(now() - 110 * SECOND))
        it.put(alert())
        await one.until(lambda: len(one.names) == 1)
        assert one.names != ["ClockInDoubt"]
        it.clock_doubt = doubted(Instant(now() - 2 * MINUTE))
        await one.until(lambda: one.names[1:] == ["ClockInDoubt"])
        (sent,) = one.requests[1].alerts
        assert "it shows 2058" in sent["annotations"]["description"]
        assert sent["labels"]["severity"] == "critical"
        it.clock_doubt = None
        await one.until(lambda: len(one.names) == 3)
        assert parse_instant(one.requests[2].alerts[0]["endsAt"]) <= now()


@pytest.mark.usefixtures("hurried")
async def test_a_record_that_was_not_let_in_is_told_for_an_hour(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        it.quarantined = (now(), "text: must be a text")
        await one.until(lambda: one.names == ["RecordQuarantined"])
        (sent,) = one.requests[0].alerts
        assert "must be a text" in sent["annotations"]["description"]
        it.quarantined = (Instant(now() - HOUR), "")
        await one.until(lambda: len(one.names) == 2)


@pytest.mark.usefixtures("hurried")
async def test_a_ledger_that_was_begun_is_told_for_an_hour(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url), begun_at=Instant(now() - MINUTE)):
        await one.until(lambda: one.names == ["LedgerBegun"])
        assert one.requests[0].alerts[0]["labels"]["severity"] == "warning"


async def test_another_configuration_tells_whom_it_names_and_nobody_else(tmp_path: Path) -> None:
    async with receiver() as first, receiver() as second, pushing(table(tmp_path, first.url)) as it:
        it.put(alert())
        await first.until(lambda: bool(first.names))
        it.push.follow(table(tmp_path, second.url))
        await second.until(lambda: second.names == ["ChronicOutage"])
        assert it.value("slad_alerts_sent_total", first) is None
        it.push.follow(None)
        assert it.wanted == [True, True, False]
        await until(lambda: it.value("slad_alerts_sent_total", second) is None, "that it is forgotten")
        assert len(first.requests) == 1


async def test_how_slad_stands_with_the_store_is_told_without_any_commit(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        behind_since = Instant(now() - HOUR)
        it.hub = HubStanding(
            state=HubState.UNREACHABLE, since=now(), why="It is away.", level_at=behind_since
        )
        await one.until(lambda: one.names == ["HubBehind"])
        it.hub = HubStanding(state=HubState.DIVERGED, since=now(), why="From record 7 on.", level_at=None)
        await one.until(lambda: "HubRefused" in one.names)
        (refused,) = [each for each in one.requests[-1].alerts if each["labels"]["alertname"] == "HubRefused"]
        assert "From record 7 on." in refused["annotations"]["description"]


@pytest.mark.usefixtures("hurried")
async def test_a_monitor_that_saw_nothing_for_a_day_is_told_with_what_retires_it(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        it.monitors = {"mon1": Instant(now() - 25 * HOUR), "mon2": Instant(now() - 23 * HOUR)}
        await one.until(lambda: one.names == ["MonitorSilent"])
        (silent,) = one.requests[0].alerts
        assert silent["labels"]["observer"] == "mon1"
        assert silent["annotations"]["description"].endswith("run: slad hub retire mon1")


@pytest.mark.usefixtures("hurried")
async def test_monitors_that_disagree_for_an_hour_are_told_of_once_a_kind(tmp_path: Path) -> None:
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        it.disagreements = {
            DisagreementKind.OWNER: (7, Instant(now() - 61 * MINUTE)),
            DisagreementKind.CLOCK: (1, Instant(now() - 59 * MINUTE)),
        }
        await one.until(lambda: one.names == ["MonitorsDisagree"])
        (told,) = one.requests[0].alerts
        assert told["labels"]["kind"] == "owner"
        assert told["annotations"]["summary"] == "The owner of servers is not the same by all monitors"
        assert told["annotations"]["description"].startswith("7 disagreements, the oldest since ")
        it.disagreements = {}
        await one.until(lambda: len(one.requests) > 1)
        (ended,) = one.requests[-1].alerts
        assert parse_instant(ended["endsAt"]) <= now()


@pytest.mark.usefixtures("hurried")
async def test_one_that_may_not_tell_keeps_up_and_then_tells_what_fires_and_what_ended_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a hub that stands by and takes over: what the one before it told of ends, too."""
    monkeypatch.setattr("daemon.alerts.notifier.STANDBY_S", 0.01)
    async with receiver() as one, pushing(table(tmp_path, one.url)) as it:
        it.may_tell = False
        it.put(alert("Ended"), what="ended")
        it.put(alert("Fires"))
        await asyncio.sleep(0.1)
        it.put(what="ended")
        await asyncio.sleep(0.1)
        assert one.names == []
        assert it.wanted == [True]
        it.may_tell = True
        await one.until(lambda: len(one.names) == 2)
        it.may_tell = False
        await asyncio.sleep(0.1)
        it.put(alert("Late"), what="late")
        await asyncio.sleep(0.1)
        assert sorted(one.names) == ["Ended", "Fires"]
