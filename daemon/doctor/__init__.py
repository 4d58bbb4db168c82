"""What of a configuration will not work on this machine, found by trying it; and how to mend it, in plain words.

Everything is asked and nothing is changed: a vCenter sees one login and its end, the ledger is not opened, and no file
stays behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from daemon.clock import Clock
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.doctor.finding import Finding, Level, ok
from daemon.doctor.ledger import ledger
from daemon.doctor.listeners import answering, control, web
from daemon.doctor.machine import machine
from daemon.doctor.rules import rules
from daemon.doctor.vcenters import PATIENCE, vcenter
from probes.report import ListedServer
from probes.vcenter.transport import Deadlines


def examined(
    path: Path,
    env: Mapping[str, str],
    clock: Clock,
    deadlines: Deadlines = PATIENCE,
    *,
    is_hub: bool = False,
) -> Iterator[Finding]:
    """Try all that the slad.toml at `path` names, a finding as soon as it is known; `deadlines` are for vCenters.

    `is_hub`: as 'slad hub run' has it, which has no ledger and watches nothing.
    """
    try:
        config = load(path, env)
    except ConfigError as error:
        for problem in (*error.problems, *error.warnings):
            level = Level.FAIL if problem in error.problems else Level.WARN
            yield Finding(level=level, about="configuration", text=str(problem))
        return
    yield ok("configuration", f"{path} can be used")
    for problem in config.warnings:
        yield Finding(level=Level.WARN, about="configuration", text=str(problem))
    unanswered = answering(config.control.socket)
    running = unanswered is None
    if is_hub:
        from daemon.doctor.hub import hub

        yield from control(config.control, unanswered)
        yield from web(config.web, running=running)
        yield from hub(config, clock)
        return
    yield from ledger(config.ledger.path, running=running)
    yield from control(config.control, unanswered)
    yield from web(config.web, running=running)
    shown: dict[str, Sequence[ListedServer]] = {}
    for name in config.vcenters:
        yield from vcenter(config, name, clock, shown, deadlines)
    yield from rules(config, shown)
    yield from machine()
