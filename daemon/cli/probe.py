"""`slad probe`: tries targets by hand, as the daemon would, all at once."""

import asyncio
import re
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import click

from daemon.cli import options
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import Cell, complain, console, plain, print_table, progress, show_as, state
from daemon.config.certificates import check_pem
from daemon.readable import counted
from probes.targets.burst import burst
from probes.targets.connect import Origin
from probes.targets.ping.pinger import open_pings
from probes.targets.ping.settings import (
    Backend,
    PingBackendError,
    PingForbiddenError,
    Pings,
    PingSettings,
    PingSourceError,
)
from probes.targets.resolve import Resolver
from probes.targets.result import Reason, Result
from probes.targets.table import probe as probe_once
from probes.targets.target import Method, Target, TargetError, parse_target
from probes.targets.tools import open_tools, trust
from sla.records import State

EXIT_DOWN: Final = 1
EXIT_UNKNOWN: Final = 3
CONNECTIONS_AT_ONCE: Final = 100
PINGS_AT_ONCE: Final = 2_000
MAX_TRIES: Final = 1_000
MAX_TOLD: Final = 20
"""Wrong targets."""
_TOLD_EVERY: Final = 100


class _SecondsType(click.ParamType[float]):
    """A time of at most a minute: `2`, `0.5s`, `500ms`."""

    name = "time"
    _shape: Final = re.compile(r"(?P<number>\d{1,5}(?:\.\d{1,6})?)(?P<unit>s|ms)?", re.ASCII)

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = self._shape.fullmatch(value)
        seconds = 0.0 if match is None else float(match["number"]) / (1000 if match["unit"] == "ms" else 1)
        if not 0.001 <= seconds <= 60:
            self.fail(f"{value!r} is no time from 1ms to 60s: write 2s or 500ms", param, ctx)
        return seconds


class _AddressType(click.ParamType[str]):
    """An IP address."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(ip_address(value))
        except ValueError:
            self.fail(f"{value!r} is no IP address: write 192.0.2.1 or 2001:db8::1", param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """How the targets are to be tried. `at_once` is None for what suits the method."""

    timeout_s: float
    tries: int
    at_once: int | None
    origin: Origin
    tls: ssl.SSLContext
    backend: Backend


@click.command("probe")
@click.argument("texts", metavar="TARGET…", nargs=-1)
@click.option(
    "--file",
    type=click.File("r"),
    help="More targets, one a line; # begins a comment. - is stdin.",
)
@click.option(
    "--timeout", "timeout_s", type=_SecondsType(), default="3s", show_default=True, help="For each try."
)
@click.option(
    "--count",
    "tries",
    type=options.NumberType(1, MAX_TRIES),
    default=1,
    show_default=True,
    help="How often each target is tried, one try after the other.",
)
@click.option(
    "--concurrency",
    "at_once",
    type=options.NumberType(1, 60_000),
    help=f"How many are tried at once; {CONNECTIONS_AT_ONCE} connections and {PINGS_AT_ONCE} pings if not given.",
)
@click.option("--source", type=_AddressType(), help="The address of this machine to try them from.")
@click.option("--interface", metavar="NAME", help="The network interface to try them through.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Whom to trust for https, in PEM form, in place of the system's authorities.",
)
@click.option(
    "--ping-backend",
    "backend",
    type=click.Choice([each.value for each in Backend]),
    default=Backend.AUTO.value,
    show_default=True,
    help="How to ping: auto is a datagram socket, and where that is forbidden a raw one.",
)
@options.output_format
def probe(
    texts: tuple[str, ...],
    file: TextIO | None,
    timeout_s: float,
    tries: int,
    at_once: int | None,
    source: str | None,
    interface: str | None,
    ca_file: Path | None,
    backend: str,
    format_: OutputFormat,
) -> None:
    """Try targets by hand: icmp://HOST, tcp://HOST:PORT, http://HOST/PATH, https://HOST/PATH.

    A target is up, down, or unknown: what went wrong on this machine is never the target's fault. With --count a target is
    up if any try found it up, else down if any found it down: one lost packet makes no outage.

    Exits with 0 when all are up, with 1 when some are down, with 2 when the command line or a target is wrong (nothing is
    tried then), and with 3 when some are unknown and none is down.
    """
    if source is not None and interface is not None:
        raise click.UsageError("give a --source or an --interface, not both")
    given = [("", text) for text in texts]
    if file is not None:
        given += _lines(file)
    if not given:
        raise click.UsageError("name a target, such as icmp://192.0.2.1, or a --file of them")
    targets = _parsed(given)
    try:
        if ca_file is not None:
            check_pem(ca_file)
        tls = trust(ca_file)
    except ssl.SSLError as error:
        raise click.BadParameter(f"holds no certificate: {error}", param_hint="--ca-file") from error
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--ca-file") from error
    how = _How(
        timeout_s=timeout_s,
        tries=tries,
        at_once=at_once,
        origin=Origin(address=source, interface=interface),
        tls=tls,
        backend=Backend(backend),
    )
    try:
        rows = asyncio.run(_tried(targets, how))
    except PingBackendError as error:
        raise click.UsageError(str(error)) from error
    outcomes = [_ProbeOutcome(text, results) for (_, text), results in zip(given, rows, strict=True)]
    show_as(format_, [each.as_json() for each in outcomes], lambda: _show(outcomes))
    states = {each.summary.state for each in outcomes}
    sys.exit(EXIT_DOWN if State.DOWN in states else EXIT_UNKNOWN if State.UNKNOWN in states else 0)


_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark that some editors put before the first line."""


