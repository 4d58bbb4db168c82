"""How slad logs: JSON lines on stderr for journald, a readable form on a terminal; nothing else gets into the log.

What libraries log, what a thread dies of and what Python cannot raise anywhere become events too. An exception that this machine
is the reason of (`daemon.os_faults`) is told in a sentence, as `error`; one that slad is the reason of with its traceback.
"""

import logging
import sys
import threading
from contextlib import suppress
from typing import Any, Final, Literal, TextIO

import structlog

from daemon.os_faults import os_fault
from sla.texts import printable

_REPEATED_S: Final = 60.0
"""So long a library's message is not repeated: asyncio has the same one for each connection that it cannot accept."""
_MOST_MESSAGES: Final = 1000
"""That are remembered as told."""

Form = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_log = structlog.get_logger(__name__)


def set_up(form: Form | None = None, stream: TextIO = sys.stderr, level: Level = "info") -> None:
    """Configure logging for the process; `form` None chooses by whether `stream` is a terminal.

    `level`: the least of what is told; of what libraries say nothing below a warning ever is.
    """
    if form is None:
        form = "console" if stream.isatty() else "json"
    rendered: tuple[structlog.typing.Processor, ...] = (
        (structlog.processors.JSONRenderer(),)
        if form == "json"
        else (_printable_values, structlog.dev.ConsoleRenderer())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            _sentence_of_os_fault,
            structlog.processors.format_exc_info,
            *rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.getLogger().handlers = [_FromLibraries(logging.WARNING)]
    logging.captureWarnings(True)
    threading.excepthook = _thread_died
    sys.unraisablehook = _not_raised


class _FromLibraries(logging.Handler):
    """What libraries log, as events: each message once in a while, with how often it came since."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        message = record.getMessage()
        key = record.name, message.partition("\n")[0]
        told_at, left_out = self._told.get(key, (0.0, 0))
        if abs(record.created - told_at) < _REPEATED_S:
            self._told[key] = told_at, left_out + 1
            return
        if len(self._told) >= _MOST_MESSAGES:
            self._told.clear()
        self._told[key] = record.created, 0
        error = record.exc_info[1] if record.exc_info else None
        tell = _log.error if record.levelno >= logging.ERROR else _log.warning
        tell("library_complained", library=record.name, text=message, left_out=left_out, exc_info=error)


def _thread_died(died: threading.ExceptHookArgs) -> None:
    _log.error("thread_died", thread=died.thread.name if died.thread else "", exc_info=died.exc_value)


def _not_raised(unraisable: "sys.UnraisableHookArgs") -> None:
    with suppress(ValueError):  # at the very end the log is closed
        _log.error("exception_not_raised", where=repr(unraisable.object), error=repr(unraisable.exc_value))


def _sentence_of_os_fault(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    exc_info = event.get("exc_info")
    error = sys.exc_info()[1] if exc_info is True else exc_info
    fault = os_fault(error) if isinstance(error, BaseException) else None
    if fault is None:
        return event
    del event["exc_info"]
    return {**event, "error": fault}


def _printable_values(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """JSON escapes what does not show; where lines are for people that has to be done here."""
    return {
        key: _printable_trace(value) if key in ("exception", "stack") else _printable(value)
        for key, value in event.items()
    }


def _printable(value: Any) -> str:
    return printable(value if isinstance(value, str) else repr(value))


def _printable_trace(trace: str) -> str:
    """Lines that can be taken for no event: they are indented."""
    return "\n".join(f"    {printable(line)}" for line in trace.split("\n"))
