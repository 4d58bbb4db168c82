"""Configurations as a test writes them, read: what comes out, or what is wrong with them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from daemon.config.config import Config
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from sla.records import ClientId

ACME = ClientId("acme")


VCENTER = """\
[vcenter.east]
address = "vc.example.net"
user = "slad"
password_file = "east.password"
"""


CLIENT = """\
[client.acme]
name = "Acme"
timezone = "America/Toronto"
"""


RULE = """\
[[rule]]
client = "acme"
"""


WHOLE = VCENTER + CLIENT + RULE


def read(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Config:
    path = folder / "slad.toml"
    path.write_text(text)
    return load(path, env or {})


def problems(folder: Path, text: str, env: Mapping[str, str] | None = None) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, env)
    assert all(problem.file == folder / "slad.toml" for problem in caught.value.problems)
    return [(problem.line, problem.key, problem.text) for problem in caught.value.problems]


def only_problem(folder: Path, text: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    (problem,) = problems(folder, text, env)
    return problem
