"""What slad tells systemd (sd_notify): ready, reloading, stopping, alive. Without systemd it tells nobody."""

import os
import socket
from collections.abc import Mapping

from daemon.clock import Clock
from sla.instants import SECOND


class Systemd:
    """Sends to $NOTIFY_SOCKET (systemd's sd_notify(3)). `watchdog_s`: within how many seconds it wants to hear `alive`
    ($WATCHDOG_USEC, sd_watchdog_enabled(3)); None where it does not.
    """

    def __init__(self, clock: Clock, env: Mapping[str, str] = os.environ) -> None:
        address = env.get("NOTIFY_SOCKET", "")
        # An address that begins with @ is an abstract one.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._clock = clock
        watchdog_us = env.get("WATCHDOG_USEC", "")
        mine = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(watchdog_us) / SECOND if watchdog_us.isdecimal() and mine else None
        """Within how many seconds it wants to hear `alive` (sd_watchdog_enabled(3)); None where it does not."""

    def ready(self) -> None:
        """Started, or done with a reload."""
        self._send("READY=1")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={self._clock.monotonic_us()}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Every part takes its next step in time (`app.health`)."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            try:
                sock.sendto(message.encode(), self._address)
            except OSError:
                pass  # whoever started us does not listen any more
