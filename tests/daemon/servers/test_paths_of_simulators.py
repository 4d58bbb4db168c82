"""Rules on paths as the watch itself tells them, of both simulators: what the documentation shows is what matches."""

import re
from collections.abc import Iterator

import pytest

from daemon.config.tables import RuleTable
from daemon.servers.rules import Rules
from probes.facts import NOT_KNOWN
from probes.report import ListedServer
from probes.vcenter.session import Credentials, Session
from probes.vcenter.subscription import wanted
from probes.vcenter.survey import survey
from probes.vcenter.transport import Endpoint, Wire, tls_context
from tests.peers.vcsim import VcSim
from tests.probes.vcenter.harness import QUICK
from tests.probes.vcenter.peers import PASSWORD, USER, Simulated

EVERYTHING = wanted(resource_pools=True, attributes=True, networks=True, placeholders=True, addresses=True)


def shown(endpoint: Endpoint) -> dict[str, ListedServer]:
    wire = Wire(endpoint)
    session = Session.open(wire, Credentials(user=USER, password=lambda: PASSWORD))
    try:
        found = survey(session, EVERYTHING, attribute_names=True)
    finally:
        session.close()
    return {str(each.name): each for each in found.servers}


def takes(rule: RuleTable, server: ListedServer) -> bool:
    return Rules((rule,)).first("vc", server) is rule


@pytest.fixture(scope="module")
def govmomi() -> Iterator[VcSim]:
    made = VcSim(dcs=2, clusters=2, hosts=1, standalone_hosts=1, vms=1, user=USER, password=PASSWORD)
    with made as vcsim:
        yield vcsim


def endpoint_of(vcsim: VcSim) -> Endpoint:
    tls = tls_context(ca_file=str(vcsim.cafile), pinned=False)
    return Endpoint(host=vcsim.host, port=vcsim.port, tls=tls, deadlines=QUICK)


def test_every_server_of_govmomis_simulator_has_every_fact(govmomi: VcSim) -> None:
    servers = shown(endpoint_of(govmomi))
    assert len(servers) == 6
    for server in servers.values():
        assert NOT_KNOWN not in (server.folder, server.resource_pool, server.addresses, server.host)
        assert (server.all_attributes, server.all_networks) == (True, True)
        assert server.placeholder is None


@pytest.mark.parametrize(
    ("server", "folder", "pool"),
    [
        ("DC0_C0_RP0_VM0", "/DC0/vm", "/DC0/host/DC0_C0/Resources"),
        ("DC1_C1_RP0_VM0", "/DC1/vm", "/DC1/host/DC1_C1/Resources"),
        ("DC1_H0_VM0", "/DC1/vm", "/DC1/host/DC1_H0/Resources"),
    ],
)
def test_a_rule_on_the_documented_path_takes_the_servers_of_govmomis_simulator_there_and_no_other(
    govmomi: VcSim, server: str, folder: str, pool: str
) -> None:
    servers = shown(endpoint_of(govmomi))
    assert (servers[server].folder, servers[server].resource_pool) == (folder, pool)
    for form in (pool, f"{pool}/**", re.sub(r"DC\d_[CH]\d", "*", pool)):
        assert takes(RuleTable(resource_pool=form, client="acme"), servers[server])
    rule = RuleTable(resource_pool=pool, client="acme")
    assert [name for name, each in servers.items() if takes(rule, each)] == [server]


def test_rules_on_what_slads_simulation_shows_take_who_is_there() -> None:
    with Simulated(hosts=20, servers=40) as peer:
        servers = shown(peer.endpoint)
    clusters = {str(each.resource_pool).split("/")[3] for each in servers.values()}
    assert clusters == {"Cluster1", "Cluster2"}
    for server in servers.values():
        assert isinstance(server.resource_pool, str)
        assert isinstance(server.folder, str)
        for table in (
            RuleTable(resource_pool=server.resource_pool, client="acme"),
            RuleTable(folder=server.folder, client="acme"),
        ):
            same = {
                name
                for name, each in servers.items()
                if each.folder == server.folder and each.resource_pool == server.resource_pool
            }
            assert same <= {name for name, each in servers.items() if takes(table, each)}
