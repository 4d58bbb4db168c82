"""What of a configuration will not work on this machine, found by trying it; and how to mend it, in plain words.

Everything is asked and nothing is changed: a vCenter sees one login and its end, the ledger is not opened, and no file
stays behind.
"""

import asyncio
import errno
import fcntl
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Final

from daemon.clock import Clock
from daemon.config import Config, ConfigError, load
from daemon.config_tables import VCenterTable
from daemon.config_values import Address, SecretError
from daemon.control_client import ControlClient, ControlError
from daemon.rules import Needs, needs_of
from daemon.sources import endpoint_of
from daemon.timezones import time_zone_release
from daemon.web.config import WebConfigError, WebConfigFile
from probes.vcenter.checkup import (
    Census,
    Unreadable,
    census,
    clock_offset_us,
    events_are_readable,
    prove_identity,
    shown_certificate,
)
from probes.vcenter.faults import CertificateError, LoginRefusedError, PermissionDeniedError, VcenterError
from probes.vcenter.properties import custom_field_names
from probes.vcenter.session import Credentials, Session
from probes.vcenter.transport import Deadlines, Endpoint, Wire
from sla.instants import SECOND

MAX_OFFSET_US: Final = 2 * SECOND
"""How far a vCenter's clock may be from ours: slad corrects event times by it, to whole round trips."""
LOW_SPACE_BYTES: Final = 1024 * 1024 * 1024
NO_SPACE_BYTES: Final = 64 * 1024 * 1024
NAMED: Final = 5
"""How many of the objects that cannot be read are named."""

_DEADLINES: Final = Deadlines(call_s=15.0)
_NETWORK_FILE_SYSTEMS: Final = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.ceph"),
}
_VOLATILE_FILE_SYSTEMS: Final = {"tmpfs", "ramfs"}
_UNIT_RUNTIME_DIRECTORY: Final = Path("/run/slad")
_SYSTEM_ZONES: Final = Path("/usr/share/zoneinfo/tzdata.zi")
_WORDS: Final = {
    "VirtualMachine": "virtual machine",
    "HostSystem": "host",
    "Datastore": "datastore",
    "Folder": "folder",
    "Datacenter": "datacenter",
    "ResourcePool": "resource pool",
}
_JUDGED: Final = {"VirtualMachine", "HostSystem", "Datastore"}
"""What legs are judged by; the other types only place servers."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried: `about` is a section of slad.toml or a part of the machine; `remedy` mends it."""

    level: Level
    about: str
    text: str
    remedy: str = ""


def examined(
    path: Path, env: Mapping[str, str], clock: Clock, deadlines: Deadlines = _DEADLINES
) -> Iterator[Finding]:
    """Try all that the slad.toml at `path` names, a finding as soon as it is known; `deadlines` are for vCenters."""
    try:
        config = load(path, env)
    except ConfigError as error:
        for problem in (*error.problems, *error.warnings):
            level = Level.FAIL if problem in error.problems else Level.WARN
            yield Finding(level=level, about="configuration", text=str(problem))
        return
    yield _ok("configuration", f"{path} can be used")
    for problem in config.warnings:
        yield Finding(level=Level.WARN, about="configuration", text=str(problem))
    running = _answering(config.control.socket)
    yield from _ledger(config.ledger.path, running=running is None)
    yield _control(config.control.socket, running)
    yield from _web(config, running=running is None)
    for name, table in config.vcenters.items():
        yield from _vcenter(
            f"vcenter.{name}", table, needs_of((*config.rules, *config.internet)), clock, deadlines
        )
    yield from _machine()


def _ok(about: str, text: str) -> Finding:
    return Finding(level=Level.OK, about=about, text=text)


def _warn(about: str, text: str, remedy: str) -> Finding:
    return Finding(level=Level.WARN, about=about, text=text, remedy=remedy)


def _fail(about: str, text: str, remedy: str) -> Finding:
    return Finding(level=Level.FAIL, about=about, text=text, remedy=remedy)


# The ledger


