"""The web config file: TLS, basic auth and headers in the format that Prometheus and its exporters share.

The format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md. What slad does not
support of it is refused, never ignored. The file and the files it names are looked at anew for every connection and
every request, so changed certificates and users count at once; only whether there is TLS at all is decided at start.
While the file cannot be used nobody gets in.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from daemon.config.certificates import check_pem, load_pair

_BCRYPT: Final = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""The headers that may be set, and the values they may have; any where none are named."""
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class WebConfigError(Exception):
    """The web config file cannot be used; the message says which key and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TlsServerConfig(_Strict):
    """`tls_server_config`; paths are relative to the file that holds them."""

    cert_file: Path
    key_file: Path
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = (
        "NoClientCert"
    )
    client_ca_file: Path | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"

    @model_validator(mode="after")
    def _client_authentication_is_whole(self) -> Self:
        verifies = self.client_auth_type != "NoClientCert"
        if verifies and self.client_ca_file is None:
            raise ValueError(f"client_auth_type {self.client_auth_type} needs client_ca_file")
        if self.client_ca_file is not None and not verifies:
            raise ValueError("client_ca_file needs client_auth_type RequireAndVerifyClientCert")
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert")
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file it names."""
        return tuple(
            path for path in (self.cert_file, self.key_file, self.client_ca_file) if path is not None
        )


class HttpServerConfig(_Strict):
    """`http_server_config`. slad speaks HTTP/1.1 whatever `http2` says."""

    http2: bool = True
    headers: dict[str, str] = Field(default_factory=dict)

    @field_validator("headers")
    @classmethod
    def _headers_are_settable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if name not in _HEADERS:
                raise ValueError(f"{name} cannot be set; these can: {', '.join(_HEADERS)}")
            if _HEADERS[name] and value not in _HEADERS[name]:
                raise ValueError(f"{name} can be {' or '.join(_HEADERS[name])}")
            if not value.isprintable():
                raise ValueError(f"{name} has characters that a header cannot have")
        return headers


class RateLimit(_Strict):
    """`rate_limit`: a bucket of `burst` requests, refilled by one every `interval`; 0 is no limit."""

    interval_s: float = Field(alias="interval", default=0.0)
    burst: int = Field(ge=1, default=1)

    @field_validator("interval_s", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        match = _DURATION.fullmatch(str(value))
        if match is not None:
            return float(match[1]) * _UNIT_S[match[2]]
        if str(value) == "0":
            return 0.0
        raise ValueError("this is no duration such as 1s, 500ms or 1m")


class WebConfig(_Strict):
    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: dict[str, SecretStr] = Field(default_factory=dict)
    rate_limit: RateLimit = RateLimit()

    @field_validator("basic_auth_users")
    @classmethod
    def _passwords_are_hashed(cls, users: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for user, hashed in users.items():
            if _BCRYPT.fullmatch(hashed.get_secret_value()) is None:
                raise ValueError(
                    f"the password of {user} is no bcrypt hash; make one with htpasswd -nBC 10 ''"
                )
        return users


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A web config file, read whole, and the TLS context that it makes."""

    config: WebConfig
    tls: ssl.SSLContext | None


def load(path: Path) -> Loaded:
    """Read and check the file and every file it names. Raises WebConfigError."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        config = WebConfig.model_validate({} if values is None else values)
    except (OSError, UnicodeDecodeError) as error:
        raise WebConfigError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        raise WebConfigError(f"{path}: this is no YAML: {_where(error)}") from None
    except ValidationError as error:
        raise WebConfigError("\n".join(f"{path}: {line}" for line in _complaints(error))) from None
    if config.tls_server_config is None:
        return Loaded(config=config, tls=None)
    tls = config.tls_server_config
    files = {
        key: path.parent / getattr(tls, key)
        for key in ("cert_file", "key_file", "client_ca_file")
        if getattr(tls, key) is not None
    }
    config = config.model_copy(update={"tls_server_config": tls.model_copy(update=files)})
    assert config.tls_server_config is not None
    return Loaded(config=config, tls=_tls_context(path, config.tls_server_config))


class WebConfigFile:
    """The file as it is now; read again only when it, or a file that it names, has another stamp."""

    def __init__(self, path: Path) -> None:
        """Read it for the first time. Raises WebConfigError."""
        self._path = path
        self._loaded: Loaded | WebConfigError = load(path)
        self._files: tuple[Path, ...] = self._named()
        self._stamps = [_stamp(file) for file in self._files]

    def current(self) -> Loaded:
        """What the file says now. Raises WebConfigError while it cannot be used."""
        stamps = [_stamp(file) for file in self._files]
        if stamps != self._stamps:
            try:
                self._loaded = load(self._path)
            except WebConfigError as error:
                self._loaded = error
            self._files = self._named()
            self._stamps = [_stamp(file) for file in self._files]
        if isinstance(self._loaded, WebConfigError):
            raise self._loaded
        return self._loaded

    def _named(self) -> tuple[Path, ...]:
        if isinstance(self._loaded, WebConfigError):
            return self._files
        tls = self._loaded.config.tls_server_config
        return (self._path, *(tls.files if tls is not None else ()))


class CurrentTls(ssl.SSLContext):
    """A context that gives every new connection the context of the moment."""

    file: WebConfigFile

    @classmethod
    def of(cls, file: WebConfigFile) -> Self:
        """The context that follows a file."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context.file = file
        return context

    def wrap_bio(self, *args: Any, **keywords: Any) -> ssl.SSLObject:
        """See SSLContext; this is where asyncio takes a connection's context.

        While the file offers none, the connection gets this context itself: it has no certificate, so that the
        handshake fails and says so to the client.
        """
        try:
            tls = self.file.current().tls
        except WebConfigError:
            tls = None
        return super().wrap_bio(*args, **keywords) if tls is None else tls.wrap_bio(*args, **keywords)


def _tls_context(path: Path, config: TlsServerConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[config.min_version]
    context.maximum_version = _VERSIONS[config.max_version]
    context.verify_mode = _CLIENT_AUTH[config.client_auth_type]
    context.set_alpn_protocols(["http/1.1"])
    key = "cert_file"
    try:
        load_pair(context, config.cert_file, config.key_file)
        key = "client_ca_file"
        if config.client_ca_file is not None:
            check_pem(config.client_ca_file)
            context.load_verify_locations(config.client_ca_file)
    except (OSError, ValueError) as error:
        raise WebConfigError(f"{path}: tls_server_config.{key}: {error}") from error
    return context


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _where(error: yaml.YAMLError) -> str:
    """Line and problem, without the text around it: it may hold secrets."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "unreadable"
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(problem)


def _complaints(error: ValidationError) -> list[str]:
    lines = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        key = ".".join(str(part) for part in one["loc"]) or "(file)"
        reason = "slad knows no such key" if one["type"] == "extra_forbidden" else one["msg"]
        lines.append(f"{key}: {reason.removeprefix('Value error, ')}")
    return lines
