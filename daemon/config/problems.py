"""What is wrong with a slad.toml: every problem at once, each with its file, line and key."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, or a warning. `key` is empty where it is about the whole file or its syntax."""

    file: Path
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        """`file:line: key: what is wrong, what would be right`."""
        return f"{self.file}:{self.line}: {self.key}{': ' if self.key else ''}{self.text}"


class ConfigError(Exception):
    """slad.toml cannot be used: all that is wrong with it, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> None:
        """With at least one problem."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
