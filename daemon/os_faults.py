"""What this machine refused, as a sentence that says what to do: no room, no right, no descriptor, no memory, a port that is taken.

An `OSError` is no defect of slad's, whatever line it shows in. Some come in disguise: a library that cannot be loaded for want
of memory is an `ImportError`, a thread that cannot be started a `RuntimeError`.
"""

import errno
import os
from typing import Final

_NO_MEMORY: Final = "give slad more memory (ulimit -v, MemoryMax=), or end what uses it"
_NO_DESCRIPTOR: Final = "allow slad more open files (ulimit -n, LimitNOFILE=)"
_NO_ROOM: Final = "make room there, or allow larger files, and try again"
_NO_RIGHT: Final = "run slad as a user who may, or give its user the right"
_TAKEN: Final = "end what has it, or choose another address or port"
_REMEDIES: Final = {
    errno.ENOMEM: _NO_MEMORY,
    errno.EMFILE: _NO_DESCRIPTOR,
    errno.ENFILE: "too many files are open on this machine: raise fs.file-max, or end what holds them",
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EROFS: "mount the file system writable, or choose another place",
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EADDRINUSE: _TAKEN,
    errno.EADDRNOTAVAIL: "choose an address that this machine has",
    errno.ENOENT: "make it, or name another place",
    errno.ENOTDIR: "make it, or name another place",
    errno.EISDIR: "name a file",
    errno.EIO: "the disk or the terminal failed: look into the kernel's log (journalctl -k)",
    errno.EBADF: "give slad a standard output that is open",
    errno.EAGAIN: "this machine has no more processes or threads to give: raise the limit (ulimit -u, TasksMax=)",
}
_OF_WRITING: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF, errno.EIO}


def nobody_reads(error: BaseException) -> bool:
    """Whether all that happened is that nobody reads the output any more: the caller is to end as by SIGPIPE."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(nobody_reads, error.exceptions))
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def os_fault(error: BaseException) -> str | None:
    """What the machine refused and what to do, without a full stop; None where that is not what `error` is.

    Of a group of errors all have to be such; the first one is told.
    """
    match error:
        case BaseExceptionGroup():
            told = [os_fault(each) for each in error.exceptions]
            return told[0] if all(told) else None
        case MemoryError():
            return f"memory ran out: {_NO_MEMORY}"
        case OSError(filename=None, errno=number) if number in _OF_WRITING:
            return f"the output, or a file, could not be written: {refused(error)}"
        case OSError(filename=None):
            return refused(error)
        case OSError(filename=bytes(name)):
            return f"{os.fsdecode(name)}: {refused(error)}"
        case OSError():
            return f"{error.filename}: {refused(error)}"
        case ImportError() if "cannot allocate memory" in str(error).lower() or "failed to map" in str(error):
            return f"memory ran out: {_NO_MEMORY}"
        case RuntimeError() if "can't start new thread" in str(error):
            return f"no thread can be started: {_REMEDIES[errno.EAGAIN]}; or {_NO_MEMORY}"
        case _:
            return None


class AddressTakenError(OSError):
    """Somebody else listens there: who, where that is known, and what to do."""

    def __init__(self, address: str, holder: str, remedy: str = _TAKEN) -> None:
        by = f", by {holder}" if holder else ""
        super().__init__(errno.EADDRINUSE, f"{address} is in use{by}")
        self.remedy = remedy


def refused(error: OSError) -> str:
    """Why, and what to do, for a sentence that has said what: without the file's name, and without a full stop."""
    why = error.strerror or str(error) or type(error).__name__
    remedy = error.remedy if isinstance(error, AddressTakenError) else _REMEDIES.get(error.errno or 0)
    return f"{why}: {remedy}" if remedy else why
