"""Writes the mixin for Prometheus and Grafana: `python -m deploy.mixin.build FOLDER`; `--help` says what can be chosen."""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.config.labels import OWN_LABELS
from deploy.mixin.dashboards import dashboards

SOURCES: Final = Path(__file__).parent
RUNBOOKS: Final = "https://runbooks.example.net/slad"
GRAFANA: Final = "https://grafana.example.net"
PAGES: Final = "http://127.0.0.1:10999"
JOB: Final = "slad"
MONITOR_JOB: Final = "slad-monitor"
TAKEN: Final = {*OWN_LABELS, "job", "instance", "state"}
"""Labels that alerts have already: they say whom an alert is about, or which monitor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Whose mixin it is. URLs are without a slash at their end; `labels` are added to every alert."""

    job: str = JOB
    monitor_job: str = MONITOR_JOB
    runbook_url: str = RUNBOOKS
    grafana_url: str = GRAFANA
    slad_url: str = PAGES
    labels: Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write everything into a folder; what lies there and is none of it stays."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.mixin.build",
        description="Writes rules.yml, alerts.yml, dashboards/ and runbooks/ into a folder.",
        epilog="example: … build/mixin --runbook-url https://wiki.example.net/slad --label team=hosting",
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--job",
        type=_job,
        default=JOB,
        help="the job_name by which Prometheus scrapes slad: who answers for the servers, of several monitors the hubs",
    )
    parser.add_argument(
        "--monitor-job", type=_job, default=MONITOR_JOB, help="the job_name of monitors behind a hub"
    )
    parser.add_argument(
        "--runbook-url", type=_url, default=RUNBOOKS, help="where runbooks/ is served; an alert adds /NAME"
    )
    parser.add_argument("--grafana-url", type=_url, default=GRAFANA, help="where alerts find the dashboards")
    parser.add_argument("--slad-url", type=_url, default=PAGES, help="where dashboards find slad's own pages")
    parser.add_argument(
        "--label",
        type=_label,
        action="append",
        default=[],
        help="KEY=VALUE that every alert gets, for routes",
    )
    said = parser.parse_args(arguments)
    choices = Choices(
        job=said.job,
        monitor_job=said.monitor_job,
        runbook_url=said.runbook_url,
        grafana_url=said.grafana_url,
        slad_url=said.slad_url,
        labels=dict(said.label),
    )
    try:
        for name, text in files(choices):
            file = said.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        parser.exit(1, f"cannot write the mixin: {error}\n")


def files(choices: Choices) -> Iterator[tuple[str, str]]:
    """Every file of the mixin: its path, and what it holds."""
    yield "README.md", _read("README.md")
    yield "rules.yml", _read("rules.yml")
    yield "alerts.yml", alerts(_read("alerts.yml"), choices)
    for name, built in dashboards(choices.slad_url).items():
        yield f"dashboards/{name}.json", json.dumps(built, indent=2, ensure_ascii=False) + "\n"
    for runbook in sorted((SOURCES / "runbooks").glob("*.md")):
        yield f"runbooks/{runbook.name}", runbook.read_text(encoding="utf-8")


def alerts(text: str, choices: Choices) -> str:
    """The alerts as somebody wants them."""
    text = text.replace(RUNBOOKS, choices.runbook_url).replace(GRAFANA, choices.grafana_url)
    jobs = {JOB: choices.job, MONITOR_JOB: choices.monitor_job}
    text = re.sub(r'(?<=job=")[^"]+', lambda found: jobs[found[0]], text)
    added = "".join(f"\n          {key}: {json.dumps(value)}" for key, value in choices.labels.items())
    return re.sub(r"^ {10}severity: \w+$", lambda found: found[0] + added, text, flags=re.MULTILINE)


def _read(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s\"'{}<>#?]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no http(s) address without a query")
    return text.rstrip("/")


def _job(text: str) -> str:
    if not re.fullmatch(r"[\w./:-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a job: letters, digits and _ . / : -")
    return text


def _label(text: str) -> tuple[str, str]:
    """A label that no alert has of its own."""
    key, _, value = text.partition("=")
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", key) or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE with the name of a label")
    if key in TAKEN:
        raise argparse.ArgumentTypeError(f"{key!r} is slad's own, as are {', '.join(sorted(TAKEN - {key}))}")
    return key, value


if __name__ == "__main__":
    main()
