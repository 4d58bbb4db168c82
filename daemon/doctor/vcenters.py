"""Whether a vCenter lets slad watch: its name, its identity, the login, its clock, and the account's rights."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from typing import Final

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.secrets import SecretError
from daemon.config.tables import ReachTable, VCenterTable
from daemon.doctor.finding import Finding, Level, fail, ok, warn
from daemon.readable import counted, first_of
from daemon.watching.addresses import ReportedAddresses, chosen
from daemon.watching.sources import endpoint_of, settings_of
from probes.facts import NOT_KNOWN
from probes.report import ListedServer
from probes.targets.own_addresses import OwnAddresses
from probes.vcenter.attributes import read_names
from probes.vcenter.checkup import (
    clock_offset_us,
    events_are_readable,
    prove_identity,
    shown_certificate,
)
from probes.vcenter.faults import CertificateError, LoginRefusedError, PermissionDeniedError, VcenterError
from probes.vcenter.session import Credentials, Session
from probes.vcenter.settings import Settings
from probes.vcenter.survey import Survey, UnreadObject, survey
from probes.vcenter.transport import Deadlines, Endpoint, Wire
from sla.instants import SECOND

MAX_OFFSET_US: Final = 2 * SECOND
"""How far a vCenter's clock may be from ours: slad corrects event times by it, to whole round trips."""
NAMED: Final = 5
"""How many of the objects that cannot be read are named."""
PATIENCE: Final = Deadlines(call_s=15.0)

_WORDS: Final = {
    "VirtualMachine": "virtual machine",
    "HostSystem": "host",
    "ComputeResource": "cluster or lone host",
    "Datastore": "datastore",
    "Network": "network",
    "Folder": "folder",
    "Datacenter": "datacenter",
    "ResourcePool": "resource pool",
    "VirtualApp": "vApp",
}
_JUDGED: Final = {"VirtualMachine", "HostSystem", "Datastore"}
"""What legs are judged by; the other types only place servers."""


def vcenter(
    config: Config,
    name: str,
    clock: Clock,
    shown: dict[str, Sequence[ListedServer]],
    deadlines: Deadlines = PATIENCE,
) -> Iterator[Finding]:
    """Its name, its identity, one login, its clock, and what the account can read of what the watch reads.

    What servers it shows is put into `shown`, by its name.
    """
    about, table = f"vcenter.{name}", config.vcenters[name]
    address = table.address
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        yield fail(
            about,
            f"the name {address.host} has no address: {error.strerror}",
            "correct the name, or this machine's DNS (resolvectl query)",
        )
        return
    numbers = ", ".join(dict.fromkeys(str(one[4][0]) for one in found))
    if numbers != address.host:
        yield ok(about, f"{address.host} is {numbers}")
    try:
        endpoint = replace(endpoint_of(table), deadlines=deadlines)
        identity = _identity(about, table, endpoint)
    except VcenterError as error:
        yield fail(
            about,
            str(error),
            f"see whether port {address.port} is open from here: routes, firewalls, and whether vCenter runs",
        )
        return
    yield identity
    if identity.level is not Level.FAIL:
        yield from _account(about, table, endpoint, settings_of(config, name), config.reach, clock, shown)


def _identity(about: str, table: VCenterTable, endpoint: Endpoint) -> Finding:
    """How the vCenter proves that it is the one. Raises VcenterError where nothing can be asked."""
    if endpoint.tls is None:
        prove_identity(endpoint)
        return ok(about, f"{table.address} answers, in plain HTTP")
    pin = f"sha256:{shown_certificate(endpoint).hex(':').upper()}"
    try:
        prove_identity(endpoint)
    except CertificateError as error:
        remedy = f'if {pin} is what vCenter itself shows as its fingerprint, write pin = "{pin}"'
        if table.pin is None:
            remedy += ", or name its authority by ca_file"
        return fail(about, str(error), remedy)
    return ok(about, f"{table.address} proves its identity; its certificate is {pin}")


def _account(
    about: str,
    table: VCenterTable,
    endpoint: Endpoint,
    settings: Settings,
    reach: ReachTable,
    clock: Clock,
    shown: dict[str, Sequence[ListedServer]],
) -> Iterator[Finding]:
    try:
        password = table.password.read()
    except SecretError as error:
        if table.password.path is None:
            yield warn(
                about,
                f"the login was not tried: {table.password.name} is only there for what systemd starts",
                "run the doctor as slad runs: systemctl start slad-doctor, then journalctl -u slad-doctor",
            )
        else:
            yield fail(about, str(error), "write the password into the file, one line")
        return
    wire = Wire(endpoint)
    try:
        # Once and never again: a vCenter locks an account after a few refusals.
        session = Session.open(wire, Credentials(user=table.user, password=password.get_secret_value))
    except VcenterError as error:
        wire.close()
        yield _no_session(about, table.user, error)
        return
    try:
        yield ok(about, f"{table.user} is logged in to {session.content.about.fullName}")
        yield _clock(about, clock_offset_us(session, clock.now))
        found = survey(session, settings.watched(), attribute_names=settings.attributes)
        yield from _rights(about, found)
        yield from _read_besides(about, session, settings, clock)
        shown[settings.source] = found.servers
        if settings.addresses:
            yield _addresses(about, [each for each in found.servers if each.server in found.running], reach)
    except VcenterError as error:
        yield fail(
            about, f"vCenter broke off: {error}", "try again; if it stays, look at vCenter's own health"
        )
    finally:
        session.close()


