"""`[vantage]`, `[uplink.NAME]`, `[[internet]]`, `[reach]` and `[probes]`: what is read, and what is refused."""

from pathlib import Path

import pytest

from daemon.config.config import Config
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.config.values import Duration
from daemon.servers.policy import policy_of
from probes.report import ListedServer
from probes.targets.target import Method, parse_target
from sla.instants import SECOND
from sla.records import ClientId, Leg, ServerId

WHOLE = """\
[vcenter.east]
address = "vc.example.net"
user = "slad"
password_file = "password"
[client.acme]
name = "Acme"
timezone = "America/Toronto"
[[rule]]
client = "acme"
[vantage]
targets = ["icmp://192.0.2.1", "icmp://192.0.2.2"]
quorum = 1
confirm = 2
[uplink.transit]
targets = ["icmp://1.1.1.1", "tcp://example.net:443", { url = "https://example.net/", status = [200, 401], body = "ok" }]
interval = "5s"
timeout = "2s"
source = "192.0.2.10"
[[internet]]
network = "customers-*"
uplink = "transit"
reach = ["icmp://{address}", "tcp://{address}:443"]
required = true
[[internet]]
name = "shown-*"
reach = ["icmp://{address}"]
[reach]
interval = "10s"
[probes]
ping = "raw"
tcp_at_once = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("secret")
    (tmp_path / "password").chmod(0o600)
    return tmp_path


def read(folder: Path, text: str) -> Config:
    path = folder / "slad.toml"
    path.write_text(text)
    return load(path, {})


def problems(folder: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return [(problem.key, problem.text) for problem in caught.value.problems]


def listed(**facts: object) -> ListedServer:
    return ListedServer(**{"server": ServerId("u"), "name": "web", "all_networks": True, **facts})  # type: ignore[arg-type]


def test_every_key_is_read(folder: Path) -> None:
    config = read(folder, WHOLE)
    assert config.vantage is not None
    assert (config.vantage.needed, config.vantage.confirm, config.vantage.interval) == (
        1,
        2,
        Duration(5 * SECOND),
    )
    uplink = config.uplinks["transit"]
    assert uplink.targets[0] == parse_target("icmp://1.1.1.1")
    page = uplink.targets[2]
    assert (page.method, page.statuses, page.body, page.follow_redirects) == (
        Method.HTTPS,
        (200, 401),
        "ok",
        False,
    )
    assert (uplink.needed, uplink.interval, uplink.timeout, uplink.confirm) == (
        2,
        Duration(5 * SECOND),
        Duration(2 * SECOND),
        3,
    )
    assert (uplink.source, uplink.interface) == ("192.0.2.10", None)
    assert (config.probes.ping, config.probes.tcp_at_once, config.probes.http_at_once) == ("raw", 7, 50)
    assert config.reach.interval == Duration(10 * SECOND)
    assert config.needs_addresses


def test_servers_with_an_uplink_or_a_required_check_have_the_leg_and_others_do_not(folder: Path) -> None:
    policy = policy_of(read(folder, WHOLE))
    assert policy.watches_internet("east", listed(networks=("customers-7",)))
    assert not policy.watches_internet("east", listed(name="shown-1"))
    assert not policy.watches_internet("east", listed())


def test_a_leg_that_no_rule_has_watched_is_told(folder: Path) -> None:
    without = WHOLE[: WHOLE.index("[vantage]")]
    assert read(folder, without).unwatched_legs()[ClientId("acme")] == (Leg.INTERNET,)
    assert read(folder, WHOLE).unwatched_legs()[ClientId("acme")] == ()


@pytest.mark.parametrize(
    ("before", "after", "key", "text"),
    [
        ('"icmp://192.0.2.2"]', '"tcp://1.1.1.1:53"]', "uplink.transit.targets[1]", "1.1.1.1 is a target of [vantage] too"),
        ("quorum = 1", "quorum = 3", "vantage", "quorum 3 can never be reached: there are 2 targets"),
        ("quorum = 1", "quorum = 0", "vantage.quorum", "0 must be a whole number from 1 to 64"),
        ("confirm = 2", "confirm = true", "vantage.confirm", "true must be a whole number from 1 to 10"),
        ('interval = "5s"', 'interval = "30s"', "uplink.transit", "takes too long to decide: confirm x interval + timeout is 92s"),
        ('confirm = 2\n', 'confirm = 2\ninterval = "23s"\n', "internet[1].required", "up to 56s, and 55s at most"),
        ('timeout = "2s"', 'timeout = "6s"', "uplink.transit", "timeout 6s is longer than interval 5s"),
        ('"icmp://1.1.1.1", ', '"gopher://1.1.1.1", ', "uplink.transit.targets[1]", "gopher"),
        ("status = [200, 401]", "status = [20]", "uplink.transit.targets[3]", "status must be a list of numbers"),
        ('body = "ok"', 'body = "("', "uplink.transit.targets[3]", "body is no regular expression"),
        ('body = "ok"', 'boddy = "ok"', "uplink.transit.targets[3]", 'boddy is unknown here: did you mean "body"?'),
        ('source = "192.0.2.10"', 'source = "eth1"', "uplink.transit.source", '"eth1" is no IP number'),
        ('source = "192.0.2.10"', 'interface = "a/b"', "uplink.transit.interface", "no name of a network interface"),
        ('source = "192.0.2.10"', 'source = "::1"\ninterface = "eth1"', "uplink.transit.interface", "source is there too"),
        ('uplink = "transit"', 'uplink = "transitt"', "internet[1].uplink", 'not defined: did you mean "transit"?'),
        ('"tcp://{address}:443"]', '"tcp://{address}"]', "internet[1].reach[2]", "port"),
        ('name = "shown-*"\nreach = ["icmp://{address}"]', 'name = "shown-*"', "internet[2]", "has no outcome"),
        ('uplink = "transit"\nreach = ["icmp://{address}", "tcp://{address}:443"]', 'uplink = "transit"', "internet[1].required", "means nothing without reach"),
        ('network = "customers-*"\n', "", "internet[2]", "can never match: rule 1"),
        ('ping = "raw"', 'ping = "icmplib"', "probes.ping", "must be 'datagram', 'raw', 'auto' or 'aioping'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_is(
    folder: Path, before: str, after: str, key: str, text: str
) -> None:
    assert before in WHOLE
    found = problems(folder, WHOLE.replace(before, after))
    assert [place for place, _ in found] == [key], found
    assert text in found[0][1]


def test_an_uplink_without_a_vantage_or_without_servers_is_warned_of(folder: Path) -> None:
    start, end = WHOLE.index("[vantage]"), WHOLE.index("[uplink.transit]")
    (warning,) = read(folder, WHOLE[:start] + WHOLE[end:]).warnings
    assert "there is no [vantage]" in warning.text
    unused = WHOLE.replace('uplink = "transit"\n', "")
    (warning,) = read(folder, unused).warnings
    assert (warning.key, warning.text) == (
        "uplink.transit",
        "has no servers: no [[internet]] names it",
    )


def test_a_solution_may_not_be_named_like_a_servers_id(folder: Path) -> None:
    uuid = "50112233-4455-6677-8899-aabbccddeeff"
    text = WHOLE.replace('client = "acme"\n', f'client = "acme"\nsolution = "{uuid}"\n', 1)
    ((key, said),) = problems(folder, text)
    assert key == "rule[1].solution"
    assert "reads like a server's id" in said


REACH = """
[[internet]]
reach = ["icmp://{address}"]

