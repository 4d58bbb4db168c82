"""Whether a hub can follow its store: its rights there, who is active, what monitors ship, and whether those say the same."""

import asyncio
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.hub import HubTable
from daemon.control.client import ControlClient, ControlError, Json
from daemon.control.routes import LIST_DISAGREEMENTS
from daemon.doctor.finding import Finding, fail, ok, warn
from daemon.hub.examining import ShippedLedger, StoreView, examine
from daemon.hub.schema import HUB
from daemon.hub.states import HubError
from daemon.readable import counted
from daemon.replies.hub import SPOKEN_POINTS
from sla.disagreements import Point
from sla.instants import MINUTE, SECOND, Instant, format_instant

SILENT_US: Final = 10 * MINUTE
"""A monitor that has seen nothing for so long does not run, or does not ship."""
AHEAD_US: Final = 10 * SECOND
"""By so much a monitor's clock may be ahead of this machine's."""
MOST_TOLD: Final = 50
"""Disagreements that are told one by one."""


def hub(config: Config, clock: Clock) -> Iterator[Finding]:
    """The store of `[hub]`, and what the hub says that runs here."""
    if config.hub is None:
        yield fail(
            "hub", f"{config.path} has no [hub]", "say in it which store to follow: 'slad hub role' prints it"
        )
        return
    if config.vcenters:
        yield fail(
            "hub",
            f"{config.path} names a vCenter, and a hub watches nothing",
            "give the hub a slad.toml of its own; for a monitor leave --hub away",
        )
        return
    answer = _asked(config.control.socket)
    running = None if isinstance(answer, str) else answer[0]["hub"]
    yield from _store(config.hub, running, clock.now())
    if isinstance(answer, str):
        yield warn(
            "disagreements",
            f"no hub says what monitors say differently: {answer}",
            "run this where the hub runs",
        )
    elif running is None:
        yield fail(
            "disagreements",
            f"what answers at {config.control.socket} is a monitor",
            "name the hub's own socket in [control]",
        )
    else:
        yield from _reading(running)
        yield from _disagreements(answer[1], sum(running["disagreements"].values()))


def _asked(socket: Path) -> tuple[Json, list[Json]] | str:
    """The status of who answers at a control socket, and what monitors say differently; or why nobody does."""

    async def ask() -> tuple[Json, list[Json]]:
        async with ControlClient(socket) as daemon:
            status = await daemon.status()
            if status["hub"] is None:
                return status, []
            found = await daemon.document(LIST_DISAGREEMENTS.path(), {"limit": str(MOST_TOLD)})
            return status, found["disagreements"]

    try:
        return asyncio.run(ask())
    except ControlError as error:
        return str(error)


def _store(table: HubTable, running: Json | None, now: Instant) -> Iterator[Finding]:
    try:
        view = asyncio.run(examine(table))
    except HubError as error:
        yield fail(
            "store", f"{error.state.value}: {error}", "see docs/slad-hub.md; the hub waits, and tries again"
        )
        return
    yield ok("store", f"{table.dsn} has version {view.version}, on PostgreSQL {view.postgresql}")
    yield _rights(view)
    if view.active:
        yield ok("active hub", view.active)
    else:
        yield warn(
            "active hub", "none: nothing is recorded, and no alert is pushed", "start one: slad hub run"
        )
    retired = {each["observer"] for each in running["monitors"] if each["is_retired"]} if running else set()
    monitors = [each for each in view.ledgers if each.name != HUB]
    for each in monitors:
        yield _monitor(each, retired, now)
    if not monitors:
        yield warn("monitors", "none may ship to the store", "let one in: slad hub monitor add NAME")


def _rights(view: StoreView) -> Finding:
    hubs = next((each.role for each in view.ledgers if each.name == HUB), "")
    if view.role != hubs:
        return fail(
            "rights",
            f"{view.role} cannot record: "
            + (f"{hubs} is the role of hubs" if hubs else "hubs have no role yet"),
            f"name {hubs} in [hub] dsn" if hubs else "'slad hub role' makes it",
        )
    if view.is_superuser:
        return warn(
            "rights",
            f"{view.role} is a superuser, and may change what monitors shipped",
            "let the hub log in as a role of its own: 'slad hub role' makes it",
        )
    if not view.is_hub:
        return fail("rights", f"{view.role} is no member of slad_hub", "'slad hub role' makes a role that is")
    return ok("rights", f"{view.role} reads all ledgers, and writes that of the hubs")


def _monitor(each: ShippedLedger, retired: Collection[str], now: Instant) -> Finding:
    about = f"monitor {each.name}"
    if not each.head.seq:
        return warn(
            about,
            f"has shipped nothing yet; {each.role} may",
            "give it the [hub] that 'slad hub monitor add' printed",
        )
    has = f"{counted(each.head.seq, 'record')}, head {each.head.chain.hex()[:16]}"
    if each.name in retired:
        return ok(about, f"is retired; {has}")
    if each.seen_until is None:
        return warn(
            about, f"never said how far it has seen; {has}", "see whether its watches run: slad status there"
        )
    try:
        seen = f"has seen until {format_instant(each.seen_until)}; {has}"
    except OverflowError:
        return warn(about, f"says that it has seen until what is no instant; {has}", "look at its clock")
    if each.seen_until - now > AHEAD_US:
        return warn(about, f"{seen}: its clock is ahead of this machine's", "set both clocks by NTP")
    if now - each.seen_until > SILENT_US:
        return warn(
            about,
            f"{seen}: nothing since",
            f"start it, or see why it does not ship (slad_hub_state there); gone for good, slad hub retire {each.name}",
        )
    return ok(about, seen)


def _reading(running: Json) -> Iterator[Finding]:
    behind = f"{counted(running['behind_records'], 'line')} of the store {'is' if running['behind_records'] == 1 else 'are'} not read yet"
    what = "is active" if running["is_active"] else "stands by"
    if running["behind_seconds"] > SILENT_US / SECOND:
        yield warn(
            "this hub",
            f"{what}; {behind}, and all were {running['behind_seconds']:.0f} s ago",
            "see its log: hub_store_lost says why",
        )
    else:
        yield ok("this hub", f"{what}; {behind}")


def _disagreements(found: list[Json], count: int) -> Iterator[Finding]:
    for each in found:
        said = "; ".join(
            f"{monitor or 'no name'} says {_words(words)}" for monitor, words in each["said"].items()
        )
        yield warn(
            f"disagreement {each['kind']}",
            f"{each['name']} ({each['about']}), {SPOKEN_POINTS[Point(each['point'])]}: {said};"
            f" {_words(each['holds'])} holds, since {each['since']}",
            each["remedy"],
        )
    if count > len(found):
        yield warn("disagreements", f"{count - len(found):,} more", "see Monitors on the pages of the hub")
    if not count:
        yield ok("disagreements", "none: all monitors say the same of what they have in common")


def _words(said: Collection[str]) -> str:
    return ", ".join(said) or "none"
