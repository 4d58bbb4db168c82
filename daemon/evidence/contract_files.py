"""A contract in a TOML file, in place of the one in the evidence (`slad evaluate --contract`)."""

from collections.abc import Collection
from pathlib import Path

import tomli

from daemon.config.contracts import dates_as_text
from daemon.config.lines import key_lines, line_of
from daemon.evidence.files import EvidenceError
from sla.calendars import Day
from sla.terms import Terms, TermsError, parse_terms


def load_contract(path: Path, national_holidays: Collection[Day]) -> Terms:
    """The terms in the file's tables `[contract.*]`, the rest by default. Raises EvidenceError with every fault."""
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomli.loads(text)
    except UnicodeDecodeError as error:
        raise EvidenceError([f"{path}: is not UTF-8: {error.reason} at byte {error.start + 1}"]) from None
    except tomli.TOMLDecodeError as error:
        raise EvidenceError([f"{path}:{error.lineno}: {error.msg}"]) from None
    except (ValueError, RecursionError) as error:
        raise EvidenceError([f"{path}: is no TOML that can be used: {error}"]) from None
    lines = key_lines(text)
    faults = [
        f"{path}:{line_of(lines, (key,))}: {key}: unknown key: only contract can stand here"
        for key in tables
        if key != "contract"
    ]
    try:
        terms = parse_terms(dates_as_text(tables.get("contract", {})), national_holidays)
    except TermsError as error:
        faults += [
            f"{path}:{line_of(lines, tuple(key.split('.')))}: {key}: {fault.problem}"
            for fault in error.faults
            for key in [f"contract.{fault.key}".rstrip(".")]
        ]
    if faults:
        raise EvidenceError(faults)
    return terms
