"""A disk that forgets what was not synced when the power fails: a file system for SQLite, in memory.

What was written since a file's last sync is lost in part: each write to it may have reached the disk, wholly or up to some
sector, or not. A new file is there for sure once its directory was synced, a deleted one gone for sure.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_int64
from dataclasses import dataclass, field
from itertools import count

import apsw

SECTOR = 512

_names = count(1)


class PowerFailure(apsw.IOError):
    """The power is off."""


@dataclass
class File:
    """A file's bytes as programs see them, as they are on the disk, and the writes between the two."""

    seen: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Offset and bytes; None: cut there."""

    def change(self, offset: int, data: bytes | None) -> None:
        apply(self.seen, offset, data)
        self.unsynced.append((offset, data))

    def sync(self) -> None:
        self.kept = bytearray(self.seen)
        self.unsynced.clear()

    def after_power_failure(self, rng: random.Random) -> bytes:
        for offset, data in self.unsynced:
            fate = rng.random()
            if fate < 0.5:
                continue
            if data is not None and fate < 0.65:
                data = data[: rng.randrange(0, len(data) + 1, SECTOR)]
            apply(self.kept, offset, data)
        return bytes(self.kept)


def apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class Disk:
    """All files. After `operations_left` operations the power fails, and every operation from then on."""

    def __init__(self, files: dict[str, bytes], operations_left: int) -> None:
        self.files = {name: File(bytearray(data), bytearray(data)) for name, data in files.items()}
        self.listed = dict(self.files)
        self.operations_left = operations_left

    def operate(self) -> None:
        self.operations_left -= 1
        if self.operations_left < 0:
            raise PowerFailure("the power failed")

    def after_power_failure(self, rng: random.Random) -> dict[str, bytes]:
        """What is on the disk when the power is back."""
        names = sorted(self.files.keys() | self.listed.keys())
        return {
            name: chosen.after_power_failure(rng)
            for name in names
            if (chosen := rng.choice([self.files.get(name), self.listed.get(name)])) is not None
        }

    @contextmanager
    def mounted(self) -> Iterator[str]:
        """The name under which apsw finds the disk."""
        name = f"lossy{next(_names)}"
        vfs = _FileSystem(name, self)
        try:
            yield name
        finally:
            vfs.unregister()


class _FileSystem(apsw.VFS):
    def __init__(self, name: str, disk: Disk) -> None:
        super().__init__(name, base="")
        self.disk = disk

    def xFullPathname(self, name: str) -> str:  # noqa: N802  the names are SQLite's
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        return pathname in self.disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.disk.operate()
        self.disk.files.pop(filename, None)
        if syncdir:
            self.disk.listed.pop(filename, None)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_Handle":  # type: ignore[override]  # noqa: N802
        filename = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self.disk.files.setdefault(filename, File())
        flags[1] = flags[0]
        return _Handle(self.disk, filename)


class _Handle:
    """An open file."""

    def __init__(self, disk: Disk, name: str) -> None:
        self.disk, self.name, self.file = disk, name, disk.files[name]

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self.file.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.disk.operate()
        self.file.change(offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self.disk.operate()
        self.file.change(newsize, None)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.disk.operate()
        self.file.sync()
        # As SQLite's own file system does it: the first sync of a journal syncs its directory.
        self.disk.listed[self.name] = self.file

    def xFileSize(self) -> int:  # noqa: N802
        return len(self.file.seen)

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: N802
        if op == apsw.SQLITE_FCNTL_MMAP_SIZE:
            c_int64.from_address(ptr).value = 0
        return op == apsw.SQLITE_FCNTL_MMAP_SIZE

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return 0

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xLock(self, level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, level: int) -> None:  # noqa: N802
        pass

    def xClose(self) -> None:  # noqa: N802
        pass
