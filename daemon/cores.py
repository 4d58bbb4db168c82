"""No core dump of slad: it would hold passwords and tokens.

A process that may not be dumped may not be traced either, but by root: gdb, py-spy and strace -p need it. What a process reads of
itself under /proc stays readable to it, except for its own memory and environment.
"""

import ctypes
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """Have the kernel write no core of this process, whatever its limits say (prctl(2)); a program that it executes may be dumped."""
    forbidden = ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    assert forbidden, "prctl(2) knows PR_SET_DUMPABLE and 0"