def _ledger(path: Path, *, running: bool) -> Iterator[Finding]:
    folder = path.parent
    try:
        folder.stat()
    except OSError as error:
        remedy = (
            "make it, for the user that slad runs as, or run this as that user: systemctl start slad-doctor"
        )
        yield _fail("ledger", f"the folder {folder} cannot be looked into: {error.strerror}", remedy)
        return
    yield _writable(folder)
    yield from _file_system(folder)
    yield _space(folder)
    yield _lock(path, running=running)


def _writable(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            remedy = "run this as the user that slad runs as, or give that user the folder"
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "free space, or raise the quota"
        else:
            remedy = "look into the kernel's log (journalctl -k), and whether the file system is read-only"
        return _fail("ledger", f"{folder} cannot be written: {error.strerror}", remedy)
    return _ok("ledger", f"{folder} can be written")


def _file_system(folder: Path) -> Iterator[Finding]:
    kind = file_system_of(folder.resolve(), _mounts())
    if kind in _NETWORK_FILE_SYSTEMS:
        yield _fail(
            "ledger",
            f"{folder} is on a network file system ({kind}), whose locks and syncs cannot be relied on",
            "keep the ledger on a local disk and copy it away with your backup",
        )
    elif kind in _VOLATILE_FILE_SYSTEMS:
        yield _warn(
            "ledger", f"{folder} is in memory ({kind}): evidence is gone with the next boot", "use a disk"
        )


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def file_system_of(folder: Path, mountinfo: str) -> str:
    """The type of the file system that holds an absolute path, by the kernel's mountinfo (proc(5)); "" for unknown."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        mount, _, rest = line.partition(" - ")
        point = Path(mount.split(" ")[4].replace("\\040", " "))
        # Of two mounts on one point the later one is seen.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free // (1024 * 1024):,} MiB are free in {folder}"
    if free < NO_SPACE_BYTES:
        return _fail("ledger", text, "free space: slad stops publishing figures when the disk is full")
    if free < LOW_SPACE_BYTES:
        return _warn("ledger", text, "free space before it runs out, and alert on the file system")
    return _ok("ledger", text)


def _lock(path: Path, *, running: bool) -> Finding:
    """Whether a daemon could take the ledger; the lock's file is not made, for it would be of the wrong user."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _ok("ledger", f"{path} is free" if path.exists() else f"{path} will be made")
    except OSError as error:
        return _fail(
            "ledger",
            f"the lock of {path} cannot be opened: {error.strerror}",
            "run this as the user that slad runs as, or give that user the file",
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        if running:
            return _ok("ledger", f"{path} is in use by the slad that runs, process {owner}")
        return _fail(
            "ledger",
            f"{path} is in use by process {owner}, and no slad answers at the control socket",
            f"see what it is (ps {owner}), and end it before slad is started",
        )
    else:
        return _ok("ledger", f"{path} is free")
    finally:
        os.close(descriptor)


# The doors


def _answering(path: Path) -> ControlError | None:
    """None where a running slad answers at the control socket, else why not."""

    async def ask() -> None:
        async with ControlClient(path) as daemon:
            await daemon.status()

    try:
        asyncio.run(ask())
    except ControlError as error:
        return error
    return None


def _control(path: Path, unanswered: ControlError | None) -> Finding:
    if unanswered is None:
        return _ok("control", f"slad runs and answers at {path}")
    folder = path.parent
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return _socket_folder(folder)
    except OSError as error:
        return _warn("control", f"{path} cannot be looked at: {error.strerror}", _GROUP)
    if kind != stat.S_IFSOCK:
        return _fail("control", f"{path} is there and is no socket", "remove it, or name another place")
    if not os.access(path, os.W_OK):
        return _warn("control", str(unanswered), _GROUP)
    return _socket_folder(folder)


_GROUP: Final = "become a member of its group (usermod -aG slad NAME), and log in again"


def _socket_folder(folder: Path) -> Finding:
    """Whether a socket can be made in a folder where no slad answers."""
    if os.access(folder, os.W_OK | os.X_OK):
        return _ok("control", f"a socket can be made in {folder}; no slad answers there now")
    if folder.is_dir():
        return _fail(
            "control",
            f"no socket can be made in {folder}",
            "run this as the user that slad runs as, or give that user the folder",
        )
    if folder == _UNIT_RUNTIME_DIRECTORY:
        return _ok("control", f"{folder} does not exist yet: systemd makes it when it starts slad")
    return _fail("control", f"the folder {folder} does not exist", "make it, for the user that slad runs as")


def _web(config: Config, *, running: bool) -> Iterator[Finding]:
    if config.web.config_file is not None:
        try:
            WebConfigFile(config.web.config_file)
        except WebConfigError as error:
            yield _fail("web", str(error), "correct the file; `promtool check web-config` knows its form")
        else:
            yield _ok("web", f"{config.web.config_file} can be used")
    for address in config.web.listen:
        yield _listening(address, running=running)


def _listening(address: Address, *, running: bool) -> Finding:
    try:
        for family, kind, protocol, _, where in socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(where)
    except socket.gaierror as error:
        return _fail("web", f"{address.host} has no address: {error.strerror}", "write an IP number")
    except OSError as error:
        if error.errno == errno.EADDRINUSE and running:
            return _ok("web", f"{address} is in use, as it is while slad runs")
        remedies = {
            errno.EADDRINUSE: f"see what has it (ss -ltnp 'sport = :{address.port}'), or choose another port",
            errno.EADDRNOTAVAIL: "write an address that this machine has (ip address)",
            errno.EACCES: "choose a port from 1024 on: slad has no privileges",
        }
        remedy = remedies.get(error.errno or 0, "choose another address")
        return _fail("web", f"{address} cannot be listened on: {error.strerror}", remedy)
    return _ok("web", f"{address} can be listened on")


# vCenters


def _vcenter(
    about: str, table: VCenterTable, needs: Needs, clock: Clock, deadlines: Deadlines
) -> Iterator[Finding]:
    address = table.address
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        yield _fail(
            about,
            f"the name {address.host} has no address: {error.strerror}",
            "correct the name, or this machine's DNS (resolvectl query)",
        )
        return
    numbers = ", ".join(dict.fromkeys(str(one[4][0]) for one in found))
    if numbers != address.host:
        yield _ok(about, f"{address.host} is {numbers}")
    try:
        endpoint = replace(endpoint_of(table), deadlines=deadlines)
        identity = _identity(about, table, endpoint)
    except VcenterError as error:
        yield _fail(
            about,
            str(error),
            f"see whether port {address.port} is open from here: routes, firewalls, and whether vCenter runs",
        )
        return
    yield identity
    if identity.level is not Level.FAIL:
        yield from _account(about, table, endpoint, needs, clock)


def _identity(about: str, table: VCenterTable, endpoint: Endpoint) -> Finding:
    """How the vCenter proves that it is the one. Raises VcenterError where nothing can be asked."""
    if endpoint.tls is None:
        prove_identity(endpoint)
        return _ok(about, f"{table.address} answers, in plain HTTP")
    pin = f"sha256:{shown_certificate(endpoint).hex(':').upper()}"
    try:
        prove_identity(endpoint)
    except CertificateError as error:
        remedy = f'if {pin} is what vCenter itself shows as its fingerprint, write pin = "{pin}"'
        if table.pin is None:
            remedy += ", or name its authority by ca_file"
        return _fail(about, str(error), remedy)
    return _ok(about, f"{table.address} proves its identity; its certificate is {pin}")


def _account(
    about: str, table: VCenterTable, endpoint: Endpoint, needs: Needs, clock: Clock
) -> Iterator[Finding]:
    try:
        password = table.password.read()
    except SecretError as error:
        if table.password.path is None:
            yield _warn(
                about,
                f"the login was not tried: {table.password.name} is only there for what systemd starts",
                "run the doctor as slad runs: systemctl start slad-doctor, then journalctl -u slad-doctor",
            )
        else:
            yield _fail(about, str(error), "write the password into the file, one line")
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
        yield from _seen(about, table.user, session, needs, clock)
    except VcenterError as error:
        yield _fail(
            about, f"vCenter broke off: {error}", "try again; if it stays, look at vCenter's own health"
        )
    finally:
        session.close()


def _no_session(about: str, user: str, error: VcenterError) -> Finding:
    match error:
        case LoginRefusedError():
            remedy = "correct user and password; a locked account opens itself after some minutes"
            return _fail(about, str(error), remedy)
        case PermissionDeniedError():
            return _fail(about, f"{user} has no rights at all: {error}", _ROLE)
        case _:
            remedy = "see whether vCenter is still starting, and whether it is a vCenter at all"
            return _fail(about, str(error), remedy)


_ROLE: Final = (
    "give the account the role Read-only on vCenter's root folder, with “Propagate to children” (vSphere Client:"
    " Permissions)"
)


def _seen(about: str, user: str, session: Session, needs: Needs, clock: Clock) -> Iterator[Finding]:
    yield _ok(about, f"{user} is logged in to {session.content.about.fullName}")
    yield _clock(about, clock_offset_us(session, clock.now))
    yield from _rights(about, census(session))
    if needs.attributes:
        yield _attributes(about, session)
    if events_are_readable(session, clock.now()):
        yield _ok(about, "events can be read")
    else:
        yield _warn(
            about,
            "events cannot be read: outages are dated by when they were noticed, and causes stay unknown",
            _ROLE,
        )


def _clock(about: str, offset_us: int) -> Finding:
    ahead = f"{abs(offset_us) / SECOND:.1f} s {'ahead of' if offset_us > 0 else 'behind'} this machine's"
    if abs(offset_us) > MAX_OFFSET_US:
        return _warn(
            about,
            f"vCenter's clock is {ahead}: slad corrects event times by that, as well as it can",
            "let both keep time by NTP: timedatectl here, the appliance's management page there",
        )
    return _ok(about, f"vCenter's clock is {ahead}")


def _rights(about: str, found: Census) -> Iterator[Finding]:
    numbers = ", ".join(_counted(_WORDS[kind], count) for kind, count in found.counts.items())
    if found.counts["VirtualMachine"] and found.counts["HostSystem"]:
        yield _ok(about, f"the account sees {numbers}: compare that with what an administrator sees")
    else:
        yield _fail(about, f"the account sees too little: {numbers}", _ROLE)
    by_kind = sorted(found.unreadable, key=lambda one: one.kind)
    for kind, group in groupby(by_kind, key=lambda one: one.kind):
        yield _refused(about, kind, list(group))


def _refused(about: str, kind: str, refused: Sequence[Unreadable]) -> Finding:
    names = ", ".join(one.name for one in refused[:NAMED])
    more = f" and {len(refused) - NAMED:,} more" if len(refused) > NAMED else ""
    faults = ", ".join(sorted({one.fault for one in refused}))
    text = f"{_counted(_WORDS[kind], len(refused))} cannot be read ({faults}): {names}{more}"
    if kind in _JUDGED:
        return _fail(about, f"{text}; what rests on them stays unknown", _ROLE)
    return _warn(about, f"{text}; rules by place do not see them", _ROLE)


def _attributes(about: str, session: Session) -> Finding:
    try:
        names = custom_field_names(session)
    except PermissionDeniedError:
        return _fail(about, "custom attributes, which rules ask for, cannot be read", _ROLE)
    return _ok(about, f"{_counted('custom attribute', len(names))} can be read")


def _counted(word: str, count: int) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


# The machine


def _machine() -> Iterator[Finding]:
    ours, theirs = time_zone_release(), _system_zone_release()
    if theirs in (None, ours):
        yield _ok("time zones", f"slad's own data, release {ours}")
    else:
        yield _warn(
            "time zones",
            f"slad goes by its own data, release {ours}; this machine's is {theirs}, and other programs may show"
            " other local times",
            "update the older: the package tzdata here, or slad",
        )
    yield _ping()


def _system_zone_release() -> str | None:
    try:
        with _SYSTEM_ZONES.open(encoding="ascii") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError):
        return None
    return first.removeprefix("# version ").strip()


def _ping() -> Finding:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except OSError:
        return _warn(
            "ping",
            "this group may not open ping sockets: the Internet leg cannot be watched by ICMP",
            "sysctl -w net.ipv4.ping_group_range='0 2147483647', as 99-slad-ping.conf does at each boot",
        )
    return _ok("ping", "ping sockets can be opened, without any capability")
