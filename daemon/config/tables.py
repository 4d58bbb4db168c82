"""The tables of slad.toml: their keys, defaults and limits, and what is wrong between keys of one table.

A field's `examples` are what messages show. What tables say of each other is checked by `daemon.config`.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, ip_address
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from daemon.config.certificates import check_pair
from daemon.config.secrets import Secret
from daemon.config.server_families import SERVER_FAMILIES, FamilyName
from daemon.config.tokens import Digest, LastDay, tokens_once
from daemon.config.values import (
    Address,
    Between,
    CertificateFile,
    Credential,
    Duration,
    DurationValue,
    ExistingFile,
    FolderGlob,
    Host,
    Id,
    Interface,
    IpNumber,
    KeyFile,
    ListenAddress,
    LogoFile,
    MailAddress,
    NetworkValue,
    NewFile,
    PasswordFile,
    Pin,
    ProposedCategory,
    ReachTarget,
    SocketFile,
    SolutionName,
    TargetValue,
    Text,
    TimeZone,
    UserPattern,
    VCenterAddress,
    Whole,
    each_once,
    some_each_once,
)
from daemon.languages import LanguageName
from probes.targets.ping.settings import Backend
from sla.instants import DAY, MINUTE, SECOND
from sla.records import Leg

DECIDED_WITHIN_US: Final = 50 * SECOND
"""How long after a failed round a check may take to be sure; the counters wait for 60 s."""

LAYERS_SETTLE_WITHIN_US: Final = 55 * SECOND
"""The same for all layers together: a server's own check waits for its uplink, and that for the vantage."""

_SIMULATIONS: Final = IPv4Network("127.0.0.0/8")

HostNames = Annotated[tuple[Host, ...], Field(max_length=64), AfterValidator(each_once)]
"""By which others know a door, besides the addresses that it listens on and the machine's name."""


class Table(BaseModel):
    """What all tables have in common: frozen, and no key but those named."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def knows_all_of(cls, raw: Mapping[str, object]) -> bool:
        """Whether all keys are its own: what is wrong with them together is not told of a table that has a mistyped one."""
        return raw.keys() <= {field.alias or name for name, field in cls.model_fields.items()}

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong with the keys taken together, as (key, text); each by itself is its field's business.

        A key of a table in this one has that one's name and a dot before it.
        """
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
    hosts: HostNames = Field(default=(), examples=[["slad.example.net"]])
    config_file: ExistingFile | None = Field(default=None, examples=["web.yml"])
    families: Annotated[tuple[FamilyName, ...], AfterValidator(some_each_once)] | None = Field(
        default=None, examples=[["slad_server_info", "slad_server_up"]]
    )

    def left_out(self, families: Sequence[str] = SERVER_FAMILIES) -> Sequence[str]:
        """Which of these families of servers `/metrics` does not have."""
        return [] if self.families is None else [each for each in families if each not in self.families]


class TokenTable(Table):
    """`[[control.token]]`: a token for the control door on TCP, by its hash. `expires`: the last day on which it holds."""

    name: Id = Field(examples=["portal"])
    role: Literal["read", "record"] = Field(examples=["record"])
    sha256: Digest = Field(examples=["2c26b46b68ffc68ff99b453c1d304134…"])
    expires: LastDay | None = Field(default=None, examples=["2027-12-31"])


class ControlTable(Table):
    """`[control]`: the door that the command line uses, and on TCP other programs: with TLS and tokens alone."""

    socket: SocketFile = Field(examples=["/run/slad/control.sock"])
    listen: Annotated[tuple[ListenAddress, ...], Field(max_length=16), AfterValidator(each_once)] = Field(
        default=(), examples=[["127.0.0.1:10998"]]
    )
    hosts: HostNames = Field(default=(), examples=[["slad.example.net"]])
    cert_file: CertificateFile | None = Field(default=None, examples=["control.pem"])
    key_file: KeyFile | None = Field(default=None, examples=["control.key"])
    token: Annotated[tuple[TokenTable, ...], Field(max_length=1000), AfterValidator(tokens_once)] = Field(
        default=(), examples=[[{}]]
    )

    @property
    def places(self) -> tuple[object, ...]:
        """What cannot change while the door is open."""
        return self.socket, self.listen, self.hosts

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """On TCP whoever asks must be known, and nobody may listen."""
        if raw.get("listen"):
            for key in ("cert_file", "key_file"):
                if key not in raw:
                    yield "listen", f"needs TLS: write {key} too"
            if not raw.get("token"):
                yield (
                    "listen",
                    "needs tokens: write [[control.token]], with the hash that `slad token` prints",
                )
        else:
            for key in ("hosts", "cert_file", "key_file", "token"):
                if key in raw:
                    yield key, "means nothing without listen"

    @model_validator(mode="after")
    def _key_fits(self) -> Self:
        if self.cert_file is not None and self.key_file is not None and self.key_file.path is not None:
            check_pair(self.cert_file, self.key_file.path)
        return self


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
    password_file: PasswordFile | None = Field(default=None, examples=["vcenter.password"])
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


