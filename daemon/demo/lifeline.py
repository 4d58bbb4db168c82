"""What stands for the monitor's gateway, and for targets beyond an uplink."""

import asyncio
import socket
from contextlib import suppress


class Lifeline:
    """A way to somewhere: a port of this machine that answers until it is cut, and refuses from then on."""

    def __init__(self) -> None:
        """Cut; to be used on the loop."""
        self.port = 0
        self._listener: socket.socket | None = None

    def mend(self) -> None:
        """Answer, at the same port each time."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listener.setblocking(False)
            self.port = self._listener.getsockname()[1]
            asyncio.get_running_loop().add_reader(self._listener, self._answer, self._listener)

    def cut(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _answer(self, listener: socket.socket) -> None:
        with suppress(OSError):
            listener.accept()[0].close()
