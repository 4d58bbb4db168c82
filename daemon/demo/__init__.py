"""`slad demo`: the whole daemon on a simulated vCenter that goes through faults."""

from daemon.demo.play import DemoSettings, play

__all__ = ["DemoSettings", "play"]
