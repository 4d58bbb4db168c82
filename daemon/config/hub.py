"""`[hub]` in slad.toml: the PostgreSQL to which a monitor ships its evidence, and what its values become."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from typing import Annotated, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from pydantic import BeforeValidator, Field

from daemon.config.secrets import Secret
from daemon.config.tables import Table
from daemon.config.values import Address, CertificateFile, Credential, PasswordFile, nearest, shown

VERIFIED: Final = "verify-full"
"""The way of TLS in which the certificate must be trusted, and of this host."""

_EXAMPLE: Final = "postgresql://slad-mon1@db.example.net/slad"
_WAYS_OF_TLS: Final = ("disable", "require", "verify-ca", VERIFIED)
_SHARD: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_KEYS: Final = ("host", "port", "user", "dbname", "sslmode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dsn:
    """Where a PostgreSQL is: several hosts are one of which any will do that can be written to. No secret is in it."""

    hosts: tuple[str, ...]
    ports: tuple[str, ...]
    user: str
    database: str
    sslmode: str

    @property
    def is_local(self) -> bool:
        """Whether it is reached by Unix sockets alone, on which there is no TLS."""
        return all(host.startswith("/") for host in self.hosts)

    @property
    def is_verified(self) -> bool:
        """Whether the server has to show a certificate that somebody vouches for."""
        return self.sslmode.startswith("verify-")

    @property
    def is_open_to_others(self) -> bool:
        """Whether somebody on the way can read what goes there, or take the store's place."""
        is_near = all(
            host.startswith("/") or host == "localhost" or Address(host, 0).is_loopback for host in self.hosts
        )
        return self.sslmode != VERIFIED and not is_near

    def __str__(self) -> str:
        """As `parse_dsn` reads it."""
        return self.written_for(self.user)

    def written_for(self, user: str) -> str:
        """The same for another user."""
        options = {"host": ",".join(self.hosts), "port": self.ports[0]} if self.is_local else {}
        options |= {} if self.is_local or self.sslmode == VERIFIED else {"sslmode": self.sslmode}
        named = (f"[{host}]" if ":" in host else quote(host, safe="") for host in self.hosts)
        places = (
            ""
            if self.is_local
            else ",".join(f"{host}:{port}" for host, port in zip(named, self.ports, strict=True))
        )
        query = f"?{urlencode(options, safe='/,')}" if options else ""
        return f"postgresql://{quote(user, safe='')}@{places}/{quote(self.database, safe='')}{query}"


def parse_dsn(value: object) -> Dsn:
    """Read a URI of PostgreSQL: `postgresql://USER@HOST[:PORT][,HOST…]/DATABASE[?sslmode=…]`; a socket's folder by `?host=/…`.

    Raises ValueError; what may be a secret is not shown.
    """
    text = value if isinstance(value, str) else ""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError(f'is no URI of PostgreSQL: write one such as "{_EXAMPLE}"')
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f'is no URI of PostgreSQL: write one such as "{_EXAMPLE}"') from None
    login, _, places = parts.netloc.rpartition("@")
    if ":" in login:
        raise ValueError("may not hold a password: there are password_file and password_credential for that")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for key in options:
        if key == "password":
            raise ValueError(
                "may not hold a password: there are password_file and password_credential for that"
            )
        if key not in _KEYS:
            raise ValueError(
                f"{shown(key)} is unknown here: {nearest(key, _KEYS) or 'known are ' + ', '.join(_KEYS)}"
            )
    listed = [_place(place) for place in places.split(",")] if places else []
    hosts = tuple(host for host, _ in listed) or tuple(filter(None, options.get("host", "").split(",")))
    ports = tuple(port for _, port in listed) or (options.get("port", "5432"),) * len(hosts)
    user, database = (
        unquote(login) or options.get("user", ""),
        unquote(parts.path[1:]) or options.get("dbname", ""),
    )
    sslmode = options.get("sslmode", VERIFIED)
    if not hosts:
        raise ValueError(
            f'names no host: write one such as "{_EXAMPLE}", or the folder of a socket as ?host=/run/postgresql'
        )
    if not all(port.isascii() and port.isdigit() and 0 < int(port) < 65_536 for port in ports):
        raise ValueError(f"port {shown(','.join(ports))} is out of bounds: from 1 to 65535")
    if not user or not database:
        raise ValueError(f'names no {"database" if user else "user"}: write one such as "{_EXAMPLE}"')
    if sslmode not in _WAYS_OF_TLS:
        raise ValueError(f"sslmode must be one of {', '.join(_WAYS_OF_TLS)}, not {shown(sslmode)}")
    return Dsn(hosts=hosts, ports=ports, user=user, database=database, sslmode=sslmode)


