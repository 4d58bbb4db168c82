"""How the C library gives back memory that was needed for a moment."""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
"""`man 3 mallopt`; `malloc.h` of glibc."""
_MAPPED_BYTES: Final = 128 * 1024
"""What glibc begins with."""


def tune_malloc() -> None:
    """Have each large block mapped by itself, so that it goes back to the system when it is let go of; to be called once, at start.

    Left alone, glibc maps only what is larger than the largest block that was ever given back, of up to 32 MB: tables that grow
    while a fleet is taken in would leave holes in the heap, which nothing else fits into. Does nothing with another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
