"""Large blocks go back to the system, whatever was given back before; by glibc's own numbers, in a process of its own."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys
from daemon.allocator import tune_malloc

class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Mallinfo
if sys.argv[1] == "tuned":
    tune_malloc()
del (largest := [bytes(30_000_000)])[0]
before = mallinfo2().hblks
kept = [bytes(1_000_000) for _ in range(10)]
print(mallinfo2().hblks - before)
"""


@pytest.mark.parametrize(("how", "mapped"), [("tuned", 10), ("left alone", 0)])
def test_a_large_block_is_mapped_by_itself(how: str, mapped: int) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], check=True, stdout=subprocess.PIPE, text=True
    )
    assert int(answer.stdout) == mapped
