"""Statements at a hub: issued by the active one, kept by the store, shown by all, delivered once, whoever of them dies."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from daemon.app.hub import HubApp
from daemon.config.loading import load
from daemon.hub import tail
from daemon.recording import hub_committing
from daemon.statements import clerk, delivering
from sla.calendars import calendar_of
from sla.instants import DAY, HOUR, MINUTE, Instant, format_instant
from tests.daemon.app.test_hub import hub, is_active, is_ready, monitor, running, slad
from tests.daemon.cli.issuing import ACME, MONTH, NOW, Issuer, imported, october
from tests.daemon.cli.recording import served
from tests.daemon.hand import SetClock
from tests.daemon.harness import Daemon, by_server, run_meanwhile, simulated
from tests.daemon.hub.shippers import shipping_to
from tests.daemon.hub.stores import TestStore
from tests.daemon.quick import TICK_US
from tests.peers.smtp import Mailbox, mail_server
from tests.sla.stories import Line, client, in_order, says, seen, server
from tests.waiting import wait_until
from tests.wall import now

ANN = "ann@acme.example"
CLOCK = SetClock()
CLOCK.set_us = NOW - CLOCK.now()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "POLL_S", 0.05)
    monkeypatch.setattr(clerk, "LOOK_S", 0.05)
    monkeypatch.setattr(delivering, "LOOK_S", 0.05)


def shipped(store: TestStore, lines: list[Line], observer: str = "mon1", *more: str) -> Path:
    """Have the store hold a monitor's ledger with these lines; the folder where that is."""
    folder = store.folder / f"ledger-of-{observer}"
    folder.mkdir(exist_ok=True)
    ledger = imported(folder, lines, *more)

    async def ship() -> None:
        async with shipping_to(store.table(observer), ledger, observer) as monitor:
            await monitor.until_level()

    asyncio.run(ship())
    return folder


@contextmanager
def hub_at(store: TestStore, name: str, more: str = "") -> Iterator[Issuer]:
    """A hub in this process, and commands that ask it; it is there once it is ready."""
    folder = store.folder / name
    config = folder / "slad.toml" if folder.exists() else hub(store, name).config
    text = config.read_text().partition("[client.")[0]
    config.write_text(f"{text}{ACME}\n{more}\n")

    @asynccontextmanager
    async def running_hub() -> AsyncIterator[HubApp]:
        app = HubApp(load(config, {}), {}, tick_us=TICK_US, clock=CLOCK)
        async with run_meanwhile(app):
            yield app

    with served(running_hub) as app:
        issuing = Issuer(folder=folder, app=app)
        wait_until(lambda: not issuing.told("status")["not_ready"], f"{name} to be ready")
        yield issuing


def shown(issuing: Issuer, *arguments: str) -> bytes:
    """The bytes of a version, as a command gives them."""
    return issuing.done(
        "statement", "show", "acme", "--month", MONTH, "--format", "json", *arguments
    ).encode()


def verified(issuing: Issuer, *arguments: str) -> bool:
    """Whether a version is what was issued, and what the evidence of then gives."""
    ended = issuing.run("statement", "verify", "acme", "--month", MONTH, *arguments)
    assert ended.exit_code == 0, ended.output
    return "gives the same bytes" in ended.stdout


def page(issuing: Issuer, path: str) -> bytes:
    host, port = issuing.app.addresses[0]
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as response:
        return bytes(response.read())


def test_the_active_hub_issues_and_whoever_reads_the_store_has_the_bytes(store: TestStore) -> None:
    shipped(store, october())
    with hub_at(store, "hub1") as one:
        link = one.told("client", "link", "acme")
        told = one.issued()
        assert (told["version"], told["issued"]) == (1, True)
        document = shown(one)
        assert sha256(document).hexdigest() == told["sha256"]
        assert [each["ledger"] for each in json.loads(document)["statement"]["ledgers"]] == ["hub", "mon1"]
        assert verified(one)
        assert one.issued()["issued"] is False
        with hub_at(store, "hub2") as two:
            wait_until(lambda: shown(two) == document, "the same at the one that stands by")
            assert verified(two)
            for path in ("/clients/acme", link["path"].rstrip("/")):
                assert page(two, f"{path}/statements/{MONTH}-v1.json") == document, path
            refused = two.run("statement", "issue", "acme", "--month", MONTH)
            assert "this hub stands by" in refused.output
    with hub_at(store, "rebuilt") as anew:
        assert shown(anew) == document, "a hub that knew nothing has all from the store"
        assert verified(anew)
        assert anew.issued()["issued"] is False


