"""The office that windows are recorded in, and somebody at its door."""

from tests.daemon.records.conftest import caller, office

__all__ = ["caller", "office"]
