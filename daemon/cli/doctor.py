"""`slad doctor`: what of a configuration will not work here, and how to mend it; and what a vCenter answers, recorded."""

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from daemon.cli import options
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import complain, confirm, say, show_json, tell, tell_progress
from daemon.clock import SystemClock
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.doctor import examined
from daemon.doctor.finding import Finding, Level
from daemon.doctor.recording import Heard, record
from daemon.os_faults import refused
from daemon.readable import counted
from daemon.timezones import use_packaged_time_zones
from probes.vcenter.faults import CertificateError
from probes.vcenter.recording import MOST_BYTES, Contents, RecordingFile, VcenterRecording
from sla.terms import format_duration, parse_duration

_COLOURS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


class _Span(click.ParamType[int]):
    """A length of time as slad.toml writes it; microseconds."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(
    "doctor",
    epilog=options.example("slad doctor --config slad.toml"),
)
@options.config
@options.output_format
@click.option(
    "--hub",
    "is_hub",
    is_flag=True,
    help="Try a hub's configuration: its store, the monitors, whether they say the same.",
)
@click.option(
    "--record",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead, record what a vCenter answers to the watch, with pseudonyms in place of names, for a report of a fault.",
)
@click.option("--vcenter", "name", metavar="NAME", help="Which vCenter to record, where there are several.")
@click.option("--for", "span_us", type=_Span(), default="5m", show_default=True, help="How long to record.")
@click.option("--yes", is_flag=True, help="Write the recording without asking.")
def doctor(
    path: Path,
    format_: OutputFormat,
    is_hub: bool,
    file: Path | None,
    name: str | None,
    span_us: int,
    yes: bool,
) -> None:
    """Try what the configuration names, and say what will not work and how to mend it.

    Run it as the user that slad runs as. Nothing is changed, here or on a vCenter; each vCenter sees one login.

    With --record it tries nothing, but watches one vCenter for a while and records its answers, to be attached to a report of
    a fault: it says what the recording contains, and asks, before it writes it.

    With --hub it tries the configuration of a hub: the store, its version and the rights there, which hub is active, how far each
    monitor has seen, and, where a hub runs here, what monitors say differently.

    Exit codes: 0 all works (perhaps with warnings), or the recording was written; 1 something will not, or it was not; 2 the
    command line is wrong.
    """
    use_packaged_time_zones()
    if is_hub and file is not None:
        raise click.UsageError("--record is for a vCenter, and a hub has none")
    if file is not None:
        sys.exit(0 if _recorded(path, file, name, span_us, format_, sure=yes) else 1)
    findings = examined(path, os.environ, SystemClock(), is_hub=is_hub)
    failures = _told_as_json(findings) if format_ == "json" else _told(findings)
    sys.exit(1 if failures else 0)


def _recorded(
    path: Path, file: Path, name: str | None, span_us: int, format_: OutputFormat, *, sure: bool
) -> bool:
    """Record, say what the recording contains, ask, and write it; whether it was written."""
    try:
        config = load(path, os.environ)
    except ConfigError as error:
        complain(f"{path} cannot be used; `slad check-config` says why: {error.problems[0]}")
        return False
    name = _vcenter_of(config, name)
    try:
        made = RecordingFile(file)
    except FileExistsError as error:
        raise click.BadParameter(f"{file} exists already", param_hint="--record") from error
    except OSError as error:
        raise click.BadParameter(
            f"{file} cannot be written: {refused(error)}", param_hint="--record"
        ) from error
    with made:
        tell(
            f"Recording what {name} answers to the watch, for {format_duration(span_us)}; Ctrl-C ends it sooner."
        )
        try:
            recording, heard = record(config, name, SystemClock(), span_us, _show_progress)
        except CertificateError as error:
            complain(str(error))
            return False
        tell_progress()
        contents = recording.contents()
        for line in _contents(contents, heard):
            tell(line)
        if not contents.answers:
            complain(f"{name} answered nothing: {heard.last_failure or 'nothing came in time'}")
            return False
        if not sure and not _wished(file):
            return False
        try:
            made.write(recording)
        except OSError as error:
            complain(f"{file} cannot be written: {refused(error)}")
            return False
    if format_ == "json":
        show_json({"file": str(file), **asdict(contents), "looks": heard.looks, "servers": heard.servers})
    else:
        say(f"{file} was written.")
    return True


def _wished(file: Path) -> bool:
    wished = confirm(f"Write it to {file}?")
    if not wished:
        complain("nothing was written; --yes writes it without asking")
    return wished


def _vcenter_of(config: Config, name: str | None) -> str:
    names = ", ".join(config.vcenters)
    if name is None and len(config.vcenters) != 1:
        raise click.UsageError(f"say which vCenter to record with --vcenter: {names or 'there is none'}")
    if name is not None and name not in config.vcenters:
        raise click.BadParameter(
            f"there is no [vcenter.{name}], but {names or 'none'}", param_hint="--vcenter"
        )
    return name or next(iter(config.vcenters))


def _show_progress(recording: VcenterRecording, heard: Heard) -> None:
    length = recording.contents().length
    tell_progress(f"{heard.looks:,} looks, {length / 1e6:.1f} MB {heard.last_failure}")


def _contents(contents: Contents, heard: Heard) -> Iterator[str]:
    """What a recording contains, in lines for whoever is to decide whether it may leave the house."""
    yield f"The recording has {contents.length:,} bytes:"
    answers = ", ".join(f"{method} {count:,}" for method, count in sorted(contents.answers.items()))
    yield f"  {counted(sum(contents.answers.values()), 'answer')}: {answers}"
    yield f"  of {counted(heard.servers, 'virtual machine')}, with {counted(heard.events, 'event')}"
    replaced = ", ".join(
        f"{count:,} of the kind {kind}" for kind, count in contents.replaced.items() if count
    )
    yield f"  pseudonyms in place of words that are not vSphere's own, addresses, UUIDs, network cards: {replaced}"
    yield "  as they were: times, states, numbers that count, the words of vSphere's own schema, ids such as vm-100,"
    yield "  the last number of an IPv4 address, punctuation"
    yield "  not in it: questions, passwords, sessions, and of texts of more than 2 kB the letters"
    if contents.left_out:
        yield f"  {counted(contents.left_out, 'answer')} left out: too long, or no room was left in {MOST_BYTES // 10**6} MB"
    if heard.failures:
        yield f"  {counted(heard.failures, 'failure')} of the watch, the last: {heard.last_failure}"


def _told(findings: Iterator[Finding]) -> int:
    """Print each finding when it is known; gives the number of failures."""
    count = dict.fromkeys(Level, 0)
    for finding in findings:
        count[finding.level] += 1
        say(f"{finding.level:<4}  {finding.about}: {finding.text}", style=_COLOURS[finding.level])
        if finding.remedy:
            say(f"      → {finding.remedy}")
    say(f"{count[Level.OK]} ok, {count[Level.WARN]} warn, {count[Level.FAIL]} FAIL")
    return count[Level.FAIL]


def _told_as_json(findings: Iterator[Finding]) -> int:
    found = list(findings)
    failures = sum(finding.level is Level.FAIL for finding in found)
    rows = [
        {"level": each.level, "about": each.about, "text": each.text, "remedy": each.remedy} for each in found
    ]
    show_json({"works": not failures, "findings": rows})
    return failures
