"""Whether the ledger can be kept where it shall be."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from daemon.doctor.finding import Finding, fail, ok, warn
from daemon.ledger import UnsoundSnapshotError, sections_in, snapshot_of

LOW_SPACE_BYTES: Final = 1024 * 1024 * 1024
NO_SPACE_BYTES: Final = 64 * 1024 * 1024

_NETWORK_FILE_SYSTEMS: Final = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.ceph"),
}
_VOLATILE_FILE_SYSTEMS: Final = {"tmpfs", "ramfs"}


def ledger(path: Path, *, running: bool) -> Iterator[Finding]:
    """The folder of the ledger at `path`, its file system, and whether the ledger is free; `running`: slad answers."""
    folder = path.parent
    try:
        folder.stat()
    except OSError as error:
        remedy = (
            "make it, for the user that slad runs as, or run this as that user: systemctl start slad-doctor"
        )
        yield fail("ledger", f"the folder {folder} cannot be looked into: {error.strerror}", remedy)
        return
    yield _writable(folder)
    yield from _file_system(folder)
    yield _space(folder)
    yield _lock(path, running=running)
    yield from _snapshot(path)


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
        return fail("ledger", f"{folder} cannot be written: {error.strerror}", remedy)
    return ok("ledger", f"{folder} can be written")


def _file_system(folder: Path) -> Iterator[Finding]:
    kind = file_system_of(folder.resolve(), _mounts())
    if kind in _NETWORK_FILE_SYSTEMS:
        yield fail(
            "ledger",
            f"{folder} is on a network file system ({kind}), whose locks and syncs cannot be relied on",
            "keep the ledger on a local disk and copy it away with your backup",
        )
    elif kind in _VOLATILE_FILE_SYSTEMS:
        yield warn(
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
        return fail("ledger", text, "free space: slad stops publishing figures when the disk is full")
    if free < LOW_SPACE_BYTES:
        return warn("ledger", text, "free space before it runs out, and alert on the file system")
    return ok("ledger", text)


def _lock(path: Path, *, running: bool) -> Finding:
    """Whether a daemon could take the ledger; the lock's file is not made, for it would be of the wrong user."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ok("ledger", f"{path} is free" if path.exists() else f"{path} will be made")
    except OSError as error:
        return fail(
            "ledger",
            f"the lock of {path} cannot be opened: {error.strerror}",
            "run this as the user that slad runs as, or give that user the file",
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        if running:
            return ok("ledger", f"{path} is in use by the slad that runs, process {owner}")
        return fail(
            "ledger",
            f"{path} is in use by process {owner}, and no slad answers at the control socket",
            f"see what it is (ps {owner}), and end it before slad is started",
        )
    else:
        return ok("ledger", f"{path} is free")
    finally:
        os.close(descriptor)


def _snapshot(path: Path) -> Iterator[Finding]:
    """Whether the next start can begin from the snapshot, as far as that can be told without the ledger."""
    try:
        first = next(sections_in(path), None)
    except UnsoundSnapshotError as error:
        yield warn(
            "ledger",
            f"the snapshot {snapshot_of(path)} {error}: the next start reads all records",
            "nothing: slad writes another; where it comes again, look into the kernel's log (journalctl -k)",
        )
        return
    if first is not None:
        yield ok("ledger", f"the snapshot {snapshot_of(path)} is whole")
