"""A pyvmomi client for these tests: it logs in, watches and reads, and turns answers into plain values."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import SoapStubAdapter, vim, vmodl

VERSION = "vim.version.v8_0_3_0"
USER = "CORP\\watcher"
PASSWORD = "secret"
Collector = vmodl.query.PropertyCollector


@dataclass
class Hand:
    """A clock that stands where it was put."""

    now_us: int = 1_795_305_600_000_000

    def __call__(self) -> int:
        return self.now_us

    def advance(self, seconds: float) -> int:
        self.now_us += int(seconds * 1_000_000)
        return self.now_us


@dataclass
class Monotonic:
    """The seconds by which sessions are idle."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def stub(
    port: int, *, tls: ssl.SSLContext | None = None, session: str | None = None, timeout_s: float = 10.0
) -> Any:
    return SoapStubAdapter(
        host="localhost" if tls else "127.0.0.1",
        port=port if tls else -port,  # a negative port is pyvmomi's way to say plain HTTP
        path="/sdk",
        version=VERSION,
        sslContext=tls,
        sessionId=session,
        httpConnectionTimeout=timeout_s,
    )


@dataclass
class Update:
    """One ObjectUpdate."""

    kind: str
    moid: str
    values: dict[str, Any]
    ops: dict[str, str]
    missing: dict[str, Any]


@dataclass
class Page:
    """One UpdateSet."""

    version: str
    truncated: bool
    updates: list[Update]

    def only(self) -> Update:
        assert len(self.updates) == 1, self.updates
        return self.updates[0]


@dataclass
class Client:
    """One session."""

    port: int
    tls: ssl.SSLContext | None = None
    user: str = USER
    session: str | None = None
    version: str = ""
    stub: Any = field(init=False)
    content: Any = field(init=False)
    collector: Any = field(init=False)

    def __post_init__(self) -> None:
        self.stub = stub(self.port, tls=self.tls, session=self.session)
        self.content = vim.ServiceInstance("ServiceInstance", self.stub).RetrieveContent()
        if self.session is None:
            self.login = self.content.sessionManager.Login(self.user, PASSWORD)
            self.collector = self.content.propertyCollector.CreatePropertyCollector()

    def close(self) -> None:
        self.stub.DropConnections()

    def view(self, kind: Any, container: Any = None) -> Any:
        return self.content.viewManager.CreateContainerView(
            container or self.content.rootFolder, [kind] if kind else [], True
        )

    def spec(self, kind: Any, paths: Iterable[str], container: Any = None) -> Any:
        walk = Collector.TraversalSpec(name="v", path="view", skip=False, type=vim.view.ContainerView)
        source = Collector.ObjectSpec(obj=self.view(kind, container), skip=True, selectSet=[walk])
        properties = Collector.PropertySpec(type=kind, pathSet=list(paths), all=False)
        return Collector.FilterSpec(propSet=[properties], objectSet=[source])

    def watch(self, kind: Any, *paths: str, partial: bool = False, container: Any = None) -> Any:
        return self.collector.CreateFilter(self.spec(kind, paths, container), partial)

    def wait(
        self, version: str | None = None, *, seconds: int = 5, objects: int | None = None
    ) -> Page | None:
        options = Collector.WaitOptions(maxWaitSeconds=seconds, maxObjectUpdates=objects)
        found = self.collector.WaitForUpdatesEx(self.version if version is None else version, options)
        if found is None:
            return None
        self.version = found.version
        return Page(
            found.version, bool(found.truncated), [_update(o) for f in found.filterSet for o in f.objectSet]
        )

    def next(self) -> Page:
        page = self.wait()
        assert page is not None, "nothing came"
        return page

    def sync(self) -> dict[str, Update]:
        """The whole set, from the beginning."""
        self.version = ""
        found: dict[str, Update] = {}
        while True:
            page = self.next()
            found.update((update.moid, update) for update in page.updates)
            if not page.truncated:
                return found

    def machine(self, moid: str) -> Any:
        return vim.VirtualMachine(moid, self.stub)

    def events(self, **members: Any) -> list[Any]:
        spec = vim.event.EventFilterSpec(**members)
        collector = self.content.eventManager.CreateCollectorForEvents(spec)
        return list(collector.ReadNextEvents(1000))


def _update(found: Any) -> Update:
    return Update(
        kind=str(found.kind),
        moid=found.obj._GetMoId(),
        values={change.name: change.val for change in found.changeSet},
        ops={change.name: str(change.op) for change in found.changeSet},
        missing={each.path: each.fault for each in found.missingSet},
    )


def kinds(events: Iterable[Any]) -> list[str]:
    """What vCenter calls them: the identifier of an EventEx, otherwise the class."""
    return [
        getattr(event, "eventTypeId", None) or type(event).__name__.rpartition(".")[2] for event in events
    ]


def post(port: int, body: str, *, cookie: str = "", timeout_s: float = 10.0) -> tuple[int, bytes]:
    """One SOAP request without pyvmomi."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("POST", "/sdk", body.encode(), {"Cookie": cookie, "Content-Type": "text/xml"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def raises(kind: Any, call: Callable[[], object]) -> Any:
    """The fault of this kind that the call must end in."""
    try:
        call()
    except kind as fault:
        return fault
    raise AssertionError(f"no {kind}")
