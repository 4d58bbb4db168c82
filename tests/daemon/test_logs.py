"""Nothing but events gets into the log, and no name forges one, hides in one or steers the terminal that shows it."""

import errno
import io
import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from daemon import logs
from tests.hostile import HOSTILE

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging is of the whole process, and is set up once in its life."""
    monkeypatch.setattr(logs, "_log", structlog.get_logger())
    root = logging.getLogger()
    handlers, hooks = root.handlers, (threading.excepthook, sys.unraisablehook)
    yield
    root.handlers = handlers
    threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    structlog.reset_defaults()


class Log:
    """What stands in a log."""

    def __init__(self, form: Any, level: logs.Level = "info") -> None:
        self._stream = io.StringIO()
        structlog.reset_defaults()
        logs.set_up(form, self._stream, level)

    @property
    def lines(self) -> list[str]:
        return COLOURS.sub("", self._stream.getvalue()).removesuffix("\n").split("\n")

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def everything_hostile() -> None:
    """An event for each way in which a text gets into the log."""
    log = structlog.get_logger()
    log.info(HOSTILE, name=HOSTILE, names=[HOSTILE], of={HOSTILE: 1}, error=ValueError(HOSTILE))
    log.error("failed", stack_info=True, exc_info=ValueError(HOSTILE))
    log.error("failed", exc_info=OSError(errno.EACCES, HOSTILE, HOSTILE))
    logging.getLogger(HOSTILE).error("%s", HOSTILE, exc_info=ValueError(HOSTILE))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(HOSTILE, stacklevel=1)
    dying = threading.Thread(target=lambda: int(HOSTILE), name=HOSTILE)
    dying.start()
    dying.join()
    unraisable = SimpleNamespace(exc_value=ValueError(HOSTILE), object=HOSTILE)
    sys.unraisablehook(cast("sys.UnraisableHookArgs", unraisable))


def test_json_has_an_event_a_line_and_all_of_it_shows() -> None:
    log = Log("json")
    everything_hostile()
    assert all(line.isprintable() for line in log.lines)
    assert len(log.events) == 7
    assert log.events[0]["name"] == HOSTILE


def test_on_a_terminal_all_of_it_shows_and_no_line_is_forged() -> None:
    log = Log("console")
    everything_hostile()
    assert all(line.isprintable() for line in log.lines)
    forged = [line for line in log.lines if not re.match(r"    |\d{4}-\d\d-\d\dT|=*$", line)]
    assert not forged


def test_what_the_machine_is_the_reason_of_is_a_sentence_and_a_defect_has_its_traceback() -> None:
    log = Log("json")
    for error in (OSError(errno.EMFILE, "Too many open files"), MemoryError(), ZeroDivisionError("by zero")):
        structlog.get_logger().error("failed", exc_info=error)
    descriptors, memory, defect = log.events
    assert descriptors["error"] == "Too many open files: allow slad more open files (ulimit -n, LimitNOFILE=)"
    assert memory["error"].startswith("memory ran out: give slad more memory")
    assert "exception" not in {*descriptors, *memory}
    assert defect["exception"] == "ZeroDivisionError: by zero"


@pytest.mark.parametrize(
    ("level", "told"),
    [("debug", "debug info warning error"), ("info", "info warning error"), ("error", "error")],
)
def test_nothing_below_the_level_is_told(level: logs.Level, told: str) -> None:
    log = Log("json", level)
    for each in ("debug", "info", "warning", "error"):
        structlog.get_logger().log(getattr(logging, each.upper()), "happened")
    assert [event["level"] for event in log.events] == told.split()


def test_a_library_that_repeats_itself_is_heard_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log("json")
    told = logging.LogRecord(
        "asyncio", logging.ERROR, "", 0, "out of system resource\nsocket: %s", ("",), None
    )
    for second in (*range(100), 100 + logs._REPEATED_S):
        told.created, told.args = 1_000_000 + second, (str(second),)
        logging.getLogger().handle(told)
    assert [event["left_out"] for event in log.events] == [0, 59, 39]
