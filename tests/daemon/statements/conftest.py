"""Where configurations of these tests lie."""

from tests.daemon.config.conftest import folder

__all__ = ["folder"]
