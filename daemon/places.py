"""Where slad's files are on a machine, unless something else is said."""

from pathlib import Path
from typing import Final

DEFAULT_CONFIG: Final = Path("/etc/slad/slad.toml")
DEFAULT_SOCKET: Final = Path("/run/slad/control.sock")