def _place(text: str) -> tuple[str, str]:
    """A host and its port."""
    number, bracket, rest = text.rpartition("]")
    if bracket:
        return number.removeprefix("["), rest.removeprefix(":") or "5432"
    host, _, port = text.partition(":")
    return unquote(host), port or "5432"


BUCKETS: Final = 256
"""Into so many buckets the store puts clients, by a hash of their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Which of so many hubs this one is, from 1: each has the clients of its buckets, and the first what is everybody's."""

    number: int
    count: int

    @property
    def buckets(self) -> tuple[int, ...]:
        """Those of its clients, in order."""
        return tuple(range(self.number - 1, BUCKETS, self.count))

    @property
    def is_whole(self) -> bool:
        """Whether there is no other."""
        return self.count == 1

    @property
    def is_first(self) -> bool:
        """Whether it tells what is nobody's own, such as that a monitor is silent."""
        return self.number == 1

    def has(self, client: str) -> bool:
        """Whether a client is one of its own (`slad.bucket_of`)."""
        return sha256(client.encode()).digest()[0] % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


WHOLE: Final = Shard(number=1, count=1)


def parse_shard(value: object) -> Shard:
    """Read `K/N`. Raises ValueError."""
    found = _SHARD.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('is no shard: write which of how many, from 1, such as "2/8"')
    number, count = map(int, found.groups())
    if not 1 <= count <= BUCKETS:
        raise ValueError(f"there are from 1 to {BUCKETS} shards, not {count}")
    if not 1 <= number <= count:
        raise ValueError(f"there is no shard {number} of {count}: they are 1/{count} to {count}/{count}")
    return Shard(number=number, count=count)


class HubTable(Table):
    """`[hub]`: the store to which this monitor ships what it records; of a hub, the store that it follows."""

    dsn: Annotated[Dsn, BeforeValidator(parse_dsn)] = Field(examples=[_EXAMPLE])
    password_file: PasswordFile | None = Field(default=None, examples=["hub.password"])
    password_credential: Credential | None = Field(default=None, examples=["hub-password"])
    ca_file: CertificateFile | None = Field(default=None, examples=["hub-ca.pem"])
    shard: Annotated[Shard, BeforeValidator(parse_shard)] = Field(default=WHOLE, examples=["2/8"])

    @property
    def password(self) -> Secret | None:
        """Where the password is; None where PostgreSQL knows the monitor by its Unix user."""
        return self.password_file or self.password_credential

    @property
    def trust(self) -> str:
        """How the store is known to be the one that is meant, in words."""
        if self.dsn.is_local:
            return "on a Unix socket"
        if self.dsn.sslmode == VERIFIED:
            return f"verified by {self.ca_file}" if self.ca_file else "verified by the system's authorities"
        return f"NOT VERIFIED: sslmode {self.dsn.sslmode}"

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """One password, authorities only where there is TLS, and what speaks with PostgreSQL."""
        if find_spec("psycopg") is None:
            yield "", "needs psycopg, which is not installed: install slad with its extra, slad[hub]"
        if "password_file" in raw and "password_credential" in raw:
            yield "password_credential", "password_file is there too: keep one of them"
        try:
            dsn = parse_dsn(raw.get("dsn"))
        except ValueError:
            return  # reported where it is read
        if "ca_file" in raw and (dsn.is_local or dsn.sslmode == "disable"):
            yield "ca_file", "means nothing without TLS: leave it out"