def _no_session(about: str, user: str, error: VcenterError) -> Finding:
    match error:
        case LoginRefusedError():
            remedy = "correct user and password; a locked account opens itself after some minutes"
            return fail(about, str(error), remedy)
        case PermissionDeniedError():
            return fail(about, f"{user} has no rights at all: {error}", _ROLE)
        case _:
            remedy = "see whether vCenter is still starting, and whether it is a vCenter at all"
            return fail(about, str(error), remedy)


_ROLE: Final = (
    "give the account the role Read-only on vCenter's root folder, with “Propagate to children” (vSphere Client:"
    " Permissions)"
)


def _read_besides(about: str, session: Session, settings: Settings, clock: Clock) -> Iterator[Finding]:
    if settings.attributes:
        yield _attributes(about, session)
    if events_are_readable(session, clock.now()):
        yield ok(about, "events can be read")
    else:
        yield warn(
            about,
            "events cannot be read: outages are dated by when they were noticed, and causes stay unknown",
            _ROLE,
        )


def _clock(about: str, offset_us: int) -> Finding:
    ahead = f"{abs(offset_us) / SECOND:.1f} s {'ahead of' if offset_us > 0 else 'behind'} this machine's"
    if abs(offset_us) > MAX_OFFSET_US:
        return warn(
            about,
            f"vCenter's clock is {ahead}: slad corrects event times by that, as well as it can",
            "let both keep time by NTP: timedatectl here, the appliance's management page there",
        )
    return ok(about, f"vCenter's clock is {ahead}")


def _rights(about: str, found: Survey) -> Iterator[Finding]:
    numbers = ", ".join(counted(count, _WORDS[kind]) for kind, count in found.counts.items())
    if found.counts["VirtualMachine"] and found.counts["HostSystem"]:
        yield ok(about, f"the account sees {numbers}: compare that with what an administrator sees")
    else:
        yield fail(about, f"the account sees too little: {numbers}", _ROLE)
    by_kind = sorted(found.unread, key=lambda one: one.kind)
    for kind, group in groupby(by_kind, key=lambda one: one.kind):
        each = list(group)
        yield from _unread(about, kind, [one for one in each if one.unread.refused], "may not be read", _ROLE)
        yield from _unread(
            about, kind, [one for one in each if one.unread.odd], "cannot be read as told", _REPORT
        )
    if found.nameless:
        yield fail(about, f"{counted(found.nameless, 'object')} not told by id: they are left out", _REPORT)


_REPORT: Final = "report it, with a recording: slad doctor --record FILE"


def _unread(
    about: str, kind: str, objects: Sequence[UnreadObject], what: str, remedy: str
) -> Iterator[Finding]:
    if not objects:
        return
    names = first_of([one.name for one in objects], NAMED)
    text = f"{counted(len(objects), _WORDS[kind])} {what}: {names}"
    if kind in _JUDGED:
        yield fail(about, f"{text}; what rests on them stays unknown", remedy)
    else:
        yield warn(about, f"{text}; rules by place do not see them", remedy)


def _attributes(about: str, session: Session) -> Finding:
    try:
        names = read_names(session)
    except PermissionDeniedError:
        return fail(about, "custom attributes, which rules ask for, cannot be read", _ROLE)
    return ok(about, f"{counted(len(names), 'custom attribute')} can be read")


def _addresses(about: str, found: Sequence[ListedServer], table: ReachTable) -> Finding:
    """Whether the servers that run have an address that checks of it can go to."""
    reported = ReportedAddresses()
    told = [() if each.addresses is NOT_KNOWN else each.addresses for each in found]
    for server, addresses in zip(found, told, strict=True):
        reported.tell(server.server, (each.number for each in addresses))
    with closing(OwnAddresses()) as own:
        choices = [chosen(each, table, network=None, own=own, is_shared=reported.is_shared) for each in told]
    without = [
        f"{server.called} ({choice.reason})"
        for server, choice in zip(found, choices, strict=True)
        if not choice.number
    ]
    if not without:
        return ok(about, f"{counted(len(found), 'server')} that run report an address that can be checked")
    return warn(
        about,
        f"{len(without):,} of {counted(len(found), 'server')} that run have no address that can be checked, so that checks"
        f" of it are unknown: {first_of(without, NAMED)}",
        "see that VMware Tools run there, and which addresses they report; prefer and ignore in [reach] choose among several",
    )
