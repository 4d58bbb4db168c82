"""What a probe is aimed at: `icmp://192.0.2.1`, `tcp://host:443`, `https://host/path`.

TargetError     a text is no target; says what would be one
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SHAPE: Final = re.compile(
    r"(?P<method>[A-Za-z]+)://(?P<host>\[[^\]]*\]|[^\[\]:/?#]*)(?::(?P<port>[^/?#]*))?(?P<path>[/?].*)?",
    re.DOTALL,
)
_NAME: Final = re.compile(
    r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?",
    re.ASCII,
)
_PATH: Final = re.compile(r"[!-~]*", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_MAX_CHARACTERS: Final = 2048
_SHOWN_CHARACTERS: Final = 80
_EXAMPLES: Final = "icmp://HOST, tcp://HOST:PORT, http://HOST/PATH or https://HOST/PATH"


class TargetError(ValueError):
    """A text is no target."""


class Method(StrEnum):
    """How a target is probed; the scheme of its text."""

    ICMP = "icmp"
    TCP = "tcp"
    HTTP = "http"
    HTTPS = "https"


_DEFAULT_PORTS: Final = {Method.ICMP: 0, Method.HTTP: 80, Method.HTTPS: 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target. `port` is 0 for ICMP; `path` is empty but for HTTP, where it begins with a slash (query included).

    `host` is a name in lower case, or an address without brackets. `statuses`: those of HTTP that are up; none given:
    200 to 299. `body`: a regular expression that must be found in the first mebibyte of the response.
    `follow_redirects`: only where asked for.
    """

    method: Method
    host: str
    port: int = 0
    path: str = ""
    statuses: tuple[int, ...] = ()
    body: str | None = None
    follow_redirects: bool = False

    @property
    def text(self) -> str:
        """The target as it is written: method, host, port unless it is the method's own, path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS.get(self.method) else f":{self.port}"
        return f"{self.method}://{host}{port}{self.path}"


def parse_target(text: str) -> Target:
    """Read a target. Raises TargetError."""
    if len(text) > _MAX_CHARACTERS:
        raise _error(text, f"is longer than {_MAX_CHARACTERS} characters")
    if "@" in _authority(text):  # what is before it may be a secret, so it is not shown
        raise TargetError("a target may not name a user: leave out the @ and what is before it")
    shape = _SHAPE.fullmatch(text)
    if shape is None or ":" in (shape["port"] or ""):
        raise _error(text, _why_shapeless(text))
    try:
        method = Method(shape["method"].lower())
    except ValueError:
        raise _error(text, f"{shape['method']} is no way to probe: write {_EXAMPLES}") from None
    return Target(
        method=method,
        host=_host(text, shape["host"]),
        port=_port(text, method, shape["port"]),
        path=_path(text, method, shape["path"] or ""),
    )


def bracketed(address: str) -> str:
    """An address as it stands in a target's text: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def _host(text: str, host: str) -> str:
    if host.startswith("["):
        return _ipv6(text, host[1:-1])
    host = host.lower()
    if host.rstrip(".").rpartition(".")[2].isdecimal():
        return _ipv4(text, host)
    if _NAME.fullmatch(host) is None:
        raise _error(text, _why_no_name(host))
    return host


def _ipv4(text: str, host: str) -> str:
    """The system would take 1.2.3 for 1.2.0.3, and 010.0.0.1 for 8.0.0.1: nobody means that."""
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise _error(text, f"{_shown(host)} is no IPv4 address: write four numbers up to 255") from None


def _ipv6(text: str, host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise _error(
            text, f"{_shown(host)} is no IPv6 address: brackets are for these, as in [2001:db8::1]"
        ) from None


def _port(text: str, method: Method, port: str | None) -> int:
    if method is Method.ICMP:
        if port is not None:
            raise _error(text, "has a port, which ICMP knows none of: leave it out")
        return 0
    if port is None:
        if method is Method.TCP:
            raise _error(text, "lacks a port: write tcp://HOST:PORT")
        return _DEFAULT_PORTS[method]
    if _PORT.fullmatch(port) is None or not 1 <= int(port) <= 65_535:
        raise _error(text, f"{_shown(port)} is no port: write a number from 1 to 65535")
    return int(port)


def _path(text: str, method: Method, path: str) -> str:
    if method not in (Method.HTTP, Method.HTTPS):
        if path:
            raise _error(text, f"has a path, which is for http and https alone: leave out {_shown(path)}")
        return ""
    if "#" in path:
        raise _error(text, "has a fragment, which no server is told: leave out the # and what is behind it")
    if _PATH.fullmatch(path) is None:
        raise _error(text, "has a path with spaces or letters beyond ASCII: write them as %20 and the like")
    return path if path.startswith("/") else f"/{path}"


def _authority(text: str) -> str:
    """What is between the method and the path, were it a target."""
    return re.split(r"[/?#]", text.partition("://")[2])[0]


def _why_shapeless(text: str) -> str:
    if "://" not in text:
        return f"does not say how to probe: write {_EXAMPLES}"
    host = _authority(text)
    if host.count(":") > 1 and not host.startswith("["):
        return "has too many colons: write an IPv6 address in brackets, as in icmp://[2001:db8::1]"
    return f"is malformed: write {_EXAMPLES}"


def _why_no_name(host: str) -> str:
    if not host:
        return f"names no host: write {_EXAMPLES}"
    if not host.isascii():
        return f"{_shown(host)} is no host name: write its ASCII form, which begins with xn--"
    return f"{_shown(host)} is no host name: letters, digits, hyphens and dots make one"


def _error(text: str, what: str) -> TargetError:
    return TargetError(f"{_shown(text)} {what}" if what.startswith(_VERBS) else f"{_shown(text)}: {what}")


_VERBS: Final = ("is ", "has ", "lacks ", "names ", "does ")


def _shown(text: str) -> str:
    cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return f'"{cut}"' if cut.isprintable() else ascii(cut)