def test_a_correction_is_told_by_all_issued_by_the_active_one_and_its_records_are_named(
    store: TestStore,
) -> None:
    shipped(store, october())
    with hub_at(store, "hub1") as one, hub_at(store, "hub2") as two:
        one.issued()
        one.corrected()
        for each in (one, two):
            wait_until(lambda: each.told("status")["outdated"], "it is noticed")  # noqa: B023
        assert one.issued()["corrects"] == 1
        told = one.told("statement", "diff", "acme", "--month", MONTH, "--version", "2")
        (row,) = (row for row in told["records"] if row["kind"] == "exclusion")
        assert row["ledger"] == "hub"
        assert f"hub {row['seq']}" in one.done(
            "statement", "diff", "acme", "--month", MONTH, "--version", "2"
        )
        for each in (one, two):
            wait_until(lambda: not each.told("status")["outdated"], "it is corrected")  # noqa: B023
            for version in ("1", "2"):
                assert verified(each, "--version", version)


def test_bytes_that_were_changed_in_the_store_are_not_believed(store: TestStore) -> None:
    shipped(store, october())
    with hub_at(store, "hub1") as one:
        one.issued()
        with store.owner() as owner:
            owner.execute("ALTER TABLE slad.document DROP CONSTRAINT is_whole")
            owner.execute(
                "UPDATE slad.document SET content = convert_to(replace(convert_from(content, 'UTF8'), '3600', '36'), 'UTF8')"
            )
        for command in ("verify", "show"):
            refused = one.run("statement", command, "acme", "--month", MONTH)
            assert refused.exit_code != 0
            assert "were changed" in refused.output
        with store.owner() as owner:
            owner.execute("DELETE FROM slad.document")
        refused = one.run("statement", "verify", "acme", "--month", MONTH)
        assert (refused.exit_code, "only their hash" in refused.output) == (1, True)


def test_what_the_clerk_issues_is_issued_once_by_whichever_hub_is_active(store: TestStore) -> None:
    shipped(store, october())
    due = '[statements]\nissue_after = "5d"'
    with hub_at(store, "hub2", due) as two:
        with hub_at(store, "hub1", due) as one:
            for each in (one, two):
                wait_until(lambda: each.told("statement", "list")["statements"], "it is issued")  # noqa: B023
        wait_until(lambda: two.told("statement", "list")["statements"], "it is known")
    with hub_at(store, "hub1", due) as one:
        one.corrected()
        wait_until(lambda: one.told("status")["outdated"], "the clerk has looked")
        (row,) = one.told("statement", "list")["statements"]
        assert (row["version"], row["issued_by"], row["client"]) == (1, "slad", "acme")


def by_monitor(store: TestStore, observer: str) -> dict[str, Any]:
    """What a monitor issued before it had a store, and shipped then."""
    lines = [
        *october(),
        {
            "kind": "issued",
            "client": "acme",
            "month": MONTH,
            "as_of": "2026-11-05T00:00:00Z",
            "version": 1,
            "sha256": sha256(observer.encode()).hexdigest(),
            "recorded_at": "2026-11-06T00:00:00Z",
        },
    ]
    shipped(store, lines, observer)
    return lines[-1]


def test_of_what_two_monitors_issued_one_holds_and_the_hub_goes_on_from_it(store: TestStore) -> None:
    first = by_monitor(store, "mon1")
    by_monitor(store, "mon2")
    with hub_at(store, "hub1") as one:
        (row,) = one.told("statement", "list")["statements"]
        assert (row["version"], row["sha256"]) == (1, first["sha256"])
        assert "slad_hub_unread_records_total 1.0" in page(one, "/metrics").decode()
        one.corrected()
        assert one.issued()["version"] == 2, "its own is another version, not another first one"


