"""`slad demo`: the whole daemon on a simulated vCenter that goes through faults."""

from daemon.demo.play import Stage, play

__all__ = ["Stage", "play"]
