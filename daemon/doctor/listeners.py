"""Whether the doors can be opened: the control door's socket and addresses, the public door's addresses."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from daemon.config.tables import ControlTable, WebTable
from daemon.config.values import Address
from daemon.control.client import ControlClient, ControlError
from daemon.doctor.finding import Finding, fail, ok, warn
from daemon.web.config import WebConfigError, WebConfigFile
from daemon.web.hosts import own_names

_UNIT_RUNTIME_DIRECTORY: Final = Path("/run/slad")


def answering(path: Path) -> ControlError | None:
    """None where a running slad answers at the control socket, else why not."""

    async def ask() -> None:
        async with ControlClient(path) as daemon:
            await daemon.status()

    try:
        asyncio.run(ask())
    except ControlError as error:
        return error
    return None


def control(table: ControlTable, unanswered: ControlError | None) -> Iterator[Finding]:
    """The control door's socket and its addresses; `unanswered`: why no slad answers there."""
    yield _socket(table.socket, unanswered)
    for address in table.listen:
        yield _listening("control", address, running=unanswered is None)


def _socket(path: Path, unanswered: ControlError | None) -> Finding:
    if unanswered is None:
        return ok("control", f"slad runs and answers at {path}")
    folder = path.parent
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return _socket_folder(folder)
    except OSError as error:
        return warn("control", f"{path} cannot be looked at: {error.strerror}", _GROUP)
    if kind != stat.S_IFSOCK:
        return fail("control", f"{path} is there and is no socket", "remove it, or name another place")
    if not os.access(path, os.W_OK):
        return warn("control", str(unanswered), _GROUP)
    return _socket_folder(folder)


_GROUP: Final = "become a member of its group (usermod -aG slad NAME), and log in again"


def _socket_folder(folder: Path) -> Finding:
    """Whether a socket can be made in a folder where no slad answers."""
    if os.access(folder, os.W_OK | os.X_OK):
        return ok("control", f"a socket can be made in {folder}; no slad answers there now")
    if folder.is_dir():
        return fail(
            "control",
            f"no socket can be made in {folder}",
            "run this as the user that slad runs as, or give that user the folder",
        )
    if folder == _UNIT_RUNTIME_DIRECTORY:
        return ok("control", f"{folder} does not exist yet: systemd makes it when it starts slad")
    return fail("control", f"the folder {folder} does not exist", "make it, for the user that slad runs as")


def web(table: WebTable, *, running: bool) -> Iterator[Finding]:
    """The public door: its configuration file, and the addresses it listens on."""
    if table.config_file is not None:
        try:
            WebConfigFile(table.config_file)
        except WebConfigError as error:
            yield fail("web", str(error), "correct the file; `promtool check web-config` knows its form")
        else:
            yield ok("web", f"{table.config_file} can be used")
    for address in table.listen:
        yield _listening("web", address, running=running)
    if not all(address.is_loopback for address in table.listen):
        known = ", ".join(dict.fromkeys((*own_names(), *table.hosts)))
        yield ok(
            "web", f"others may ask for it by its own addresses and as {known}; further names go into hosts"
        )


def _listening(about: str, address: Address, *, running: bool) -> Finding:
    try:
        for family, kind, protocol, _, where in socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(where)
    except socket.gaierror as error:
        return fail(about, f"{address.host} has no address: {error.strerror}", "write an IP number")
    except OSError as error:
        if error.errno == errno.EADDRINUSE and running:
            return ok(about, f"{address} is in use, as it is while slad runs")
        remedies = {
            errno.EADDRINUSE: f"see what has it (ss -ltnp 'sport = :{address.port}'), or choose another port",
            errno.EADDRNOTAVAIL: "write an address that this machine has (ip address)",
            errno.EACCES: "choose a port from 1024 on: slad has no privileges",
        }
        remedy = remedies.get(error.errno or 0, "choose another address")
        return fail(about, f"{address} cannot be listened on: {error.strerror}", remedy)
    return ok(about, f"{address} can be listened on")
