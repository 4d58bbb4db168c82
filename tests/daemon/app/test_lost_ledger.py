"""A ledger that is moved away, exchanged or damaged under a daemon, or is not what it was at its start: somebody is told, and what
was acknowledged is there afterwards."""

import asyncio
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.app import App, Meant
from daemon.cli import main
from daemon.config.loading import load
from daemon.ledger import LedgerDamagedError, LedgerMissingError, LedgerWentBackError
from daemon.recording import committing
from tests.daemon.harness import fetched, running_app, scraped, simulated, write_config
from tests.waiting import until


def slad(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--socket", str(folder / "control.sock")])


def exclude(folder: Path, reference: str) -> Result:
    window = ("--from", "2026-11-01T03:00Z", "--until", "2026-11-01T04:00Z")
    return slad(
        folder, "exclusion", "add", "force_majeure", *window, "--reference", reference, "--client", "acme"
    )


def references(folder: Path) -> set[str]:
    exported = slad(folder, "export")
    assert exported.exit_code == 0, exported.output
    return {word for word in ("before", "after", "again") if f'"reference":"{word}"' in exported.stdout}


async def ended(config: Path, meant: Meant | None = None) -> BaseException:
    """What a daemon ends with that cannot start, or cannot go on."""
    try:
        await (App(load(config, {}), {}) if meant is None else App(load(config, {}), {}, meant=meant)).run()
    except BaseException as error:  # noqa: BLE001  whichever it is
        return error
    raise AssertionError("it stopped as if it was asked to")


async def test_one_that_is_moved_away_takes_no_records_and_goes_on_once_it_is_back(tmp_path: Path) -> None:
    ledger, aside = tmp_path / "ledger.db", tmp_path / "aside.db"
    with simulated(2) as vcenter:
        async with running_app(write_config(tmp_path, vcenter)) as app:
            port = app.addresses[0][1]
            await until(lambda: fetched(port, "/-/ready")[0] == 200, "readiness")
            assert (await asyncio.to_thread(exclude, tmp_path, "before")).exit_code == 0
            assert (await asyncio.to_thread(fetched, port, "/metrics"))[0] == 200
            ledger.rename(aside)
            await until(lambda: fetched(port, "/-/ready")[0] == 503, "that it is told")
            assert "is gone" in (await asyncio.to_thread(fetched, port, "/-/ready"))[1]
            assert (await asyncio.to_thread(fetched, port, "/metrics"))[0] == 200
            assert (await asyncio.to_thread(exclude, tmp_path, "after")).exit_code != 0
            aside.rename(ledger)
            await until(lambda: fetched(port, "/-/ready")[0] == 200, "readiness again")
            assert (await asyncio.to_thread(exclude, tmp_path, "again")).exit_code == 0
            assert await asyncio.to_thread(references, tmp_path) == {"before", "again"}


async def test_another_file_in_its_place_ends_it_and_is_refused_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "RETRY_S", 0.05)
    ledger = tmp_path / "ledger.db"
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter)

        async def exchange() -> None:
            async with running_app(config) as app:
                port = app.addresses[0][1]
                await until(lambda: fetched(port, "/-/ready")[0] == 200, "readiness")
                shutil.copy(ledger, tmp_path / "copy.db")
                assert (await asyncio.to_thread(exclude, tmp_path, "before")).exit_code == 0
                (tmp_path / "copy.db").rename(ledger)
                await asyncio.sleep(60)  # its end cancels this

        with pytest.raises(ExceptionGroup) as ends:
            await exchange()
        assert ends.group_contains(LedgerDamagedError, match="acknowledged last")
        assert "are missing" in str(await ended(config))


async def test_one_that_is_gone_is_no_fresh_start_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter)
        async with running_app(config) as app:
            await until(lambda: fetched(app.addresses[0][1], "/-/ready")[0] == 200, "readiness")
        assert "ledger_begun" in "".join(capsys.readouterr()), "the first start is told too"
        (tmp_path / "ledger.db").unlink()
        assert isinstance(await ended(config), LedgerMissingError)
        async with running_app(config, meant=Meant(new_ledger=True)) as app:
            await until(lambda: fetched(app.addresses[0][1], "/-/ready")[0] == 200, "readiness")
            told = (await asyncio.to_thread(fetched, app.addresses[0][1], "/metrics"))[1]
            assert "slad_ledger_begun_timestamp_seconds" in told
        assert "ledger_begun" in "".join(capsys.readouterr())


async def test_an_older_copy_is_refused_and_why_it_is_accepted_is_on_record(tmp_path: Path) -> None:
    ledger, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter)
        async with running_app(config) as app:
            await until(lambda: fetched(app.addresses[0][1], "/-/ready")[0] == 200, "readiness")
        shutil.copy(ledger, copy)
        async with running_app(config):
            assert (await asyncio.to_thread(exclude, tmp_path, "before")).exit_code == 0
        copy.rename(ledger)
        assert isinstance(await ended(config), LedgerWentBackError)
        async with running_app(config, meant=Meant(older_ledger="the disk died")):
            exported = (await asyncio.to_thread(slad, tmp_path, "export")).stdout
        (accepted,) = [line for line in exported.splitlines() if "slad.LossAccepted" in line]
        assert "are missing. Why that was accepted: the disk died" in accepted
        async with running_app(config):
            assert await asyncio.to_thread(references, tmp_path) == set()


async def test_bytes_that_were_overwritten_on_the_disk_are_noticed_while_it_runs(tmp_path: Path) -> None:
    with simulated(24) as vcenter:
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await until(lambda: fetched(app.addresses[0][1], "/-/ready")[0] == 200, "readiness")
            records = ("slad_ledger_records", frozenset[tuple[str, str]]())
            # What is written now is no longer on the first pages.
            await until(lambda: scraped(*app.addresses[0]).get(records, 0) > 60, "some records")
            proof = await asyncio.to_thread(slad, tmp_path, "verify")
            assert "In this chain is the head that the daemon acknowledged" in proof.stdout
            body = b'"kind":"client"'
            ledger = tmp_path / "ledger.db"
            told = ledger.read_bytes()
            with ledger.open("r+b") as file:
                file.seek(told.index(body))
                file.write(body.replace(b"client", b"cLient"))
            proof = await asyncio.to_thread(slad, tmp_path, "verify")
            assert proof.exit_code == 1, proof.output
            with ledger.open("r+b") as file:
                file.seek(told.index(body))
                file.write(body)
            assert (await asyncio.to_thread(slad, tmp_path, "verify")).exit_code == 0
