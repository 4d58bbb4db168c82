"""What a client says it can read: Accept and Accept-Encoding (RFC 9110 §12.5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from daemon.exposition.bodies import Format

_OPENMETRICS: Final = "application/openmetrics-text"
_TEXT: Final = {"text/plain", "text/*", "*/*"}
_OPENMETRICS_VERSIONS: Final = {"", "1.0.0"}
_TEXT_VERSIONS: Final = {"", "0.0.4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    name: str
    quality: float
    parameters: dict[str, str]


def choose_format(accept: str) -> Format:
    """The format that the client likes best; the text format where it names neither."""
    openmetrics = text = 0.0
    for choice in _choices(accept):
        version = choice.parameters.get("version", "")
        if choice.name == _OPENMETRICS and version in _OPENMETRICS_VERSIONS:
            openmetrics = max(openmetrics, choice.quality)
        elif choice.name in _TEXT and version in _TEXT_VERSIONS:
            text = max(text, choice.quality)
    return Format.OPENMETRICS if openmetrics > 0 and openmetrics >= text else Format.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client reads gzip; one that says nothing gets plain text."""
    qualities = {choice.name: choice.quality for choice in _choices(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _choices(header: str) -> Iterator[_Choice]:
    for part in header.split(","):
        name, *rest = (piece.strip() for piece in part.split(";"))
        pairs = (piece.partition("=") for piece in rest)
        parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 0.0
        yield _Choice(name=name.lower(), quality=quality, parameters=parameters)
