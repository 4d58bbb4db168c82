"""Where the daemon answers. Apart from what asks it, so that a command that asks nothing starts at once."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAddress:
    """Where the daemon answers: its socket, or with `url` the TCP door, `token` and who vouches for its certificate."""

    socket: Path
    url: str = ""
    token: str = field(default="", repr=False)
    ca_file: Path | None = None

    def __str__(self) -> str:
        """The place, for messages."""
        return self.url or str(self.socket)