def test_a_statement_that_the_store_would_not_keep_is_not_issued(
    store: TestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_committing, "DOCUMENT_BYTES", 1000)
    shipped(store, october())
    with hub_at(store, "hub1") as one:
        refused = one.run("statement", "issue", "acme", "--month", MONTH)
        assert (refused.exit_code, "and the store keeps 1,000 at most" in refused.output) == (1, True)
        assert one.told("statement", "list")["statements"] == []


# Deliveries


def mailing(port: int, folder: Path | None = None) -> str:
    into = "" if folder is None else f'folder = "{folder}"\n'
    return (
        f'statement_recipients = ["{ANN}"]\n[statements]\nformats = ["json"]\n{into}'
        f'[statements.smtp]\nhost = "127.0.0.1"\nport = {port}\nsender = "statements@nordhost.example"\ntls = "none"'
    )


def test_a_statement_is_delivered_once_by_the_active_hub(store: TestStore, tmp_path: Path) -> None:
    shipped(store, october())
    folder = tmp_path / "delivered"
    folder.mkdir()
    with mail_server(Mailbox()) as mailbox:
        with hub_at(store, "hub1", mailing(mailbox.port, folder)) as one:
            with hub_at(store, "hub2", mailing(mailbox.port, folder)):
                one.issued()
                wait_until(lambda: len(delivered(store)) == 2, "both ways")
            assert (folder / "acme" / f"{MONTH}-v1" / f"acme-{MONTH}-v1.json").read_bytes() == shown(one)
        with hub_at(store, "hub2", mailing(mailbox.port, folder)) as two:
            two.corrected()
            two.issued()
            wait_until(lambda: len(delivered(store)) == 4, "the next version")
        assert len(mailbox.mails) == 2
        assert len({mail["Message-ID"] for mail in mailbox.mails}) == 2


def delivered(store: TestStore) -> list[str]:
    """The places that are on record, in the hub's ledger."""
    said = (json.loads(line.body) for line in store.lines("hub"))
    return [line["text"] for line in said if line.get("type") == "slad.StatementDelivered"]


@dataclass
class StuckMailbox(Mailbox):
    """A mail server that hangs with the first mail, which it took or did not, until it is told to go on."""

    takes_it: bool = False
    is_stuck: Event = field(default_factory=Event)
    goes_on: Event = field(default_factory=Event)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        if self.is_stuck.is_set():
            return await super().handle_DATA(server, session, envelope)
        if self.takes_it:
            await super().handle_DATA(server, session, envelope)
        self.is_stuck.set()
        while not self.goes_on.is_set():  # noqa: ASYNC110  a test of another thread sets it
            await asyncio.sleep(0.02)
        return self.answers


def test_a_store_that_dies_between_a_delivery_and_its_record_has_the_mail_sent_once(store: TestStore) -> None:
    shipped(store, october())
    with (
        mail_server(StuckMailbox(takes_it=True)) as mailbox,
        hub_at(store, "hub1", mailing(mailbox.port)) as one,
    ):
        assert isinstance(mailbox, StuckMailbox)
        one.issued()
        assert mailbox.is_stuck.wait(60)
        store.server.kill()
        wait_until(lambda: one.told("status")["not_ready"], "it to be noticed")
        mailbox.goes_on.set()
        store.server.start()
        wait_until(lambda: delivered(store), "it to be put on record")
        one.corrected()
        one.issued()
        wait_until(lambda: len(delivered(store)) == 2, "the next version")
        assert len(mailbox.mails) == 2


def test_a_monitor_that_has_a_hub_leaves_issuing_to_it(store: TestStore) -> None:
    month, _, _ = last_month()
    with simulated(2, clients=("acme",)) as vcenter, running(monitor(store, vcenter, "mon1")) as one:
        one.wait(lambda found: bool(by_server(found, "slad_server_up")), "servers")
        refused = slad(one, "statement", "issue", "acme", "--month", month)
        assert (refused.exit_code, "ask the hub" in refused.output) == (1, True), refused.output
        of_all = slad(one, "statement", "issue", "--all", "--month", month)
        assert (of_all.exit_code, of_all.output.count("ask the hub")) == (1, 1), (
            "once, of however many clients"
        )