[reach]
"""


def test_networks_of_addresses_are_read_in_their_order(folder: Path) -> None:
    reach = read(
        folder, REACH + 'prefer = ["10.0.0.0/8", "fd00::/8"]\nignore = ["172.17.0.0/16", "10.0.0.9"]\n'
    ).reach
    assert list(map(str, reach.prefer)) == ["10.0.0.0/8", "fd00::/8"]
    assert list(map(str, reach.ignore)) == ["172.17.0.0/16", "10.0.0.9/32"]


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ('prefer = ["10.0.0.1/8"]', "reach.prefer[1]", 'did you mean "10.0.0.0/8"?'),
        ('prefer = ["10.0.0.0/33"]', "reach.prefer[1]", 'write one such as "10.0.0.0/8" or "fd00::/8"'),
        ('ignore = ["docker0"]', "reach.ignore[1]", '"docker0" is no network'),
        ("ignore = [10]", "reach.ignore[1]", 'must be a network in quotes such as "10.0.0.0/8", not 10'),
        ('ignore = ["10.0.0.0/8", "10.0.0.0/8"]', "reach.ignore", "10.0.0.0/8 is there twice"),
        ('ignore = "10.0.0.0/8"', "reach.ignore", "must be a list"),
        (
            'prefer = ["fd00::/8", "10.1.0.0/16"]\nignore = ["10.0.0.0/8"]',
            "reach",
            "10.1.0.0/16 of prefer lies in 10.0.0.0/8 of ignore, so that it never counts: keep one of them",
        ),
    ],
)
def test_networks_that_are_none_are_told_what_would_be_right(
    folder: Path, line: str, key: str, said: str
) -> None:
    ((found, text),) = problems(folder, REACH + line)
    assert found == key
    assert said in text


def test_networks_for_addresses_that_nobody_asks_for_are_warned_of(folder: Path) -> None:
    config = read(folder, '[reach]\nprefer = ["10.0.0.0/8"]\nignore = ["172.17.0.0/16"]\n')
    warned = {each.key: each.text for each in config.warnings}
    assert warned["reach.prefer"] == warned["reach.ignore"]
    assert warned["reach.prefer"] == "means nothing: no [[internet]] has {address} in its reach"
