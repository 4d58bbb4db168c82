"""`slad check-config`: whether a slad.toml can be used, and what it means."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click

from daemon.causes.people import people_of
from daemon.causes.seen import SeenUsers, taken
from daemon.causes.traces import users_in
from daemon.cli import options
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import plain, say, show_as, tell
from daemon.cli.words import local
from daemon.clock import SystemClock
from daemon.config.config import UNASSIGNED, Config
from daemon.config.loading import load
from daemon.config.problems import ConfigError, Problem
from daemon.config.tables import RuleTable, TokenTable, VCenterTable
from daemon.control.client import ControlClient, ControlError, DaemonUnreachableError, Json
from daemon.control.routes import LIST_USERS
from daemon.doctor.finding import Finding, Level
from daemon.doctor.rules import rules
from daemon.doctor.vcenters import vcenter
from daemon.ledger import LedgerError, read_traces
from daemon.readable import first_of
from daemon.timezones import use_packaged_time_zones
from daemon.web.config import WebConfig, WebConfigError
from daemon.web.config import load as load_web_config
from probes.report import ListedServer
from sla.instants import format_instant
from sla.records import ClientId, Leg

NAMED: Final = 8
"""How many users of a pattern are named."""


@click.command("check-config", epilog=options.example("slad check-config --config slad.toml"))
@options.config
@click.option(
    "--live",
    is_flag=True,
    help="Ask each vCenter which servers it shows, and say which of them each rule takes.",
)
@options.output_format
def check_config(path: Path, *, live: bool, format_: OutputFormat) -> None:
    """Check a configuration whole, with the web config file that it names, and say what it means.

    Every problem is one line, FILE:LINE: KEY: what is wrong, what would be right. No vCenter is contacted but with
    --live; `slad doctor` tries all that the file names. The users whom events of late name are shown by the pattern that takes each, as far as slad, or its ledger, tells. Exit codes: 0 it can be used (perhaps with warnings), 1 it cannot, 2 the command line is wrong.
    """
    try:
        config = load(path, os.environ)
        web = _web_config(config)
    except ConfigError as error:
        report = {"usable": False, "problems": _rows(error.problems), "warnings": _rows(error.warnings)}
        show_as(format_, report, partial(_tell_problems, error))
        sys.exit(1)
    found = _Beyond(web=web, seen=_seen_users(config), taken=_taken_by_rules(config) if live else None)
    show_as(format_, _as_json(config, found), lambda: _tell_meaning(config, found))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beyond:
    """What lies beyond the file: the web config file that it names, who was seen, what rules take (None: not asked)."""

    web: WebConfig | None
    seen: SeenUsers
    taken: Sequence[Finding] | None


def _web_config(config: Config) -> WebConfig | None:
    """The web config file, where one is named. Raises ConfigError for one that cannot be used."""
    file = config.web.config_file
    if file is None:
        return None
    try:
        return load_web_config(file).config
    except WebConfigError as error:
        lines = [line.removeprefix(f"{file}: ") for line in str(error).splitlines()]
        problems = [Problem(file=file, line=1, key="", text=line) for line in lines]
        raise ConfigError(problems, config.warnings) from None


def _taken_by_rules(config: Config) -> Sequence[Finding]:
    """How many servers each rule takes, of those that the vCenters show; and which vCenters show none."""
    use_packaged_time_zones()
    shown: dict[str, Sequence[ListedServer]] = {}
    unread = [
        finding
        for name in config.vcenters
        for finding in vcenter(config, name, SystemClock(), shown)
        if finding.level is Level.FAIL
    ]
    return [*unread, *rules(config, shown)]


def _seen_users(config: Config) -> SeenUsers:
    """From the daemon that runs by this configuration, or else from the ledger, which nobody holds then."""
    try:
        answer = asyncio.run(_asked(config.control.socket))
    except DaemonUnreachableError:
        try:
            return taken(users_in(read_traces(config.ledger.path)), people_of(config))
        except (LedgerError, OSError) as error:
            return SeenUsers(why_not=str(error))
    except ControlError as error:
        return SeenUsers(why_not=str(error))
    return taken(answer["users"], people_of(config))


async def _asked(socket: Path) -> Json:
    async with ControlClient(socket) as daemon:
        return await daemon.document(LIST_USERS.path())


def _tell_meaning(config: Config, found: _Beyond) -> None:
    for warning in config.warnings:
        tell(f"warning: {warning}")
    for line in _meaning(config, found):
        say(line)


def _tell_problems(error: ConfigError) -> None:
    for problem in error.problems:
        tell(str(problem))
    for warning in error.warnings:
        tell(f"warning: {warning}")
    count = len(error.problems)
    tell(f"{count} problem{'s' if count > 1 else ''}; the file cannot be used as it is.")


def _rows(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [
        {"file": str(problem.file), "line": problem.line, "key": problem.key, "text": problem.text}
        for problem in problems
    ]


def _meaning(config: Config, found: _Beyond) -> Iterator[str]:
    """What the file means, a line for each thing."""
    yield f"{config.path} can be used."
    yield ""
    yield f"observer  {config.observer}"
    yield f"ledger    {config.ledger.path}"
    known = f", as {', '.join(config.web.hosts)} too" if config.web.hosts else ""
    yield f"web       {', '.join(map(str, config.web.listen))}{known}, {_protection(config, found.web)}"
    yield f"control   {config.control.socket}"
    if config.control.listen:
        known = f", as {', '.join(config.control.hosts)} too" if config.control.hosts else ""
        yield f"          {', '.join(map(str, config.control.listen))}{known}, TLS by {config.control.cert_file}, with a token:"
        yield from _columns([_token_row(token) for token in config.control.token])
    yield f"hub       {_hub(config)}"
    yield ""
    yield f"{len(config.vcenters)} vCenter{_s(config.vcenters)}"
    yield from _columns([_vcenter_row(name, vcenter) for name, vcenter in config.vcenters.items()])
    yield ""
    yield f"{len(config.rules)} rule{_s(config.rules)}, the first that matches decides; else the client is {UNASSIGNED}"
    yield from _columns([_rule_row(number, rule) for number, rule in enumerate(config.rules, 1)])
    yield ""
    if found.taken is not None:
        yield "What the vCenters show, by the rule that takes it"
        yield from _columns(
            [[each.about, each.text, each.remedy and f"→ {each.remedy}"] for each in found.taken]
        )
        yield ""
    yield f"{len(config.clients) - 1} client{'' if len(config.clients) == 2 else 's'}, and {UNASSIGNED}"
    unwatched = config.unwatched_legs()
    yield from _columns([_client_row(config, client, legs) for client, legs in unwatched.items()])
    yield ""
    yield f"Users of the vCenters, by whom they are; {_of_others(config)}"
    yield from _columns(list(_people_rows(config)))
    yield ""
    yield from _seen_lines(found.seen)
    if config.people.accept:
        yield f"Accepted at once where it is proved: {', '.join(each.value for each in config.people.accept)}"
    if any(unwatched.values()):
        yield ""
        yield "Legs of a contract that nobody watches do not count, and every statement names them."


def _hub(config: Config) -> str:
    if config.hub is None:
        return "none: the evidence stays in the ledger"
    return f"{'ships to' if config.vcenters else 'a hub follows'} {config.hub.dsn}, {config.hub.trust}"


def _protection(config: Config, web: WebConfig | None) -> str:
    if web is None:
        return "without TLS or passwords"
    tls = "TLS" if web.tls_server_config else "no TLS"
    users = f"passwords of {', '.join(web.basic_auth_users)}" if web.basic_auth_users else "no passwords"
    return f"by {config.web.config_file}: {tls}, {users}"


def _token_row(token: TokenTable) -> list[str]:
    expires = "for ever" if token.expires is None else f"until {local(format_instant(token.expires))}"
    return [token.name, {"read": "may read", "record": "may read and record"}[token.role], expires]


def _vcenter_row(name: str, vcenter: VCenterTable) -> list[str]:
    return [
        name,
        f"{vcenter.scheme}://{vcenter.address}",
        f"as {vcenter.user}",
        _trust(vcenter),
        f"every {vcenter.poll}",
        f"watches {_legs(vcenter.legs)}",
    ]


def _trust(vcenter: VCenterTable) -> str:
    if vcenter.scheme == "http":
        return "a simulation"
    if vcenter.pin is not None:
        return f"pinned to {vcenter.pin.hex()[:16]}…"
    return f"by {vcenter.ca_file}" if vcenter.ca_file else "by the system's authorities"


def _rule_row(number: int, rule: RuleTable) -> list[str]:
    conditions = [
        f"{key} {value}"
        for key, value in (
            ("vcenter", rule.vcenter),
            ("folder", rule.folder),
            ("name", rule.name),
            ("resource pool", rule.resource_pool),
            ("network", rule.network),
            ("placeholder", rule.placeholder),
            ("attribute", rule.attribute and f"{rule.attribute.name} = {rule.attribute.value}"),
        )
        if value
    ]
    if rule.ignore:
        outcome = "ignored"
    else:
        outcome = f"client {rule.client}" + (f", solution {rule.solution}" if rule.solution else "")
    return [f"{number}.", " and ".join(conditions) or "every server", f"→ {outcome}"]


def _client_row(config: Config, client: ClientId, unwatched: Sequence[Leg]) -> list[str]:
    table = config.clients[client]
    admins = ", ".join(table.tech_admins) or "nobody"
    return [
        client,
        table.name,
        table.timezone,
        f"tech admins: {admins}",
        "own terms" if table.contract else "the terms for all",
        f"NOT WATCHED: {_legs(unwatched)}" if unwatched else "every leg is watched",
    ]


def _people_rows(config: Config) -> Iterator[list[str]]:
    """Whose users there are, in the order in which it is tried."""
    for automation in config.people.automation:
        yield [f"automation that acts for the {automation.acts_for}", ", ".join(automation.users)]
    yield ["employees", ", ".join(config.people.employees) or "none are named"]
    for client, table in config.clients.items():
        if table.users:
            yield [f"of {client}", ", ".join(table.users)]


def _seen_lines(seen: SeenUsers) -> Iterator[str]:
    """Whom each pattern takes."""
    if seen.why_not:
        yield f"Which users the patterns take is not known: {seen.why_not}"
    elif not seen.by_pattern and not seen.of_no_pattern:
        yield "No user was seen in the last 40 days in an event that says who did it."
    else:
        yield "Users seen in the last 40 days, by the first pattern that takes each"
        rows = [[pattern, first_of(users, NAMED)] for pattern, users in seen.by_pattern.items()]
        if seen.of_no_pattern:
            rows.append(["NO PATTERN", first_of(seen.of_no_pattern, NAMED)])
        yield from _columns(rows)


def _of_others(config: Config) -> str:
    if config.people.employees:
        return "others are no employees"
    return "of others nothing is said while no employees are named"


def _legs(legs: Sequence[Leg]) -> str:
    return ", ".join(leg.value for leg in legs)


def _s(things: Sequence[object] | Mapping[str, object]) -> str:
    return "" if len(things) == 1 else "s"


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as indented lines whose columns stand below each other."""
    shown = [[plain(cell) for cell in row] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*shown, strict=True)]
    for row in shown:
        for cell, width in zip(row, widths, strict=True):
            cell.pad_right(width - cell.cell_len)
        yield "  " + "  ".join(cell.plain for cell in row).rstrip()