def last_month() -> tuple[str, str, list[Line]]:
    """A month that is over by the machine's own clock, by the clock of which zone, and evidence of it."""
    at = now()
    zone = next(
        zone
        for zone in ("UTC", "Pacific/Honolulu")  # where the month has just begun it would be too late soon
        if at - calendar_of(zone).month_span(calendar_of(zone).month_of(at))[0] > HOUR
    )
    calendar = calendar_of(zone)
    began = calendar.month_span(calendar.month_of(at))[0]
    month = calendar.month_of(Instant(began - 1))
    since, long_ago = calendar.month_span(month)[0], format_instant(Instant(began - 90 * DAY))
    down, up = (format_instant(Instant(since + 5 * DAY + hours * HOUR)) for hours in (0, 1))
    lines: list[Line] = []
    for name, its in (("acme", "s"), ("beta", "t")):
        lines += [
            client(name, zone=zone, name=name, recorded_at=long_ago),
            server(its, long_ago, client=name, recorded_at=long_ago),
            says("up", long_ago, server=its),
            says("down", down, server=its),
            says("up", up, server=its),
        ]
    return str(month), zone, in_order([*lines, seen(format_instant(Instant(at - MINUTE)))])


@pytest.mark.parametrize("takes_it", [False, True])
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_hub_that_ends_in_the_middle_of_a_delivery_leaves_one_mail_or_the_same_once_more(
    store: TestStore, how: str, takes_it: bool
) -> None:
    month, zone, lines = last_month()
    shipped(store, lines)
    with mail_server(StuckMailbox(takes_it=takes_it)) as mailbox:
        assert isinstance(mailbox, StuckMailbox)

        def hub_process(name: str) -> Daemon:
            daemon = hub(store, name)
            clients = [
                f'[client.{each}]\nname = "{each}"\ntimezone = "{zone}"\n' for each in ("beta", "acme")
            ]
            mail = mailing(mailbox.port)
            daemon.config.write_text(
                f'{daemon.config.read_text()}{clients[0]}statement_recipients = ["{ANN}"]\n{clients[1]}{mail}\n'
            )
            return daemon

        with running(hub_process("hub1")) as one:
            wait_until(lambda: is_active(one) and is_ready(one), "the first")
            with running(hub_process("hub2")) as two:
                wait_until(lambda: is_ready(two), "the second")
                issued = slad(one, "statement", "issue", "acme", "--month", month, "--format", "json")
                assert issued.exit_code == 0, issued.output
                assert mailbox.is_stuck.wait(60)
                assert delivered(store) == [], "nothing is on record that is not done"
                if how == "killed":
                    one.kill()
                else:
                    one.send(signal.SIGSTOP)
                wait_until(lambda: delivered(store), "the other to deliver it")
                if how == "killed":
                    one.start()
                else:
                    mailbox.goes_on.set()
                    one.send(signal.SIGCONT)
                wait_until(lambda: is_ready(one) and not is_active(one), "the first to follow")
                later = slad(two, "statement", "issue", "beta", "--month", month)
                assert later.exit_code == 0, later.output
                wait_until(lambda: len(delivered(store)) == 2, "what is issued then")
                two.kill()
                wait_until(lambda: is_active(one) and is_ready(one), "it to take over again")
                linked = slad(one, "client", "link", "acme")
                assert linked.exit_code == 0, linked.output
                assert slad(one, "statement", "verify", "acme", "--month", month).exit_code == 0
    digest = json.loads(issued.stdout)["sha256"]
    of_acme = [mail["Message-ID"] for mail in mailbox.mails if digest in str(mail["Message-ID"])]
    assert of_acme == [f"<{digest}@nordhost.example>"] * (2 if takes_it else 1)
    assert len(mailbox.mails) == len(of_acme) + 1
