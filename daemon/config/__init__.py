"""slad.toml: `load` gives a `Config`, or raises `ConfigError` with every problem in it."""

from daemon.config.config import UNASSIGNED, Config
from daemon.config.loading import DEFAULT_PATH, load, load_provider
from daemon.config.problems import ConfigError, Problem

__all__ = ["DEFAULT_PATH", "UNASSIGNED", "Config", "ConfigError", "Problem", "load", "load_provider"]
