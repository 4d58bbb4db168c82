"""The program `slad`: a command, and how it ends: done, or with a sentence that says what to do, never with a traceback.

What a command itself has to tell it tells; here ends what any command can meet, with one exit status each
(`docs/slad-commands.md`): 70 a defect of slad's own, 74 this machine refused (`daemon.os_faults`), 130 interrupted, 141 nobody reads
the output any more, 143 terminated. `SLAD_TRACEBACK=1` shows the traceback of what ended it, for a report.
"""

import logging
import os
import signal
import sys
import traceback
import warnings
from contextlib import suppress
from io import TextIOWrapper
from types import FrameType
from typing import Final, NoReturn

from daemon.os_faults import nobody_reads, os_fault
from sla.texts import printable

EXIT_DEFECT: Final = 70
EXIT_MACHINE: Final = 74
_BY_SIGNAL: Final = 128
_STDIN, _STDOUT, _STDERR = range(3)


def main() -> NoReturn:
    """Run the command that the arguments name."""
    terminations: list[int] = []

    def terminate(number: int, _frame: FrameType | None) -> None:
        """As Ctrl-C, which every command and library knows how to end by; also where a shell had it ignored."""
        terminations.append(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    try:
        _make_quiet()
        _open_streams()
        signal.signal(signal.SIGTERM, terminate)
        status = _status_of_command()
        sys.stdout.flush()
    except KeyboardInterrupt as error:
        status = _BY_SIGNAL + (terminations or [signal.SIGINT])[0]
        _tell("interrupted before it was done: what it was about to do may be done in part; repeat it", error)
    except BaseException as error:  # noqa: BLE001  the end of the program, whatever it is
        status = _told(error)
    _let_go_of_stdout()
    if status == _BY_SIGNAL + signal.SIGTERM:
        # Whoever sent it, say systemd, takes dying by it for a stop in good order, and a status for a failure.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    sys.exit(status)


def _status_of_command() -> int | str | None:
    try:
        from daemon.cli import main as commands

        commands(prog_name="slad")
    except SystemExit as ended:
        return ended.code
    return 0


def _told(error: BaseException) -> int:
    """Say what ended the command; the exit status for it."""
    if nobody_reads(error):
        return _BY_SIGNAL + signal.SIGPIPE  # as SIGPIPE would end it: without a word
    while isinstance(error, BaseExceptionGroup):
        error = next((each for each in error.exceptions if os_fault(each) is None), error.exceptions[0])
    fault = os_fault(error)
    if fault is not None:
        _tell(fault, error)
        return EXIT_MACHINE
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    _tell(
        f"a defect of slad's own ended it: {type(error).__name__}: {error}{where};"
        " please report it, with what it says under SLAD_TRACEBACK=1",
        error,
    )
    return EXIT_DEFECT


def _tell(text: str, error: BaseException) -> None:
    """A line on stderr, as far as that takes one."""
    told = f"slad: {printable(text)}\n"
    if os.environ.get("SLAD_TRACEBACK"):
        told = "".join(traceback.format_exception(error)) + told
    with suppress(OSError):
        os.write(_STDERR, told.encode())


def _make_quiet() -> None:
    """What libraries log, and Python says of objects on their way out, is nothing that somebody at a terminal could act on."""
    if not os.environ.get("SLAD_TRACEBACK"):
        logging.getLogger().addHandler(logging.NullHandler())
        sys.unraisablehook = lambda _: None
        if not sys.warnoptions:
            warnings.simplefilter("ignore")


def _open_streams() -> None:
    """Take the numbers of standard streams that are closed, for no ledger to get one; and escape what their encoding lacks.

    Writing to a stdout that was closed fails, as it should: that number can only be read from. Raises OSError.
    """
    for number, flags in ((_STDIN, os.O_RDONLY), (_STDOUT, os.O_RDONLY), (_STDERR, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w")
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w")
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, TextIOWrapper)
        stream.reconfigure(errors="backslashreplace")


def _let_go_of_stdout() -> None:
    """Python writes at its end what is left of the output, and would complain of it once more where that fails."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        os.close(nowhere)


if __name__ == "__main__":
    main()
