"""What an account can see of a vCenter, asked once: for `slad doctor`. Nothing is changed there.

Each function raises VcenterError.
"""

import socket
import ssl
import time
from collections.abc import Callable
from hashlib import sha256

from probes.vcenter.clock_reading import current_time
from probes.vcenter.clocks import VCenterInstant
from probes.vcenter.event_pages import filter_since
from probes.vcenter.faults import PermissionDeniedError, ReplyError
from probes.vcenter.session import Session
from probes.vcenter.transport import Endpoint, Wire
from sla.instants import DAY, Instant


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
    content = session.content
    try:
        collector = content.eventManager.CreateCollectorForEvents(
            filter_since(VCenterInstant(now - DAY), content)
        )
        collector.ReadNextEvents(1)
        collector.DestroyCollector()
    except PermissionDeniedError:
        return False
    return True
