"""A provider's inventory, built from a seed: one data centre, clusters, shared datastores, a folder per client."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from probes.simulation.entities import (
    Cluster,
    Datacenter,
    Datastore,
    Disk,
    DistributedPortgroup,
    Entity,
    Folder,
    Host,
    Mount,
    Network,
    OpaqueNetwork,
    Power,
    ResourcePool,
    Vm,
)
from probes.simulation.inventory import Inventory
from probes.simulation.values import identifier

HOSTS_PER_CLUSTER = 16
CLIENT_FIELD = 101
FIRST_ADDRESS = 10
ADDRESSES_PER_BLOCK = 240
_ROLES = ("web", "db", "app", "mail", "cache", "files")
_DAY_US = 86_400_000_000


def build(
    *,
    now: int,
    servers: int = 200,
    hosts: int | None = None,
    datastores: int | None = None,
    clients: Sequence[str] = ("acme", "borealis", "cobalt", "dunmore"),
    seed: int = 1,
) -> Inventory:
    """An inventory of `servers` virtual machines, the same for the same arguments.

    Without numbers there are one host per 60 servers and one datastore per two hosts, at least 4 and 3. About
    one machine in 20 is off, one in 200 a template; one in 7 has disks on two datastores, one in 10 an ISO
    image on a datastore of its own. Each client has a network of its own, `CLIENT-net`, and addresses that begin
    alike; the last client's is managed by NSX, the others are distributed port groups. One machine in 10 is
    connected to the standard network `backup` too.
    """
    host_count = hosts or max(4, min(300, servers // 60))
    datastore_count = datastores or max(3, host_count // 2)
    return _Builder(now, seed, clients).build(servers, host_count, datastore_count)


class _Builder:
    def __init__(self, now: int, seed: int, clients: Sequence[str]) -> None:
        self.now = now
        self.seed = seed
        self.clients = clients
        self.random = Random(seed)  # noqa: S311 - an inventory that can be repeated, not a secret
        self.inventory = Inventory()
        self.hosts: list[list[Host]] = []
        self.datastores: list[list[Datastore]] = []
        self.pools: list[dict[str, ResourcePool]] = []
        self.folders: dict[str, Folder] = {}
        self.networks: dict[str, Network] = {}

    def build(self, servers: int, hosts: int, datastores: int) -> Inventory:
        inventory = self.inventory
        inventory.fields.names[CLIENT_FIELD] = "client"
        center = inventory.add(
            Datacenter(moid=inventory.new_moid("datacenter-"), name="DC1", parent=inventory.root)
        )
        vm_folder = self._folder("group-v", "vm", center)
        host_folder = self._folder("group-h", "host", center)
        datastore_folder = self._folder("group-s", "datastore", center)
        for client in self.clients:
            self.folders[client] = self._folder("group-v", client, vm_folder)
        self._networks(self._folder("group-n", "network", center))
        clusters = -(-hosts // HOSTS_PER_CLUSTER)
        for number in range(clusters):
            self._cluster(number, host_folder, len(range(number, hosts, clusters)))
        for number in range(datastores):
            self._datastore(number, datastore_folder)
        for cluster in range(clusters):
            if not self.datastores[cluster]:
                self.datastores[cluster] = [self._datastore(datastores + cluster, datastore_folder, cluster)]
        for number in range(servers):
            self._vm(number)
        return inventory

    def _folder(self, prefix: str, name: str, parent: Entity) -> Folder:
        return self.inventory.add(Folder(moid=self.inventory.new_moid(prefix), name=name, parent=parent))

    def _networks(self, folder: Folder) -> None:
        inventory = self.inventory
        self.backup = inventory.add(
            Network(moid=inventory.new_moid("network-"), name="backup", parent=folder)
        )
        for client in self.clients:
            name = f"{client}-net"
            self.networks[client] = inventory.add(
                OpaqueNetwork(moid=inventory.new_moid("network-o"), name=name, parent=folder)
                if client == self.clients[-1]
                else DistributedPortgroup(moid=inventory.new_moid("dvportgroup-"), name=name, parent=folder)
            )

    def _address(self, number: int) -> str:
        """The address of a machine: the second byte tells the client, as long as there are addresses."""
        block, host = divmod(number // len(self.clients), ADDRESSES_PER_BLOCK)
        second, third = divmod(block, 256)
        client = number % len(self.clients)
        return f"10.{(1 + client + second * len(self.clients)) % 256}.{third}.{host + FIRST_ADDRESS}"

    def _cluster(self, number: int, folder: Folder, hosts: int) -> None:
        inventory = self.inventory
        cluster = inventory.add(
            Cluster(moid=inventory.new_moid("domain-c"), name=f"Cluster{number + 1}", parent=folder)
        )
        root = ResourcePool(moid=inventory.new_moid("resgroup-"), name="Resources", parent=cluster)
        inventory.add(root)
        self.pools.append(
            {
                client: inventory.add(
                    ResourcePool(moid=inventory.new_moid("resgroup-"), name=client, parent=root)
                )
                for client in self.clients
            }
        )
        self.hosts.append(
            [
                inventory.add(
                    Host(
                        moid=inventory.new_moid("host-"),
                        name=f"esx{number + 1:02}{each + 1:02}.example.net",
                        parent=cluster,
                    )
                )
                for each in range(hosts)
            ]
        )
        self.datastores.append([])

    def _datastore(self, number: int, folder: Folder, cluster: int | None = None) -> Datastore:
        index = number % len(self.hosts) if cluster is None else cluster
        datastore = self.inventory.add(
            Datastore(
                moid=self.inventory.new_moid("datastore-"),
                name=f"san{number + 1:03}",
                parent=folder,
                mounts={host.moid: Mount(host=host) for host in self.hosts[index]},
            )
        )
        if cluster is None:
            self.datastores[index].append(datastore)
        return datastore

    def _vm(self, number: int) -> None:
        inventory, random = self.inventory, self.random
        cluster = number % len(self.hosts)
        client = self.clients[number % len(self.clients)]
        stores = self.datastores[cluster]
        first = random.randrange(len(stores))
        disks = [Disk(key=2000, datastore=stores[first])]
        if random.randrange(7) == 0:
            disks.append(Disk(key=2001, datastore=stores[(first + 1) % len(stores)]))
        template = random.randrange(200) == 0
        on = not template and random.randrange(20) != 0
        inventory.add(
            Vm(
                moid=inventory.new_moid("vm-"),
                name=f"{client}-{random.choice(_ROLES)}-{number + 1:05}",
                parent=self.folders[client],
                instance_uuid=identifier(self.seed, "vm", number),
                pool=self.pools[cluster][client],
                host=random.choice(self.hosts[cluster]),
                disks=tuple(disks),
                iso=stores[(first + 2) % len(stores)] if random.randrange(10) == 0 else None,
                power=Power.ON if on else Power.OFF,
                booted_at=self.now - random.randrange(_DAY_US, 200 * _DAY_US) if on else None,
                clean_power_off=None if on else True,
                template=template,
                heartbeat="green" if on else "gray",
                mac=f"00:50:56:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
                networks=(self.networks[client], self.backup)[: 2 if number % 10 == 9 else 1],
                address=self._address(number),
                custom_values={CLIENT_FIELD: client},
            )
        )
