"""A configuration is in force in every part, or in none."""

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from daemon.app.reloader import FIXED, Reloader
from daemon.clock import SystemClock
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.control.api import ControlApiError
from daemon.metrics import Metrics
from daemon.systemd import Systemd
from probes.vcenter.faults import CertificateError

TEXT = 'observer = "{observer}"\n[ledger]\npath = "ledger.db"\n'


class Remembering:
    """Follows what it is told, unless it is to refuse it."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.followed: list[str] = []

    def adopt(self, config: Config) -> None:
        if self.refusal is not None and config.observer == "after":
            raise self.refusal
        self.followed.append(config.observer)


def written(folder: Path, observer: str) -> Path:
    path = folder / "slad.toml"
    path.write_text(TEXT.format(observer=observer))
    return path


class Told(Systemd):
    """Hears that a reload is over."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), {})
        self.is_ready = asyncio.Event()

    def ready(self) -> None:
        self.is_ready.set()


def reloader_of(
    folder: Path, *parts: Remembering, observer: str = "before", fixed: Collection[str] = FIXED
) -> Reloader:
    return Reloader(
        load(written(folder, observer), {}),
        {},
        parts,
        clock=SystemClock(),
        metrics=Metrics().process,
        systemd=Told(),
        fixed=fixed,
    )


async def reloaded(reloader: Reloader) -> list[str]:
    """The events that one reload logged."""
    return [log["event"] for log in await logged(reloader)]


async def logged(reloader: Reloader) -> list[EventDict]:
    """What one reload logged."""
    told = reloader._systemd
    assert isinstance(told, Told)
    told.is_ready.clear()
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(reloader.run())
            reloader.ask()
            async with asyncio.timeout(30):
                await told.is_ready.wait()
            running.cancel()
    return list(logs)


async def test_the_parts_follow_in_their_order_and_what_needs_a_restart_is_told(tmp_path: Path) -> None:
    first, second = Remembering(), Remembering()
    reloader = reloader_of(tmp_path, first, second)
    reloader.start()
    written(tmp_path, "after")
    assert await reloaded(reloader) == ["restart_needed", "config_reloaded"]
    assert first.followed == second.followed == ["before", "after"]


@pytest.mark.parametrize("refusal", [ControlApiError("no key"), CertificateError("no certificate")])
async def test_what_one_part_refuses_is_in_force_in_none(tmp_path: Path, refusal: Exception) -> None:
    first, refusing, last = Remembering(), Remembering(refusal), Remembering()
    reloader = reloader_of(tmp_path, first, refusing, last)
    reloader.start()
    written(tmp_path, "after")
    assert await reloaded(reloader) == ["reload_refused"]
    assert first.followed[-1] == "before"
    assert last.followed == refusing.followed == ["before"]
    written(tmp_path, "later")
    assert await reloaded(reloader) == ["restart_needed", "config_reloaded"]
    assert first.followed[-1] == refusing.followed[-1] == last.followed[-1] == "later"


async def test_a_configuration_that_cannot_be_read_reaches_no_part(tmp_path: Path) -> None:
    part = Remembering()
    reloader = reloader_of(tmp_path, part)
    reloader.start()
    (tmp_path / "slad.toml").write_text("observer = ")
    assert await reloaded(reloader) == ["reload_refused"]
    assert part.followed == ["before"]


@pytest.mark.parametrize("more", [(), ("hub", "vcenters")])
async def test_what_no_part_follows_before_a_restart_is_told(tmp_path: Path, more: tuple[str, ...]) -> None:
    """Which store it follows a hub knows from its start, and a monitor ships to another at once."""
    reloader = reloader_of(tmp_path, fixed=(*FIXED, *more))
    reloader.start()
    (tmp_path / "password").write_text("secret")
    (tmp_path / "slad.toml").write_text(
        'observer = "before"\n[ledger]\npath = "other.db"\n[web]\nlisten = ["127.0.0.1:0"]\n[control]\nsocket = "other.sock"\n'
        '[hub]\ndsn = "postgresql://slad-hub@/slad?host=/tmp"\n'
        '[vcenter.vc1]\naddress = "127.0.0.1:9"\nuser = "slad"\npassword_file = "password"\n'
    )
    told = [log["section"] for log in await logged(reloader) if log["event"] == "restart_needed"]
    assert told == ["ledger", "web", "control", *more]


def test_what_is_refused_at_the_start_is_raised(tmp_path: Path) -> None:
    reloader = reloader_of(tmp_path, Remembering(ControlApiError("no key")), observer="after")
    with pytest.raises(ControlApiError, match="no key"):
        reloader.start()
