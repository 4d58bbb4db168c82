"""An unmodified pyvmomi at a peer."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from pyVmomi import SoapStubAdapter, vim, vmodl

TIMEOUT_S = 20.0


class VCenter(Protocol):
    """What a peer that plays a vCenter says of itself."""

    host: str
    port: int
    cafile: Path
    user: str
    password: str


@contextmanager
def connected(vcenter: VCenter, *, version: str = "vim.version.v8_0_3_0") -> Iterator[Any]:
    """A ServiceInstance that has not logged in."""
    context = ssl.create_default_context(cafile=vcenter.cafile)
    stub = SoapStubAdapter(
        host=vcenter.host,
        port=vcenter.port,
        path="/sdk",
        version=version,
        sslContext=context,
        httpConnectionTimeout=TIMEOUT_S,
    )
    try:
        yield vim.ServiceInstance("ServiceInstance", stub)
    finally:
        stub.DropConnections()


@contextmanager
def logged_in(vcenter: VCenter, *, version: str = "vim.version.v8_0_3_0") -> Iterator[Any]:
    """The ServiceContent of a session, which is logged out of afterwards."""
    with connected(vcenter, version=version) as instance:
        content = instance.RetrieveContent()
        content.sessionManager.Login(vcenter.user, vcenter.password)
        try:
            yield content
        finally:
            content.sessionManager.Logout()


def filter_on(view: Any, kind: type, paths: Sequence[str]) -> Any:
    """A PropertyCollector filter on the objects of one kind in a view."""
    collector = vmodl.query.PropertyCollector
    traversal = collector.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    return collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[traversal])],
        propSet=[collector.PropertySpec(type=kind, pathSet=list(paths), all=False)],
    )