UserPatterns = Annotated[tuple[UserPattern, ...], Field(max_length=1000), AfterValidator(each_once)]
"""Which users of a vCenter are meant, by patterns of their names."""


class AutomationTable(Table):
    """`[[people.automation]]`: users that are programs, and for whom they act."""

    users: Annotated[UserPatterns, AfterValidator(some_each_once)] = Field(examples=[["svc-backup"]])
    acts_for: Literal["provider", "client"] = Field(default="provider", examples=["provider"])


class PeopleTable(Table):
    """`[people]`: whose the users of the vCenters are (`spec/causes.md`); a client's own are in its table."""

    employees: UserPatterns = Field(default=(), examples=[["PROVIDER\\*"]])
    automation: Annotated[tuple[AutomationTable, ...], Field(max_length=100)] = Field(
        default=(), examples=[[{}]]
    )
    accept: Annotated[tuple[ProposedCategory, ...], AfterValidator(each_once)] = Field(
        default=(), examples=[["client_change"]]
    )


class ClientTable(Table):
    """`[client.ID]`: a client, its local time, its tech admins, and the terms in which its contract differs."""

    name: Text = Field(examples=["Acme Ltd."])
    timezone: TimeZone = Field(examples=["America/Toronto"])
    tech_admins: Annotated[tuple[Text, ...], AfterValidator(each_once)] = Field(
        default=(), max_length=2, examples=[["ann@acme.example"]]
    )
    users: UserPatterns = Field(default=(), examples=[["ACME\\\\*"]])
    language: LanguageName | None = Field(default=None, examples=["fr_CA"])
    statement_recipients: Annotated[tuple[MailAddress, ...], AfterValidator(each_once)] = Field(
        default=(), max_length=20, examples=[["it@acme.example"]]
    )
    contract: dict[str, object] = Field(default_factory=dict, repr=False)


class ProviderTable(Table):
    """`[provider]`: who statements are from, and the language in which they say dates, numbers and words."""

    name: Text = Field(default="", examples=["Nordhost Inc."])
    address: Annotated[tuple[Text, ...], Field(max_length=8)] = Field(
        default=(), examples=[["1 Main Street", "Toronto ON"]]
    )
    logo: LogoFile | None = Field(default=None, examples=["logo.png"])
    language: LanguageName = Field(default="en", examples=["en_CA"])


class UnassignedTable(Table):
    """`[unassigned]`: the client of the servers that no rule assigns."""

    timezone: TimeZone = Field(default="UTC", examples=["UTC"])


class AttributeTable(Table):
    """A condition on one custom attribute: its name, and a glob for its value."""

    name: Text = Field(examples=["client"])
    value: Text = Field(examples=["acme"])


class ConditionsTable(Table):
    """The conditions of a rule, all of which must hold; none given: it takes every server."""

    vcenter: Text | None = Field(default=None, examples=["east"])
    folder: FolderGlob | None = Field(default=None, examples=["/DC/vm/Clients/Acme/**"])
    name: Text | None = Field(default=None, examples=["acme-*"])
    resource_pool: FolderGlob | None = Field(default=None, examples=["/DC/host/Cluster/Resources/Acme/**"])
    network: Text | None = Field(default=None, examples=["customers-*"])
    attribute: AttributeTable | None = None
    placeholder: Text | None = Field(default=None, examples=["com.vmware.vcDr*/placeholderVm"])

    @property
    def conditions(self) -> frozenset[tuple[str, object]]:
        """The conditions given, as (key, value)."""
        keys = ConditionsTable.model_fields
        return frozenset((key, getattr(self, key)) for key in keys if getattr(self, key) is not None)

    @property
    def outcome(self) -> tuple[object, ...]:
        """What follows for a server that it takes: rules of one outcome need not be told apart."""
        keys = type(self).model_fields.keys() - ConditionsTable.model_fields.keys()
        return tuple(getattr(self, key) for key in sorted(keys))


class RuleTable(ConditionsTable):
    """`[[rule]]`: whose a virtual server is."""

    client: Text | None = Field(default=None, examples=["acme"])
    solution: SolutionName | None = Field(default=None, examples=["acme-mail"])
    ignore: StrictBool = Field(default=False, examples=["true"])

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """One outcome: a client, or to be ignored."""
        if raw.get("ignore") is True:
            for key in ("client", "solution"):
                if key in raw:
                    yield key, "means nothing where ignore = true: leave one of them out"
        elif "client" not in raw and "solution" in raw:
            yield "solution", 'is a solution without its client: write client = "ID" too'
        elif "client" not in raw:
            yield "", 'has no outcome: write client = "ID" or ignore = true'


