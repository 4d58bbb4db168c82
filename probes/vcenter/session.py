"""One session with one vCenter: our own login, one stub of pyvmomi's for calls, one connection for the long poll.

`SmartConnect` is not used: it asks for the version without a time-out, and logs in behind the caller's back.
"""

import http.client
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

from pyVmomi import VmomiSupport, vim, vmodl
from pyVmomi.SoapAdapter import SoapStubAdapter

from probes.vcenter import soap
from probes.vcenter.faults import (
    LoginRefusedError,
    PermissionDeniedError,
    ReplyError,
    SessionLostError,
    VcenterError,
)
from probes.vcenter.transport import Connection, Deadlines, Wire

_PATH: Final = "/sdk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user and a way to its password, which is read anew at every login and never kept.

    `password` raises CredentialsError where there is none to send.
    """

    user: str
    password: Callable[[], str]


class Stub(SoapStubAdapter):  # type: ignore[misc]  # pyvmomi's class is untyped
    """pyvmomi's stub over our connections, its faults in our words."""

    def __init__(self, wire: Wire, version: str) -> None:
        endpoint = wire.endpoint
        port = endpoint.port if endpoint.tls is not None else -endpoint.port
        super().__init__(host=endpoint.host, port=port, path=_PATH, version=version)
        self.wire = wire
        self.timeout_s = endpoint.deadlines.call_s

    def GetConnection(self) -> Connection:  # noqa: N802  pyvmomi's name
        """A connection of the pool, or a new one, with the deadline of the coming call."""
        deadline = time.monotonic() + self.timeout_s
        with self.lock:
            connection: Connection | None = self.pool.pop(0)[0] if self.pool else None
        if connection is None or connection.sock is None:
            return self.wire.connect(deadline)
        self.wire.use_again(connection, deadline)
        return connection

    def InvokeMethod(self, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:  # noqa: N802, N803  pyvmomi's names
        """A call. Raises VcenterError, and nothing else."""
        try:
            with self.wire.translating():
                return super().InvokeMethod(mo, info, args, outerStub)
        except vmodl.MethodFault as fault:
            raise _translated(type(fault).__name__, fault.msg or "") from fault
        except (
            ExpatError,
            LookupError,
            TypeError,
            AttributeError,
            ValueError,
            zlib.error,
            EOFError,
        ) as error:
            # What pyvmomi raises for a reply that is cut, no XML, or holds a word that it does not know.
            raise ReplyError(f"the answer to {info.wsdlName} cannot be read: {error!r}") from error


_FAULTS: Final[dict[str, type[VcenterError]]] = {
    "InvalidLogin": LoginRefusedError,
    "NotAuthenticated": SessionLostError,
    "ManagedObjectNotFound": SessionLostError,
    "InvalidCollectorVersion": SessionLostError,
    "NoPermission": PermissionDeniedError,
    "RequestCanceled": SessionLostError,
}


def _translated(fault: str, message: str) -> VcenterError:
    fault = fault.rpartition(".")[2].removesuffix("Fault")
    return _FAULTS.get(fault, VcenterError)(f"{fault}: {message}" if message else fault)


class Session:
    """A login. Every method raises VcenterError, after which the session is of no use; `close` it and open another."""

    def __init__(self, wire: Wire, stub: Stub, content: Any) -> None:
        self.wire = wire
        self.stub = stub
        self.content = content
        self._poll_connection: Connection | None = None

    @classmethod
    def open(cls, wire: Wire, credentials: Credentials) -> "Session":
        """Agree on a version and log in; without a password that can be sent the vCenter is asked nothing."""
        password = credentials.password()
        stub = Stub(wire, _negotiated_version(wire))
        content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
        session = cls(wire, stub, content)
        try:
            content.sessionManager.Login(userName=credentials.user, password=password)
        except LoginRefusedError as error:
            raise LoginRefusedError(
                f"vCenter refused the login of {credentials.user}: user or password is wrong, or the account is locked"
            ) from error
        except VcenterError:
            if stub.cookie:
                session.close()  # only the answer went wrong: the session is there
            raise
        return session

    @property
    def deadlines(self) -> Deadlines:
        """How long its calls may take."""
        return self.wire.endpoint.deadlines

    def wait_for_updates(self, collector: str, version: str, wait_s: int, page: int) -> dict[str, Any] | None:
        """The next update set after `version` as plain values; None when nothing changed for `wait_s` seconds."""
        body = (
            f'<WaitForUpdatesEx xmlns="urn:vim25"><_this type="PropertyCollector">{escape(collector)}</_this>'
            f"<version>{escape(version)}</version><options><maxWaitSeconds>{wait_s}</maxWaitSeconds>"
            f"<maxObjectUpdates>{page}</maxObjectUpdates></options></WaitForUpdatesEx>"
        )
        timeout_s = wait_s + self.deadlines.poll_margin_s
        return _one(self._returned("WaitForUpdatesEx", body, timeout_s))

    def next_events(self, collector: str, page: int) -> list[Any]:
        """The next events of a collector as plain values, oldest first; none once all were read."""
        body = (
            f'<ReadNextEvents xmlns="urn:vim25"><_this type="EventHistoryCollector">{escape(collector)}</_this>'
            f"<maxCount>{page}</maxCount></ReadNextEvents>"
        )
        return soap.as_list(self._returned("ReadNextEvents", body, self.deadlines.call_s))

    def retrieve(self, kind: str, paths: tuple[str, ...], moids: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Properties of some objects as plain values: each object's `obj`, its `propSet` and its `missingSet`."""
        wanted = "".join(f"<pathSet>{path}</pathSet>" for path in paths)
        objects = "".join(
            f'<objectSet><obj type="{kind}">{escape(moid)}</obj><skip>false</skip></objectSet>'
            for moid in moids
        )
        collector = f'<_this type="PropertyCollector">{escape(self.content.propertyCollector._moId)}</_this>'  # noqa: SLF001  an id
        body = (
            f'<RetrievePropertiesEx xmlns="urn:vim25">{collector}<specSet><propSet><type>{kind}</type><all>false</all>'
            f"{wanted}</propSet>{objects}"
            "<reportMissingObjectsInResults>true</reportMissingObjectsInResults></specSet><options/>"
            "</RetrievePropertiesEx>"
        )
        page = _one(self._returned("RetrievePropertiesEx", body, self.deadlines.call_s))
        while page is not None:
            yield from soap.as_list(page.get("objects"))
            token = page.get("token")
            if token is None:
                return
            body = (
                f'<ContinueRetrievePropertiesEx xmlns="urn:vim25">{collector}<token>{escape(token)}</token>'
                "</ContinueRetrievePropertiesEx>"
            )
            page = _one(self._returned("ContinueRetrievePropertiesEx", body, self.deadlines.call_s))

    def _returned(self, method: str, body: str, timeout_s: float) -> soap.Value | None:
        """What a method returned, None for nothing."""
        reply = self._post(body, time.monotonic() + timeout_s)
        answer = reply.get(f"{method}Response")
        if answer is None:
            raise ReplyError(f"the answer to {method} holds {', '.join(reply) or 'nothing'} instead")
        value: soap.Value | None = answer.get("returnval") if isinstance(answer, dict) else None
        return value

    def _post(self, body: str, deadline: float) -> dict[str, Any]:
        """The SOAP body of the reply to `body`, its faults raised."""
        envelope = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
            f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
        )
        headers = {
            "Cookie": self.stub.cookie,
            "SOAPAction": self.stub.versionId.strip('"'),
            "Content-Type": "text/xml; charset=utf-8",
            "Accept-Encoding": "gzip",
        }
        connection, self._poll_connection = self._poll_connection, None
        if connection is None:
            connection = self.wire.connect(deadline)
        self.wire.use_again(connection, deadline)
        with self.wire.translating():
            connection.request("POST", _PATH, envelope.encode(), headers)
            response = connection.getresponse()
            raw = response.read()
        if response.status not in (200, 500):
            raise ReplyError(f"vCenter answered with HTTP {response.status} {response.reason}")
        if response.getheader("Content-Encoding", "") == "gzip":
            raw = _gunzipped(raw, self.wire.endpoint.reply_limit_bytes)
        envelope_read = soap.parse(raw).get("Envelope")
        content = envelope_read.get("Body") if isinstance(envelope_read, dict) else None
        if not isinstance(content, dict):
            raise ReplyError("the answer is no SOAP envelope")
        fault = content.get("Fault")
        if isinstance(fault, dict):
            detail = fault.get("detail")
            name = next(iter(detail)) if isinstance(detail, dict) and detail else "unknown fault"
            raise _translated(name, str(fault.get("faultstring", "")))
        self._poll_connection = connection
        return content

    def close(self) -> None:
        """Log out, so that the session does not stay for its half hour, and close every connection.

        Over a connection of its own: those of the session may be stopped in the middle of a call.
        """
        self.wire.close()
        self.stub.wire = Wire(self.wire.endpoint)
        self.stub.timeout_s = self.deadlines.logout_s
        try:
            self.content.sessionManager.Logout()
        except VcenterError:
            pass  # it is gone, or the vCenter is
        self.stub.wire.close()


def _one(value: soap.Value | None) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _gunzipped(raw: bytes, limit_bytes: int) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        text = reader.decompress(raw, limit_bytes)
    except zlib.error as error:
        raise ReplyError(f"the answer is no gzip stream: {error}") from error
    if reader.unconsumed_tail:
        raise ReplyError(f"the answer is longer than {limit_bytes} bytes")
    if not reader.eof:
        raise ReplyError("the answer was cut off")
    return text


def _negotiated_version(wire: Wire) -> str:
    """The name by which pyvmomi knows the newest API version that both sides speak."""
    connection = wire.connect(time.monotonic() + wire.endpoint.deadlines.call_s)
    with wire.translating():
        connection.request("GET", f"{_PATH}/vimServiceVersions.xml")
        response = connection.getresponse()
        raw = response.read()
    connection.close()
    if response.status != http.client.OK:
        raise ReplyError(
            f"vCenter answered with HTTP {response.status} {response.reason} when asked for its versions"
        )
    offered = _versions_in(soap.parse(raw))
    for version in VmomiSupport.GetServiceVersions("vim25"):
        if VmomiSupport.versionIdMap[version] in offered:
            return str(version)
    raise VcenterError(
        f"vCenter speaks only API versions that slad does not know: {', '.join(sorted(offered))}"
    )


def _versions_in(document: dict[str, Any]) -> set[str]:
    namespaces = document.get("namespaces")
    versions: set[str] = set()
    for namespace in soap.array(namespaces, "namespace"):
        if isinstance(namespace, dict) and namespace.get("name") == "urn:vim25":
            versions.add(str(namespace.get("version")))
            versions.update(soap.array(namespace.get("priorVersions"), "version"))
    return versions
