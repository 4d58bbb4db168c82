"""`[alertmanager]` in slad.toml: whom slad pushes its alerts to, and what its values become."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from daemon.config.labels import OWN_LABELS
from daemon.config.tables import Table
from daemon.config.values import (
    Address,
    Between,
    CertificateFile,
    Duration,
    DurationValue,
    PasswordFile,
    Text,
    TokenFile,
    shown,
    some_each_once,
)
from probes.targets.target import Method, TargetError, parse_target
from sla.instants import MINUTE, SECOND

EXPIRES_AFTER: Final = 4
"""Times `resend`: an Alertmanager takes an alert that was not sent again for so long for resolved."""
MOST_LABELS: Final = 16

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", re.ASCII)
_VALUE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """A URL of HTTP or HTTPS that others continue: `text` has no slash at its end."""

    scheme: str
    address: Address
    text: str

    @property
    def is_seen_by_others(self) -> bool:
        """Whether what is sent there can be read on the way."""
        return self.scheme == "http" and self.address.host != "localhost" and not self.address.is_loopback


def _base_url(value: object) -> BaseUrl:
    text = value if isinstance(value, str) else ""
    if "@" in text:  # what is before it may be a secret, so it is not shown
        raise ValueError("may not name a user: there are user and password_file for that")
    try:
        target = parse_target(text)
    except TargetError:
        target = None
    if target is None or target.method not in (Method.HTTP, Method.HTTPS) or "?" in target.path:
        raise ValueError(f'{shown(value)} is no URL: write one such as "http://am1.example.net:9093"')
    return BaseUrl(
        scheme=target.method.value,
        address=Address(target.host, target.port),
        text=target.text.rstrip("/"),
    )


def _places_once(urls: tuple[BaseUrl, ...]) -> tuple[BaseUrl, ...]:
    """Metrics tell Alertmanagers apart by host and port."""
    places = [url.address for url in urls]
    for position, place in enumerate(places):
        if place in places[:position]:
            raise ValueError(f"{place} is there twice")
    return urls


def _labels(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004  a reader of values
            f'must be a table, not {shown(value)}: write one such as {{ site = "toronto" }}'
        )
    if len(value) > MOST_LABELS:
        raise ValueError(f"has {len(value)} labels, and at most {MOST_LABELS} can be")
    for name, text in value.items():
        if not _LABEL.fullmatch(name):
            raise ValueError(
                f"{shown(name)} is no label's name: write letters, digits and underscores, no digit first"
            )
        if name in OWN_LABELS:
            raise ValueError(f"{name} is a label of slad's own: choose another name")
        if not isinstance(text, str) or not _VALUE.fullmatch(text):
            raise ValueError(f"{name} must be one line of 1 to 256 characters in quotes, not {shown(text)}")
    return value


Url = Annotated[BaseUrl, BeforeValidator(_base_url)]


class AlertmanagerTable(Table):
    """`[alertmanager]`: every Alertmanager that slad pushes its alerts to, and how."""

    urls: Annotated[
        tuple[Url, ...], Field(max_length=16), AfterValidator(some_each_once), AfterValidator(_places_once)
    ] = Field(examples=[["http://am1.example.net:9093"]])
    external_labels: Annotated[Mapping[str, str], BeforeValidator(_labels)] = Field(
        default_factory=dict, examples=[{}]
    )
    ca_file: CertificateFile | None = Field(default=None, examples=["alertmanager-ca.pem"])
    user: Text | None = Field(default=None, examples=["slad"])
    password_file: PasswordFile | None = Field(default=None, examples=["alertmanager.password"])
    token_file: TokenFile | None = Field(default=None, examples=["alertmanager.token"])
    resend: Annotated[DurationValue, AfterValidator(Between(Duration(SECOND), Duration(10 * MINUTE)))] = (
        Field(default=Duration(MINUTE), examples=["1m"])
    )
    runbook_url: Url | None = Field(default=None, examples=["https://wiki.example.net/slad"])
    dashboard_url: Url | None = Field(default=None, examples=["https://grafana.example.net"])

    @property
    def expires_us(self) -> int:
        """How long after an alert was sent it ends unless it is sent again."""
        return EXPIRES_AFTER * self.resend.us

    @property
    def shows_its_secret(self) -> bool:
        """Whether a password or token goes over a network in plain text."""
        has_secret = self.password_file is not None or self.token_file is not None
        return has_secret and any(url.is_seen_by_others for url in self.urls)

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """One way to say who slad is, and whole."""
        for key, other in (("user", "password_file"), ("password_file", "user")):
            if key in raw and other not in raw:
                yield key, f"means nothing without {other}"
        if "token_file" in raw and "user" in raw:
            yield "token_file", "user is there too: keep one of them"
        urls = raw.get("urls")
        if "ca_file" in raw and isinstance(urls, list) and not any("https:" in str(url) for url in urls):
            yield "ca_file", "means nothing without a URL of HTTPS: leave it out"
