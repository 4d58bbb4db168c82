"""One session with one vCenter: our own login, one stub of pyvmomi's for calls, one connection for the long poll.

`SmartConnect` is not used: it asks for the version without a time-out, and logs in behind the caller's back.
"""

import http.client
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from pyVmomi import VmomiSupport, vim, vmodl
from pyVmomi.SoapAdapter import SoapStubAdapter

from probes.vcenter import soap
from probes.vcenter.faults import (
    LoginRefusedError,
    ObjectGoneError,
    PermissionDeniedError,
    ReplyError,
    SessionLostError,
    StoppedError,
    VcenterError,
    VCenterUnreachableError,
    is_about_an_answer,
    reading,
)
from probes.vcenter.transport import Connection, Deadlines, Wire

TRIES: Final = 2
"""On how many fresh connections a call is tried that may be made again: only when all of them failed it is the vCenter's."""
RESTED_S: Final = 1.0
KEPT_S: Final = 5.0
"""How much longer than its wait a call may take on a connection that idled for `RESTED_S`, before it is made on a fresh one: of one
that was forgotten nothing is heard."""
MOST_PAGES: Final = 10_000
"""Of one answer. One that has more has no end."""

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
        return self.wire.ready(connection, deadline)

    def ReturnConnection(self, conn: Connection) -> None:  # noqa: N802  pyvmomi's name
        """Keep a connection for the next call."""
        conn.rest()
        super().ReturnConnection(conn)

    def InvokeMethod(self, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:  # noqa: N802, N803  pyvmomi's names
        """A call. Raises VcenterError, and nothing else."""
        try:
            with self.wire.translating():
                return super().InvokeMethod(mo, info, args, outerStub)
        except vmodl.MethodFault as fault:
            raise _translated(type(fault).__name__, fault.msg or "") from fault
        except VcenterError:
            raise
        except Exception as error:
            # What pyvmomi raises for a reply that is cut, no XML, or holds a word that it does not know, is of any kind.
            raise ReplyError(f"the answer to {info.wsdlName} cannot be read: {error!r}") from error


_FAULTS: Final[dict[str, type[VcenterError]]] = {
    "InvalidLogin": LoginRefusedError,
    "NotAuthenticated": SessionLostError,
    "ManagedObjectNotFound": ObjectGoneError,
    "InvalidCollectorVersion": SessionLostError,
    "NoPermission": PermissionDeniedError,
    "RequestCanceled": SessionLostError,
}


def _translated(fault: str, message: str, *, at_login: bool = False) -> VcenterError:
    """A fault in our words. Who is refused in the middle of a session has to log in anew, and may."""
    fault = fault.rpartition(".")[2].removesuffix("Fault")
    kind = _FAULTS.get(fault, VcenterError)
    if kind is LoginRefusedError and not at_login:
        kind = SessionLostError
    return kind(f"{fault}: {message}" if message else fault)


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
        # Never a local text: a traceback that somebody keeps would keep it too.
        secret = bytearray(escape(credentials.password()).encode())
        try:
            return cls._opened(wire, credentials.user, secret)
        finally:
            _overwrite(secret)

    @classmethod
    def _opened(cls, wire: Wire, user: str, secret: bytearray) -> "Session":
        stub = Stub(wire, _negotiated_version(wire))
        content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
        session = cls(wire, stub, content)
        try:
            session._log_in(user, secret)
        except LoginRefusedError as error:
            raise LoginRefusedError(
                f"vCenter refused the login of {user}: user or password is wrong, or the account is locked"
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

    @property
    def instance_uuid(self) -> str:
        """The vCenter's own; "" where it tells none."""
        return str(getattr(self.content.about, "instanceUuid", None) or "")

    def _log_in(self, user: str, secret: bytearray) -> None:
        """The one call that holds a password: pyvmomi would leave that in memory in several places."""
        with reading("what vCenter says of itself"):
            manager = self.content.sessionManager._moId  # noqa: SLF001  an id
        named = f'<_this type="SessionManager">{escape(manager)}</_this><userName>{escape(user)}</userName>'
        envelope = _envelope("Login", named.encode(), b"<password>", secret, b"</password>")
        try:
            with reading("the answer to Login"):
                self._post("Login", envelope, self.deadlines.call_s)
        finally:
            _overwrite(envelope)

    def wait_for_updates(
        self, collector: str, version: str, wait_s: int, page: int, *, once: bool = False
    ) -> dict[str, Any] | None:
        """The next update set after `version` as plain values; None when nothing changed for `wait_s` seconds.

        An `objectSet` in it that is plain is `PlainUpdate`, one that cannot be read `soap.UnreadableItem`. `once`: after a set that was truncated, whose version may be
        passed once only.
        """
        margin_s = self.deadlines.poll_margin_s if version else self.deadlines.first_poll_margin_s

        def call(wait_s: int) -> _Call:
            return _Call(
                "WaitForUpdatesEx",
                f'<_this type="PropertyCollector">{escape(collector)}</_this><version>{escape(version)}</version>'
                f"<options><maxWaitSeconds>{wait_s}</maxWaitSeconds><maxObjectUpdates>{page}</maxObjectUpdates></options>",
                wait_s + margin_s,
                "objectSet",
                wait_s,
            )

        # Whoever asks again has waited long enough.
        update = self._returned(call(wait_s), *(() if once else (call(0),)))
        return _table("the update set", update)

    def next_events(self, collector: str, page: int) -> list[Any]:
        """The next events of a collector as plain values, oldest first; none once all were read.

        An event that cannot be read is `soap.UnreadableItem`. After a VCenterUnreachableError or ReplyError it is not known what the
        collector will give next: what is lost on the way is not given again.
        """
        returned = self._returned(
            _Call(
                "ReadNextEvents",
                f'<_this type="EventHistoryCollector">{escape(collector)}</_this><maxCount>{page}</maxCount>',
                self.deadlines.call_s,
                "returnval",
            )
        )
        return [] if returned is None else returned if isinstance(returned, list) else [returned]

    def destroy_collector(self, collector: str) -> None:
        """Give an event collector back, of which a session may have few; that it is gone is as good."""
        call = _Call(
            "DestroyCollector",
            f'<_this type="EventHistoryCollector">{escape(collector)}</_this>',
            self.deadlines.call_s,
        )
        try:
            self._returned(call, call)
        except (StoppedError, VCenterUnreachableError):
            raise
        except VcenterError:
            pass  # if it is the session that is lost, the next call says so

    def current_time(self) -> soap.Value | None:
        """The answer to `CurrentTime`, which should be an `xsd:dateTime`."""
        call = _Call(
            "CurrentTime", '<_this type="ServiceInstance">ServiceInstance</_this>', self.deadlines.call_s
        )
        return self._returned(call, call)

    def retrieve(self, kind: str, paths: tuple[str, ...], moids: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Properties of some objects as plain values: each object's `obj`, its `propSet` and its `missingSet`.

        An object of which the answer cannot be read is left out.
        """
        objects = "".join(
            f'<objectSet><obj type="{kind}">{escape(moid)}</obj><skip>false</skip></objectSet>'
            for moid in moids
        )
        asked = "".join(f"<pathSet>{path}</pathSet>" for path in paths)
        collector = f'<_this type="PropertyCollector">{escape(self.content.propertyCollector._moId)}</_this>'  # noqa: SLF001  an id
        call = _Call(
            "RetrievePropertiesEx",
            f"{collector}<specSet><propSet><type>{kind}</type><all>false</all>{asked}</propSet>{objects}"
            "<reportMissingObjectsInResults>true</reportMissingObjectsInResults></specSet><options/>",
            self.deadlines.call_s,
            "objects",
        )
        again = [call]
        for _ in range(MOST_PAGES):
            page = _table("the page of properties", self._returned(call, *again))
            if page is None:
                return
            yield from (each for each in soap.as_list(page.get("objects")) if isinstance(each, dict))
            token = page.get("token")
            if token is None:
                return
            if not isinstance(token, str):
                raise ReplyError("the page of properties says in several ways how to go on")
            call = _Call(
                "ContinueRetrievePropertiesEx",
                f"{collector}<token>{escape(token)}</token>",
                self.deadlines.call_s,
                "objects",
            )
            again = []  # a token is used once
        raise ReplyError(f"the properties come in more than {MOST_PAGES} pages")

    def _returned(self, call: "_Call", *again: "_Call") -> soap.Value | None:
        """What a method returned, None for nothing.

        `again`: the same in other words, where it may be asked again though its answer was lost. The connection of the call
        before may have been dropped, or forgotten, since: what failed on it is asked on fresh ones, and only if it fails on
        `TRIES` of them it failed.
        """
        fresh = 0
        while True:
            kept, timeout_s = self._poll_connection, call.timeout_s
            if kept is None or kept.is_stale:
                fresh += 1
            elif again and kept.idle_s > RESTED_S:
                timeout_s = min(timeout_s, call.wait_s + KEPT_S)
            try:
                with reading(f"the answer to {call.method}"):
                    envelope = _envelope(call.method, call.arguments.encode())
                    return _content(call.method, self._post(call.method, envelope, timeout_s, call.item))
            except VcenterError as error:
                if not is_about_an_answer(error) or not again or fresh == TRIES:
                    raise
            (call,) = again

    def _post(
        self, method: str, envelope: bytearray, timeout_s: float, item: str | None = None
    ) -> dict[str, Any]:
        """The SOAP body of the reply to a call, its faults raised."""
        at_login = method == "Login"
        headers = {
            "Cookie": self.stub.cookie,
            "SOAPAction": self.stub.versionId.strip('"'),
            "Content-Type": "text/xml; charset=utf-8",
            "Accept-Encoding": "gzip",
        }
        kept, self._poll_connection = self._poll_connection, None
        connection = self.wire.ready(kept, time.monotonic() + timeout_s)
        try:
            with self.wire.translating():
                connection.request("POST", _PATH, envelope, headers)
                response = connection.getresponse()
                if at_login:
                    self.stub.cookie = response.getheader("Set-Cookie") or self.stub.cookie
                raw = response.read()
            plain = _plain(response, raw, self.wire.endpoint.reply_limit_bytes)
            content = _body(soap.parse(plain, item), at_login=at_login)
        except BaseException:
            connection.close()
            raise
        connection.rest()
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
            with reading("what vCenter says of itself"):
                self.content.sessionManager.Logout()
        except VcenterError:
            pass  # it is gone, or the vCenter is
        self.stub.wire.close()


_OPENING: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
)
_CLOSING: Final = b"</soapenv:Body></soapenv:Envelope>"


def _envelope(method: str, *arguments: bytes | bytearray) -> bytearray:
    """A request as it is sent; a secret among the arguments is copied into it and nowhere else."""
    opening, closing = f'<{method} xmlns="urn:vim25">'.encode(), f"</{method}>".encode()
    return bytearray().join((_OPENING, opening, *arguments, closing, _CLOSING))


def _overwrite(secret: bytearray) -> None:
    """Memory that is freed is not overwritten by that."""
    secret[:] = bytes(len(secret))


def _plain(response: http.client.HTTPResponse, raw: bytes, limit_bytes: int) -> bytes:
    """The bytes of an answer, unpacked where they are packed, whatever its header says. Raises ReplyError."""
    if response.status not in (http.client.OK, http.client.INTERNAL_SERVER_ERROR):
        raise ReplyError(f"vCenter answered with HTTP {response.status} {response.reason}")
    return _gunzipped(raw, limit_bytes) if raw.startswith(b"\x1f\x8b") else raw


def _body(document: dict[str, Any], *, at_login: bool) -> dict[str, Any]:
    """What is in the body of a SOAP envelope, its fault raised. Raises ReplyError."""
    envelope = document.get("Envelope")
    content = envelope.get("Body") if isinstance(envelope, dict) else None
    if not isinstance(content, dict):
        raise ReplyError("the answer is no SOAP envelope")
    if "Fault" in content:
        raise _fault(content["Fault"], at_login=at_login)
    return content


def _fault(fault: Any, *, at_login: bool) -> VcenterError:
    """What a SOAP fault says, as far as it can be read."""
    told = fault if isinstance(fault, dict) else {}
    detail, message = told.get("detail"), told.get("faultstring")
    names = [name for name in detail if name != soap.TYPE] if isinstance(detail, dict) else []
    return _translated(
        names[0] if names else "unknown fault", message if isinstance(message, str) else "", at_login=at_login
    )


def _content(method: str, reply: dict[str, Any]) -> soap.Value | None:
    """What the body of a reply says that a method returned; None for nothing. Raises ReplyError for the answer to another."""
    answer = reply.get(f"{method}Response")
    if isinstance(answer, str) and not answer.strip():
        return None
    if not isinstance(answer, dict):
        held = ", ".join(reply) or "nothing"
        raise ReplyError(f"the answer to {method} holds {'two answers' if answer else held} instead of one")
    value: soap.Value | None = answer.get("returnval")
    return value


@dataclass(frozen=True, slots=True)
class _Call:
    """A method, its arguments as XML, how long it may take, and the element that its answer may hold many of.

    `wait_s`: how much of that vCenter may wait before it answers.
    """

    method: str
    arguments: str
    timeout_s: float
    item: str | None = None
    wait_s: float = 0.0


def _table(what: str, value: soap.Value | None) -> dict[str, Any] | None:
    """A returned value that has members, or None for nothing. Raises ReplyError for anything else."""
    if value is not None and not isinstance(value, dict):
        raise ReplyError(f"{what} is a {'list' if isinstance(value, list) else 'text'}")
    return value


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
    with reading("the list of vCenter's versions"):
        offered = _versions_in(soap.parse(_plain(response, raw, wire.endpoint.reply_limit_bytes)))
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
