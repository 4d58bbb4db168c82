"""Real parts that tests run against, and the one rule about a part that is not there."""

import os
import socket
from pathlib import Path

import pytest


def require(present: object, reason: str) -> None:
    """Skip the test, saying why, unless what it needs is there; a path counts when it exists.

    With SLAD_REQUIRE_PEERS=1 a missing part fails the test instead: for machines that must have them all.
    """
    if present.exists() if isinstance(present, Path) else present:
        return
    if os.environ.get("SLAD_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