class CheckTable(Table):
    """What all checks of the Internet have in common: how often, how long, and how many failed rounds are down."""

    interval: Annotated[DurationValue, AfterValidator(Between(Duration(SECOND), Duration(MINUTE)))] = Field(
        default=Duration(10 * SECOND), examples=["10s"]
    )
    timeout: Annotated[DurationValue, AfterValidator(Between(Duration(SECOND), Duration(30 * SECOND)))] = (
        Field(default=Duration(3 * SECOND), examples=["3s"])
    )
    confirm: Annotated[int, BeforeValidator(Whole(1, 10))] = Field(default=3, examples=["3"])

    @model_validator(mode="after")
    def _decides_in_time(self) -> Self:
        """The counters wait for a verdict for 60 s at most, and reports need some of it."""
        longest = self.confirm * self.interval.us + self.timeout.us
        if longest > DECIDED_WITHIN_US:
            raise ValueError(
                f"takes too long to decide: confirm x interval + timeout is {Duration(longest)}, and"
                f" {Duration(DECIDED_WITHIN_US)} at most can be"
            )
        if self.timeout > self.interval:
            raise ValueError(f"timeout {self.timeout} is longer than interval {self.interval}")
        return self


class TargetsTable(CheckTable):
    """A check of targets that are named. `quorum`: how many must answer; none given: more than half of them."""

    targets: Annotated[tuple[TargetValue, ...], Field(max_length=64), AfterValidator(some_each_once)] = Field(
        examples=[["icmp://1.1.1.1", "tcp://example.net:443"]]
    )
    quorum: Annotated[int | None, BeforeValidator(Whole(1, 64))] = Field(default=None, examples=["2"])

    @property
    def needed(self) -> int:
        """How many targets must answer."""
        return self.quorum if self.quorum is not None else len(self.targets) // 2 + 1

    @model_validator(mode="after")
    def _can_reach_the_quorum(self) -> Self:
        if self.quorum is not None and self.quorum > len(self.targets):
            raise ValueError(
                f"quorum {self.quorum} can never be reached: there are {len(self.targets)} targets"
            )
        return self


class VantageTable(TargetsTable):
    """`[vantage]`: the monitor's own way out, by targets on the near side of every uplink."""

    interval: Annotated[DurationValue, AfterValidator(Between(Duration(SECOND), Duration(MINUTE)))] = Field(
        default=Duration(5 * SECOND), examples=["5s"]
    )
    confirm: Annotated[int, BeforeValidator(Whole(1, 10))] = Field(default=2, examples=["2"])


class UplinkTable(TargetsTable):
    """`[uplink.NAME]`: a way out that servers share, by targets beyond it."""

    source: IpNumber | None = Field(default=None, examples=["192.0.2.10"])
    interface: Interface | None = Field(default=None, examples=["eth1"])

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """One place to probe from."""
        if "source" in raw and "interface" in raw:
            yield "interface", "source is there too: keep one of them"


class ReachTable(CheckTable):
    """`[reach]`: how servers' own addresses are checked, and which of several: `prefer` in its order, never `ignore`."""

    interval: Annotated[DurationValue, AfterValidator(Between(Duration(SECOND), Duration(MINUTE)))] = Field(
        default=Duration(15 * SECOND), examples=["15s"]
    )
    prefer: Annotated[tuple[NetworkValue, ...], Field(max_length=64), AfterValidator(each_once)] = Field(
        default=(), examples=[["10.0.0.0/8"]]
    )
    ignore: Annotated[tuple[NetworkValue, ...], Field(max_length=64), AfterValidator(each_once)] = Field(
        default=(), examples=[["172.17.0.0/16"]]
    )

    @model_validator(mode="after")
    def _prefers_nothing_that_it_ignores(self) -> Self:
        for preferred in self.prefer:
            for ignored in self.ignore:
                if preferred.prefixlen >= ignored.prefixlen and preferred.network_address in ignored:
                    raise ValueError(
                        f"{preferred} of prefer lies in {ignored} of ignore, so that it never counts: keep one of them"
                    )
        return self


class InternetTable(ConditionsTable):
    """`[[internet]]`: the way out of the servers that the conditions take, and checks of their own addresses.

    `{address}` in a target of `reach` stands for what VMware Tools reports. `required`: the checks decide; else they are
    shown only.
    """

    uplink: Text | None = Field(default=None, examples=["east"])
    reach: Annotated[tuple[ReachTarget, ...], Field(max_length=8), AfterValidator(each_once)] = Field(
        default=(), examples=[["icmp://{address}"]]
    )
    required: StrictBool = Field(default=False, examples=["true"])

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Something to watch, and nothing required that is not there."""
        if "uplink" not in raw and not raw.get("reach"):
            yield "", 'has no outcome: write uplink = "NAME", or reach = ["icmp://{address}"]'
        if raw.get("required") is True and not raw.get("reach"):
            yield "required", "means nothing without reach: leave it out"

    @property
    def decides(self) -> bool:
        """Whether servers of this rule have the leg `internet` at all."""
        return self.uplink is not None or self.required


class ProbesTable(Table):
    """`[probes]`: how targets are tried, and how many at once."""

    ping: Backend = Field(default=Backend.DATAGRAM, examples=["datagram"])
    tcp_at_once: Annotated[int, BeforeValidator(Whole(1, 10_000))] = Field(default=100, examples=["100"])
    http_at_once: Annotated[int, BeforeValidator(Whole(1, 1_000))] = Field(default=50, examples=["50"])
    ca_file: CertificateFile | None = Field(default=None, examples=["targets-ca.pem"])
