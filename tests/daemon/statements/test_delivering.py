"""Issued statements are brought into a folder and to a mail server, once: whatever the disk and the server do."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from daemon.config.config import Config
from daemon.metrics import StatementMetrics
from daemon.statements import delivering as room
from daemon.statements import mail
from daemon.statements.register import StatementRegister
from sla.instants import Instant, parse_instant
from tests.daemon.cli.issuing import ACME, MONTH, Issuer, issuer, october
from tests.peers.smtp import PASSWORD, USER, Mailbox, mail_server
from tests.sla.stories import book_of, records_of
from tests.waiting import wait_until

ANN, BOB = "ann@acme.example", "bob@acme.example"
RECIPIENTS = ACME + f'\nstatement_recipients = ["{ANN}", "{BOB}"]'


class Looks:
    """How often the deliveries of a test were looked at."""

    def __init__(self) -> None:
        self.done = 0

    def wait(self) -> None:
        """For a look that begins from now on to end."""
        enough = self.done + 2
        wait(lambda: self.done >= enough, "a look")


def wait(condition: Callable[[], object], what: str) -> None:
    wait_until(lambda: condition() or None, what)


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    counted, look = Looks(), room.Deliveries.look

    async def counting(deliveries: room.Deliveries) -> None:
        await look(deliveries)
        counted.done += 1

    monkeypatch.setattr(room, "LOOK_S", 0.02)
    monkeypatch.setattr(room, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(room, "LAST_RETRY_S", 0.05)
    monkeypatch.setattr(room.Deliveries, "look", counting)
    return counted


def mailing(port: int, *, folder: Path | None = None, more: str = 'tls = "none"') -> dict[str, Any]:
    into = "" if folder is None else f'folder = "{folder}"\n'
    smtp = f'[statements.smtp]\nhost = "127.0.0.1"\nport = {port}\nsender = "statements@nordhost.example"\n{more}'
    return {"statements": f'[statements]\nformats = ["text", "json"]\n{into}{smtp}', "client": RECIPIENTS}


def filing(folder: Path) -> dict[str, Any]:
    return {"statements": f'[statements]\nformats = ["html", "json", "csv"]\nfolder = "{folder}"'}


def failing(issuing: Issuer) -> list[dict[str, Any]]:
    return list(issuing.told("status")["undelivered"])


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def attached(message: EmailMessage) -> dict[str, bytes]:
    return {str(part.get_filename()): part.get_content() for part in message.iter_attachments()}


# The folder


def test_a_version_is_put_into_a_folder_of_its_own_whole(tmp_path: Path, looks: Looks) -> None:
    folder = tmp_path / "delivered"
    folder.mkdir()
    with issuer(tmp_path, **filing(folder)) as issuing:
        digest = issuing.issued()["sha256"]
        place = folder / "acme" / f"{MONTH}-v1"
        wait(place.exists, "it is delivered")
        stem = f"acme-{MONTH}-v1"
        names = {path.name for path in place.iterdir()}
        assert names == {f"{stem}.html", f"{stem}.json", f"{stem}-servers.csv", f"{stem}-outages.csv"}
        assert sha256((place / f"{stem}.json").read_bytes()).hexdigest() == digest
        issuing.corrected()
        issuing.issued()
        wait((folder / "acme" / f"{MONTH}-v2").exists, "the next version")
        looks.wait()
        assert names_in(folder / "acme") == [f"{MONTH}-v1", f"{MONTH}-v2"], "nothing is left over"
    for version in ("1", "2"):
        for path in (folder / "acme" / f"{MONTH}-v{version}").iterdir():
            path.unlink()
        (folder / "acme" / f"{MONTH}-v{version}").rmdir()
    with issuer(tmp_path, **filing(folder)):
        looks.wait()
        assert names_in(folder / "acme") == [], "it is on record that it was delivered"


def test_a_folder_that_takes_nothing_gets_nothing_and_is_told_until_it_does(
    tmp_path: Path, looks: Looks
) -> None:
    folder = tmp_path / "later"
    with issuer(tmp_path, **filing(folder)) as issuing:
        issuing.issued()
        wait(lambda: failing(issuing), "it is told")
        (told,) = failing(issuing)
        assert (told["client"], told["month"], told["way"]) == ("acme", MONTH, "folder")
        assert "No such file or directory: make it, or name another place" in told["why"]
        assert "undelivered statement" in issuing.done("status")
        (tmp_path / "aside" / "acme" / f"{MONTH}-v1").mkdir(parents=True)
        (tmp_path / "aside").rename(folder)  # at once: what is delivered meanwhile would take the place
        wait(
            lambda: "holds something else" in "".join(row["why"] for row in failing(issuing)), "that is told"
        )
        (folder / "acme" / f"{MONTH}-v1").rmdir()
        wait(lambda: not failing(issuing), "it is delivered")
        looks.wait()
        assert len(names_in(folder / "acme" / f"{MONTH}-v1")) == 4


def test_a_write_that_fails_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, synced = tmp_path / "delivered", os.fsync
    folder.mkdir()
    calls: list[int] = []

    def full(descriptor: int) -> None:
        if str(folder) in str(
            Path(f"/proc/self/fd/{descriptor}").readlink()
        ):  # the daemon syncs files of its own too
            calls.append(descriptor)
            if len(calls) == 2:
                raise OSError(28, "No space left on device", "a file")
        synced(descriptor)

    with issuer(tmp_path, **filing(folder)) as issuing:
        monkeypatch.setattr(os, "fsync", full)
        monkeypatch.setattr(room, "FIRST_RETRY_S", 3600.0)
        monkeypatch.setattr(room, "LAST_RETRY_S", 3600.0)
        issuing.issued()
        wait(lambda: failing(issuing), "it is told")
        assert "No space left on device" in failing(issuing)[0]["why"]
        assert names_in(folder / "acme") == []


@pytest.mark.parametrize("client", ["..", ".", "../x", "a/b", "\x1b[31m", "ä"])
def test_whatever_a_client_is_called_its_file_is_below_the_folder(client: str) -> None:
    name = room._file_name(client)
    assert name.isascii()
    assert name.isprintable()
    assert name.strip(".")
    assert "/" not in name


# Mail


def test_a_statement_is_mailed_once_with_what_is_configured(tmp_path: Path, looks: Looks) -> None:
    with mail_server(Mailbox()) as server:
        with issuer(tmp_path, **mailing(server.port)) as issuing:
            digest = issuing.issued()["sha256"]
            wait(lambda: server.mails, "it is mailed")
            looks.wait()
        with issuer(tmp_path, **mailing(server.port)) as issuing:
            looks.wait()
            events = [json.loads(line) for line in issuing.done("export").splitlines()]
            assert '"kind":"event"' not in issuing.done("export", "--client", "acme")
    (message,) = server.mails
    assert server.envelopes == [[ANN, BOB]]
    assert message["Message-ID"] == f"<{digest}@nordhost.example>"
    assert (message["To"], message["From"]) == (f"{ANN}, {BOB}", "statements@nordhost.example")
    assert message["Subject"] == "Statement of service, October 2026: ACME"
    assert message["Auto-Submitted"] == "auto-generated"
    stem = f"acme-{MONTH}-v1"
    files = attached(message)
    assert set(files) == {f"{stem}.txt", f"{stem}.json"}
    assert sha256(files[f"{stem}.json"]).hexdigest() == digest
    body = message.get_body()
    assert body is not None
    assert "October 2026" in body.get_content()
    places = [each["text"] for each in events if each.get("type") == "slad.StatementDelivered"]
    assert places == [f"smtp {ANN}", f"smtp {BOB}"]


def test_who_refuses_is_tried_again_and_nobody_gets_it_twice(tmp_path: Path, looks: Looks) -> None:
    with mail_server(Mailbox(refuses={BOB: "550 no such user"})) as server:
        with issuer(tmp_path, **mailing(server.port)) as issuing:
            issuing.issued()
            wait(lambda: failing(issuing) and failing(issuing)[0]["attempts"] > 2, "it is tried again")
            assert f"{BOB}: 550 no such user" in failing(issuing)[0]["why"]
        with issuer(tmp_path, **mailing(server.port)) as issuing:
            looks.wait()
            server.refuses.clear()
            wait(lambda: not failing(issuing) and len(server.mails) == 2, "the other has it")
            looks.wait()
    assert server.envelopes == [[ANN], [BOB]]
    assert server.mails[0]["Message-ID"] == server.mails[1]["Message-ID"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"answers": "554 no spam"}, "554"),
        ({"answers": "451 later"}, "451"),
        ({"drops": "MAIL"}, "127.0.0.1:"),
        ({"drops": "DATA"}, "127.0.0.1:"),
        ({"refuses": {ANN: "550 no", BOB: "450 busy"}}, f"{ANN}: 550 no; {BOB}: 450 busy"),
    ],
)
def test_a_server_that_does_not_take_it_is_told_and_asked_again(
    tmp_path: Path, trouble: dict[str, Any], said: str
) -> None:
    with mail_server(Mailbox(**trouble)) as server, issuer(tmp_path, **mailing(server.port)) as issuing:
        issuing.issued()
        wait(lambda: failing(issuing) and server.tries > 1, "it is tried again")
        assert said in failing(issuing)[0]["why"]
        assert server.mails == []
        server.answers, server.drops, server.refuses = "250 taken", "", {}
        wait(lambda: not failing(issuing), "it is mailed")
        assert [message["Message-ID"] for message in server.mails] == [server.mails[0]["Message-ID"]]


def test_a_server_that_hangs_up_after_it_took_it_gets_the_same_message_again(tmp_path: Path) -> None:
    """It could not say that it did: by the Message-ID the recipient can tell that it is the same."""
    with mail_server(Mailbox(drops="TAKEN")) as server, issuer(tmp_path, **mailing(server.port)) as issuing:
        issuing.issued()
        wait(lambda: len(server.mails) > 1, "it is sent again")
        server.drops = ""
        wait(lambda: not failing(issuing), "it says so")
    assert len({message["Message-ID"] for message in server.mails}) == 1
    assert len({message["Date"] for message in server.mails}) == 1


def test_a_server_that_hangs_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "COMMAND_S", 0.2)
    folder = tmp_path / "delivered"
    folder.mkdir()
    with (
        mail_server(Mailbox(hangs=True)) as server,
        issuer(tmp_path, **mailing(server.port, folder=folder)) as issuing,
    ):
        issuing.issued()
        wait(lambda: failing(issuing), "it is told")
        assert [row["way"] for row in failing(issuing)] == ["smtp"]
        assert "imed out" in failing(issuing)[0]["why"]
        issuing.corrected()
        assert issuing.issued()["version"] == 2
        wait((folder / "acme" / f"{MONTH}-v2").exists, "the folder has it")
        server.hangs = False
        wait(lambda: server.mails and not failing(issuing), "it is mailed")
        assert "-v2" in str(list(attached(server.mails[-1]))), "of two versions the newest"


def test_a_stop_waits_for_no_server_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "COMMAND_S", 300.0)
    with mail_server(Mailbox(hangs=True)) as server, issuer(tmp_path, **mailing(server.port)) as issuing:
        issuing.issued()
        wait(lambda: server.tries, "it is asked")


def test_nobody_listens(tmp_path: Path) -> None:
    with mail_server(Mailbox()) as server:
        port = server.port
    with issuer(tmp_path, **mailing(port)) as issuing:
        issuing.issued()
        wait(lambda: failing(issuing), "it is told")
        with mail_server(Mailbox(), port=port) as server:
            wait(lambda: server.mails and not failing(issuing), "it is mailed")


def test_it_logs_in_over_tls_and_believes_only_who_proves_who_it_is(tmp_path: Path) -> None:
    (tmp_path / "mail.password").write_text(PASSWORD + "\n")
    (tmp_path / "mail.password").chmod(0o600)
    login = f'user = "{USER}"\npassword_file = "mail.password"\n'
    with mail_server(Mailbox(), tls=tmp_path) as server:
        with issuer(tmp_path, **mailing(server.port, more=login)) as issuing:
            issuing.issued()
            wait(lambda: failing(issuing), "it is told")
            assert "certificate verify failed" in failing(issuing)[0]["why"]
        (tmp_path / "mail.password").write_text("wrong\n")
        with issuer(tmp_path, **mailing(server.port, more=f'{login}ca_file = "ca.pem"')) as issuing:
            wait(lambda: failing(issuing), "it is told")
            assert "535" in failing(issuing)[0]["why"]
            assert "wrong" not in issuing.done("status")
            (tmp_path / "mail.password").write_text(PASSWORD + "\n")
            wait(lambda: not failing(issuing) and server.mails, "it is mailed")


def test_what_was_issued_long_ago_is_delivered_to_nobody(
    tmp_path: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuer(tmp_path) as issuing:
        issuing.issued()
    monkeypatch.setattr(room, "DELIVERED_WITHIN", 0)
    with mail_server(Mailbox()) as server, issuer(tmp_path, **mailing(server.port)) as issuing:
        looks.wait()
        assert server.tries == 0


# Of several hubs


@dataclass
class OneOfTwoHubs:
    """Deliveries of a hub, of which another may have delivered what it does not know of yet."""

    folder: Path
    writes_next: bool
    knows_later: bool

    def __post_init__(self) -> None:
        version = {"client": "acme", "month": MONTH, "as_of": "2026-11-02T00:00:00Z", "version": 1}
        issued = {"kind": "issued", **version, "sha256": "a" * 64, "recorded_at": "2026-11-02T00:00:00Z"}
        book = book_of([*october(), issued])
        self.asked: list[str] = []
        self.register = StatementRegister(book)
        part = cast(Any, self)
        self.deliveries = room.Deliveries(
            clock=part,
            book=book,
            register=self.register,
            ledger=part,
            letterhead=part,
            commit=part,
            writes_next=self.ask_the_store,
            metrics=StatementMetrics(CollectorRegistry()),
        )
        statements = SimpleNamespace(folder=self.folder, smtp=None)
        self.deliveries.adopt(cast(Config, SimpleNamespace(statements=statements, clients={})))

    def now(self) -> Instant:
        return parse_instant("2026-11-02T00:01:00Z")

    def monotonic_us(self) -> int:
        return 0

    async def ask_the_store(self) -> bool:
        if self.knows_later:
            (record,) = records_of(
                [
                    {
                        "kind": "event",
                        "source": "slad",
                        "key": "a" * 64,
                        "type": "slad.StatementDelivered",
                        "at": "2026-11-02T00:00:30Z",
                        "server": None,
                        "user": "",
                        "text": f"folder {self.folder}",
                        "recorded_at": "2026-11-02T00:00:30Z",
                    }
                ]
            )
            self.register.take(record)
        return self.writes_next

    async def document(self, sha256: str) -> None:
        self.asked.append(sha256)


@pytest.mark.parametrize(
    ("writes_next", "knows_later", "attempts"), [(True, False, 1), (False, False, 0), (True, True, 0)]
)
async def test_nothing_is_brought_by_whom_the_store_calls_passive_or_that_another_brought_meanwhile(
    tmp_path: Path, writes_next: bool, knows_later: bool, attempts: int
) -> None:
    hub = OneOfTwoHubs(tmp_path, writes_next, knows_later)
    await hub.deliveries.look()
    assert hub.asked == ["a" * 64] * attempts
    assert len(hub.deliveries.failing) == attempts, "here there are no bytes"
