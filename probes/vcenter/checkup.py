"""What an account can see of a vCenter, asked once: for `slad doctor`. Nothing is changed there.

Each function raises VcenterError.
"""

import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pyVmomi import vim, vmodl

from probes.vcenter.clock_reading import current_time
from probes.vcenter.event_types import EVENT_TYPES
from probes.vcenter.faults import PermissionDeniedError, ReplyError
from probes.vcenter.session import Session
from probes.vcenter.transport import Endpoint, Wire
from probes.vcenter.values import as_people_write_it
from sla.instants import DAY, Instant, datetime_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An object that vCenter lists and does not let the account read; `name` is its id where the name is refused too."""

    kind: str
    name: str
    paths: tuple[str, ...]
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How many objects of each type the account sees, and those of which it cannot read what the watch needs."""

    counts: Mapping[str, int]
    unreadable: Sequence[Unreadable]


def shown_certificate(endpoint: Endpoint) -> bytes:
    """The SHA-256 of the certificate that a TLS endpoint shows, unverified: to be pinned. Raises VcenterError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        Wire(endpoint).translating(),
        socket.create_connection((endpoint.host, endpoint.port), endpoint.deadlines.call_s) as plain,
        context.wrap_socket(plain, server_hostname=endpoint.host) as tls,
    ):
        certificate = tls.getpeercert(binary_form=True)
    assert certificate is not None, "a TLS server has one"
    return sha256(certificate).digest()


def prove_identity(endpoint: Endpoint) -> None:
    """Connect as the watch does: by the pin, or by the authorities. Raises VcenterError."""
    wire = Wire(endpoint)
    try:
        wire.connect(time.monotonic() + endpoint.deadlines.call_s)
    finally:
        wire.close()


def clock_offset_us(session: Session, now: Callable[[], Instant]) -> int:
    """How far the vCenter's clock is ahead of ours."""
    before = now()
    theirs = current_time(session)
    if theirs is None:
        raise ReplyError("vCenter's answer to CurrentTime is no time")
    return theirs.us - (before + now()) // 2


def events_are_readable(session: Session, now: Instant) -> bool:
    """Whether the account may read the event history of the last day."""
    spec = vim.event.EventFilterSpec(
        entity=vim.event.EventFilterSpec.ByEntity(entity=session.content.rootFolder, recursion="all"),
        time=vim.event.EventFilterSpec.ByTime(beginTime=datetime_of(Instant(now - DAY))),
        eventTypeId=list(EVENT_TYPES),
    )
    try:
        collector = session.content.eventManager.CreateCollectorForEvents(spec)
        collector.ReadNextEvents(1)
        collector.DestroyCollector()
    except PermissionDeniedError:
        return False
    return True


def census(session: Session, watched: Mapping[str, Sequence[str]]) -> Census:
    """Count all that the watch would watch, and read of each object what the watch would read: its properties by type."""
    types = {kind: getattr(vim, kind) for kind in watched}
    counts: Counter[str] = Counter(dict.fromkeys(watched, 0))
    unreadable: list[Unreadable] = []
    # A vApp is a resource pool too; a datastore cluster counts as a folder.
    kinds = sorted(types, key=lambda kind: kind != "VirtualApp")
    for found in _objects(session, types, watched):
        kind = next(kind for kind in kinds if isinstance(found.obj, types[kind]))
        counts[kind] += 1
        if found.missingSet:
            unreadable.append(_unreadable(kind, found))
    return Census(counts=counts, unreadable=unreadable)


def _objects(
    session: Session, types: Mapping[str, Any], watched: Mapping[str, Sequence[str]]
) -> Iterator[Any]:
    query = vmodl.query.PropertyCollector
    view = session.content.viewManager.CreateContainerView(
        session.content.rootFolder, list(types.values()), True
    )
    within = query.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    spec = query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=view, skip=True, selectSet=[within])],
        propSet=[
            query.PropertySpec(type=types[kind], pathSet=list(paths), all=False)
            for kind, paths in watched.items()
        ],
    )
    collector = session.content.propertyCollector
    page = collector.RetrievePropertiesEx([spec], query.RetrieveOptions())
    while page is not None:
        yield from page.objects
        page = collector.ContinueRetrievePropertiesEx(page.token) if page.token else None


def _unreadable(kind: str, found: Any) -> Unreadable:
    names = (item.val for item in found.propSet or () if item.name == "name")
    return Unreadable(
        kind=kind,
        name=as_people_write_it(str(next(names, found.obj._moId))),  # noqa: SLF001  an id; other attributes are calls
        paths=tuple(str(missing.path) for missing in found.missingSet),
        fault=type(found.missingSet[0].fault).__name__.rpartition(".")[2],
    )
