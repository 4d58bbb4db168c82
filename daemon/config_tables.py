"""The tables of slad.toml: their keys, defaults and limits, and what is wrong between keys of one table.

A field's `examples` are what messages show. What tables say of each other is checked by `daemon.config`.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_address
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from daemon.config_values import (
    Address,
    Between,
    CertificateFile,
    Credential,
    Duration,
    DurationValue,
    ExistingFile,
    FolderGlob,
    Id,
    ListenAddress,
    NewFile,
    Pin,
    PlainName,
    Secret,
    SecretFile,
    SocketFile,
    Text,
    TimeZone,
    VCenterAddress,
    each_once,
    some_each_once,
)
from sla.instants import DAY, MINUTE, SECOND
from sla.records import Leg

_SIMULATIONS: Final = IPv4Network("127.0.0.0/8")


class Table(BaseModel):
    """What all tables have in common: frozen, and no key but those named."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong with the keys taken together, as (key, text); each by itself is its field's business."""
        del raw
        yield from ()


class TopTable(Table):
    """The keys above all tables."""

    observer: Id = Field(examples=["mon1"])


class LedgerTable(Table):
    """`[ledger]`: the evidence."""

    path: NewFile = Field(examples=["/var/lib/slad/ledger.db"])


class WebTable(Table):
    """`[web]`: the public door."""

    listen: Annotated[tuple[ListenAddress, ...], Field(max_length=16), AfterValidator(some_each_once)] = (
        Field(default=(Address("127.0.0.1", 10_999),), examples=[["127.0.0.1:10999"]])
    )
    config_file: ExistingFile | None = Field(default=None, examples=["web.yml"])


class ControlTable(Table):
    """`[control]`: the door that the command line uses."""

    socket: SocketFile = Field(examples=["/run/slad/control.sock"])


class WatchTable(Table):
    """`[watch]`: the longest wait of a tick; and how long a server has to be gone to be out of service."""

    tick: Annotated[DurationValue, AfterValidator(Between(Duration(SECOND), Duration(MINUTE)))] = Field(
        default=Duration(5 * SECOND), examples=["5s"]
    )
    grace: Annotated[DurationValue, AfterValidator(Between(Duration(MINUTE), Duration(7 * DAY)))] = Field(
        default=Duration(15 * MINUTE), examples=["15m"]
    )


def _vcenter_leg(leg: Leg) -> Leg:
    if leg is Leg.INTERNET:
        raise ValueError('must be "running" or "san": vCenter says nothing of the Internet')
    return leg


def _is_simulation(address: object) -> bool:
    host = str(address).partition(":")[0]
    try:
        return ip_address(host) in _SIMULATIONS
    except ValueError:
        return False


class VCenterTable(Table):
    """`[vcenter.NAME]`: one vCenter, how to log in, and which legs it is asked for."""

    address: VCenterAddress = Field(examples=["vcenter.example.net"])
    scheme: Literal["https", "http"] = Field(default="https", examples=["https"])
    user: Text = Field(examples=["slad@vsphere.local"])
    password_file: SecretFile | None = Field(default=None, examples=["vcenter.password"])
    password_credential: Credential | None = Field(default=None, examples=["vcenter-password"])
    ca_file: CertificateFile | None = Field(default=None, examples=["vcenter-ca.pem"])
    pin: Pin | None = Field(default=None, examples=["sha256:AB:CD:…"])
    poll: Annotated[DurationValue, AfterValidator(Between(Duration(SECOND), Duration(MINUTE)))] = Field(
        default=Duration(10 * SECOND), examples=["10s"]
    )
    ignore_datastores: tuple[Text, ...] = Field(default=(), examples=[["*-local"]])
    legs: Annotated[
        tuple[Annotated[Leg, AfterValidator(_vcenter_leg)], ...], AfterValidator(some_each_once)
    ] = Field(default=(Leg.RUNNING, Leg.SAN), examples=[["running", "san"]])

    @property
    def password(self) -> Secret:
        """Where the password is."""
        secret = self.password_file or self.password_credential
        assert secret is not None
        return secret

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """One password, one way to know the vCenter, and plain HTTP for simulations alone."""
        if "password_file" in raw and "password_credential" in raw:
            yield "password_credential", "password_file is there too: keep one of them"
        elif "password_file" not in raw and "password_credential" not in raw:
            yield "", 'has no password: write password_file = "FILE" or password_credential = "NAME"'
        if "ca_file" in raw and "pin" in raw:
            yield (
                "pin",
                "ca_file is there too: keep one of them, or neither to trust the system's authorities",
            )
        if raw.get("scheme") == "http":
            if not _is_simulation(raw.get("address")):
                yield "scheme", '"http" is for simulations on 127.0.0.0/8 alone: leave it out'
            for key in ("ca_file", "pin"):
                if key in raw:
                    yield key, 'means nothing where scheme = "http": leave it out'


class ClientTable(Table):
    """`[client.ID]`: a client, its local time, its tech admins, and the terms in which its contract differs."""

    name: Text = Field(examples=["Acme Ltd."])
    timezone: TimeZone = Field(examples=["America/Toronto"])
    tech_admins: Annotated[tuple[Text, ...], AfterValidator(each_once)] = Field(
        default=(), max_length=2, examples=[["ann@acme.example"]]
    )
    contract: dict[str, object] = Field(default_factory=dict, repr=False)


class UnassignedTable(Table):
    """`[unassigned]`: the client of the servers that no rule assigns."""

    timezone: TimeZone = Field(default="UTC", examples=["UTC"])


class AttributeTable(Table):
    """A condition on one custom attribute: its name, and a glob for its value."""

    name: Text = Field(examples=["client"])
    value: Text = Field(examples=["acme"])


class RuleTable(Table):
    """`[[rule]]`: conditions, all of which must hold, and what then becomes of a virtual server."""

    vcenter: Text | None = Field(default=None, examples=["east"])
    folder: FolderGlob | None = Field(default=None, examples=["/DC/vm/Clients/Acme/**"])
    name: Text | None = Field(default=None, examples=["acme-*"])
    resource_pool: FolderGlob | None = Field(default=None, examples=["/DC/host/Cluster/Resources/Acme/**"])
    attribute: AttributeTable | None = None
    client: Text | None = Field(default=None, examples=["acme"])
    solution: PlainName | None = Field(default=None, examples=["acme-mail"])
    ignore: StrictBool = Field(default=False, examples=["true"])

    @property
    def conditions(self) -> frozenset[tuple[str, object]]:
        """The conditions given, as (key, value)."""
        keys = ("vcenter", "folder", "name", "resource_pool", "attribute")
        return frozenset((key, getattr(self, key)) for key in keys if getattr(self, key) is not None)

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """One outcome: a client, or to be ignored."""
        if raw.get("ignore") is True:
            for key in ("client", "solution"):
                if key in raw:
                    yield key, "means nothing where ignore = true: leave one of them out"
        elif "client" not in raw:
            yield "", 'has no outcome: write client = "ID" or ignore = true'
