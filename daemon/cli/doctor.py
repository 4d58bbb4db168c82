"""`slad doctor`: what of a configuration will not work here, and how to mend it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from daemon.cli import options
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import printable, show_json
from daemon.clock import SystemClock
from daemon.doctor import examined
from daemon.doctor.finding import Finding, Level
from daemon.timezones import use_packaged_time_zones

_COLOURS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command(
    "doctor",
    short_help="Try what the configuration names; say what will not work.",
    epilog=options.example("slad doctor --config slad.toml"),
)
@options.config
@options.output_format
def doctor(path: Path, format_: OutputFormat) -> None:
    """Try what the configuration names, and say what will not work and how to mend it.

    Run it as the user that slad runs as. Nothing is changed, here or on a vCenter; each vCenter sees one login. Exit
    codes: 0 all works (perhaps with warnings), 1 something will not, 2 the command line is wrong.
    """
    use_packaged_time_zones()
    findings = examined(path, os.environ, SystemClock())
    failures = _told_as_json(findings) if format_ == "json" else _told(findings)
    sys.exit(1 if failures else 0)


def _told(findings: Iterator[Finding]) -> int:
    """Print each finding when it is known; gives the number of failures."""
    count = dict.fromkeys(Level, 0)
    for finding in findings:
        count[finding.level] += 1
        level = click.style(f"{finding.level:<4}", fg=_COLOURS[finding.level])
        click.echo(f"{level}  {finding.about}: {printable(finding.text)}")
        if finding.remedy:
            click.echo(f"      → {printable(finding.remedy)}")
    click.echo(f"{count[Level.OK]} ok, {count[Level.WARN]} warn, {count[Level.FAIL]} FAIL")
    return count[Level.FAIL]


def _told_as_json(findings: Iterator[Finding]) -> int:
    found = list(findings)
    failures = sum(finding.level is Level.FAIL for finding in found)
    rows = [
        {"level": each.level, "about": each.about, "text": each.text, "remedy": each.remedy} for each in found
    ]
    show_json({"works": not failures, "findings": rows})
    return failures