def _as_json(config: Config, found: _Beyond) -> Mapping[str, object]:
    """What the file means, for programs. No secret is in it, only where each is."""
    unwatched, seen = config.unwatched_legs(), found.seen
    return {
        "usable": True,
        "problems": [],
        "warnings": _rows(config.warnings),
        "observer": config.observer,
        "ledger": str(config.ledger.path),
        "listen": list(map(str, config.web.listen)),
        "control": str(config.control.socket),
        "control_listen": list(map(str, config.control.listen)),
        "tokens": [
            {
                "name": token.name,
                "role": token.role,
                "expires": token.expires and format_instant(token.expires),
            }
            for token in config.control.token
        ],
        "web_config": None
        if found.web is None
        else {"tls": found.web.tls_server_config is not None, "users": list(found.web.basic_auth_users)},
        "hub": None if config.hub is None else str(config.hub.dsn),
        "vcenters": [
            {
                "name": name,
                "address": str(vcenter.address),
                "poll_s": vcenter.poll.us // 1_000_000,
                "legs": [leg.value for leg in vcenter.legs],
            }
            for name, vcenter in config.vcenters.items()
        ],
        "rules": len(config.rules),
        "taken": None
        if found.taken is None
        else [{"about": each.about, "text": each.text, "remedy": each.remedy} for each in found.taken],
        "people": {
            "automation": [
                {"users": list(each.users), "acts_for": each.acts_for} for each in config.people.automation
            ],
            "employees": list(config.people.employees),
            "seen": None
            if seen.why_not
            else {
                "by_pattern": {pattern: list(users) for pattern, users in seen.by_pattern.items()},
                "of_no_pattern": list(seen.of_no_pattern),
            },
            "accept": [category.value for category in config.people.accept],
        },
        "clients": [
            {
                "id": client,
                "name": table.name,
                "timezone": table.timezone,
                "users": list(table.users),
                "unwatched_legs": [leg.value for leg in unwatched[client]],
            }
            for client, table in config.clients.items()
        ],
    }
