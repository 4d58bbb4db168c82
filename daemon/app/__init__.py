"""The composition root: every part made, wired and run as one process; its reload and its health."""

from daemon.app.app import App, run
from daemon.app.opening import Meant

__all__ = ["App", "Meant", "run"]