def _lines(file: TextIO) -> Iterator[tuple[str, str]]:
    """Each target of a file, and in front of it where it stands."""
    try:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(_MARK).partition("#")[0].strip()
            if text:
                yield f"{file.name}:{number}: ", text
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{file.name} is no text in UTF-8", param_hint="--file") from error


def _parsed(given: Sequence[tuple[str, str]]) -> list[Target]:
    targets, wrong = [], []
    for where, text in given:
        try:
            targets.append(parse_target(text))
        except TargetError as error:
            wrong.append(f"{where}{error}")
    if wrong:
        for each in wrong[:MAX_TOLD]:
            complain(each)
        raise click.UsageError(
            f"{counted(len(wrong), 'target')} cannot be tried, so nothing was: write icmp://HOST, tcp://HOST:PORT or https://HOST"
        )
    return targets


async def _tried(targets: Sequence[Target], how: _How) -> list[list[Result]]:
    """Of each target, in their order, what its tries found."""
    results: list[list[Result]] = [[] for _ in targets]
    show = progress(f"of {len(targets):,} tried", every=_TOLD_EVERY)
    done = 0
    async with (
        _pings(targets, how) as pings,
        open_tools(pings, Resolver(), how.tls, origin=how.origin) as tools,
    ):

        async def work(place: int) -> None:
            nonlocal done
            for _ in range(how.tries):
                results[place].append(await probe_once(targets[place], tools, how.timeout_s))
            done += 1
            show(done)

        pinged = [place for place, target in enumerate(targets) if target.method is Method.ICMP]
        others = [place for place, target in enumerate(targets) if target.method is not Method.ICMP]
        async with asyncio.TaskGroup() as group:
            for places, at_once in ((pinged, PINGS_AT_ONCE), (others, CONNECTIONS_AT_ONCE)):
                workers = min(len(places), how.at_once or at_once)
                group.create_task(burst(places, work, at_once=workers), name=f"{workers} at once")
    return results


@asynccontextmanager
async def _pings(targets: Sequence[Target], how: _How) -> AsyncIterator[Pings]:
    """What pings, where something is to be pinged. Raises PingBackendError for one that may not be used."""
    settings = PingSettings(backend=how.backend, address=how.origin.address, interface=how.origin.interface)
    pings: Pings = _NoPings(Reason.NONE, "")
    async with AsyncExitStack() as stack:
        if any(target.method is Method.ICMP for target in targets):
            try:
                pings = await stack.enter_async_context(open_pings(settings))
            except PingForbiddenError as error:
                pings = _NoPings(Reason.PERMISSION, str(error))
            except PingSourceError as error:
                pings = _NoPings(Reason.NO_ROUTE, str(error))
        yield pings


class _NoPings:
    """What pings where that cannot be: it knows nothing."""

    def __init__(self, reason: Reason, why: str) -> None:
        self._result = Result(state=State.UNKNOWN, reason=reason, text=why)

    async def ping(self, address: str, timeout_s: float) -> Result:  # noqa: ARG002  the protocol's signature
        return self._result

    async def ping_all(self, addresses: Sequence[str], timeout_s: float) -> list[Result]:  # noqa: ARG002  the same
        return [self._result for _ in addresses]


class _ProbeOutcome(NamedTuple):
    """What the tries of a target came to."""

    target: str
    tries: list[Result]

    @property
    def summary(self) -> Result:
        """Up by the fastest try, else the last that was down, else the last."""
        ups = [each for each in self.tries if each.state is State.UP]
        if ups:
            return min(ups, key=lambda each: each.rtt_us or 0)
        downs = [each for each in self.tries if each.state is State.DOWN]
        return (downs or self.tries)[-1]

    def as_json(self) -> dict[str, object]:
        row = {"target": self.target, **_as_json(self.summary)}
        return row if len(self.tries) == 1 else {**row, "tries": list(map(_as_json, self.tries))}

    def cells(self) -> tuple[Cell, ...]:
        summary = self.summary
        up = sum(each.state is State.UP for each in self.tries)
        rtt = "" if summary.rtt_us is None else f"{summary.rtt_us / 1000:.3f} ms"
        word = state(summary.state.name.lower())
        return self.target, word, f"{up}/{len(self.tries)}", rtt, summary.reason.value, summary.text


def _as_json(result: Result) -> dict[str, object]:
    return {"state": result.state.name.lower(), "reason": result.reason.value, "rtt_us": result.rtt_us}


def _show(outcomes: Sequence[_ProbeOutcome]) -> None:
    out = console()
    headings = ("target", "state", "up", "round trip", "reason", "")
    print_table(out, headings, (each.cells() for each in outcomes))
    count = Counter(each.summary.state for each in outcomes)
    out.print()
    out.print(plain(f"{count[State.UP]} up, {count[State.DOWN]} down, {count[State.UNKNOWN]} unknown"))
