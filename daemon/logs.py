"""How slad logs: JSON lines on stderr for journald, a readable form on a terminal."""

import logging
import sys
from typing import Literal, TextIO

import structlog


def set_up(form: Literal["json", "console"] | None = None, stream: TextIO = sys.stderr) -> None:
    """Configure structlog for the process; `form` None chooses by whether `stream` is a terminal."""
    if form is None:
        form = "console" if stream.isatty() else "json"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([structlog.processors.format_exc_info] if form == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
