"""The SOAP envelope: requests read, replies and faults written, in the form that vpxd writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from probes.simulation.values import escape

_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"\n'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"\n'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"\n'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
    "<soapenv:Body>\n"
)
_CLOSE = "\n</soapenv:Body>\n</soapenv:Envelope>"


class FaultError(Exception):
    """A fault of the vim25 API: its type, its members as XML, and the text for people."""

    def __init__(self, wsdl_type: str, message: str, members: str = "") -> None:
        super().__init__(f"{wsdl_type}: {message}")
        self.wsdl_type = wsdl_type
        self.message = message
        self.members = members

    @property
    def envelope(self) -> str:
        return (
            f"{_OPEN}<soapenv:Fault><faultcode>ServerFaultCode</faultcode>"
            f"<faultstring>{escape(self.message)}</faultstring><detail>"
            f'<{self.wsdl_type}Fault xmlns="urn:vim25" xsi:type="{self.wsdl_type}">{self.members}'
            f"</{self.wsdl_type}Fault></detail></soapenv:Fault>{_CLOSE}"
        )

    @property
    def localized(self) -> str:
        """The fault as the members of a LocalizedMethodFault."""
        return (
            f'<fault xsi:type="{self.wsdl_type}">{self.members}</fault>'
            f"<localizedMessage>{escape(self.message)}</localizedMessage>"
        )


def not_authenticated(wsdl_type: str, moid: str) -> FaultError:
    """The session is unknown, expired or killed."""
    members = f'<object type="{wsdl_type}">{escape(moid)}</object><privilegeId>System.View</privilegeId>'
    return FaultError("NotAuthenticated", "The session is not authenticated.", members)


def invalid_login() -> FaultError:
    """Wrong user name or password."""
    return FaultError("InvalidLogin", "Cannot complete login due to an incorrect user name or password.")


def not_found(wsdl_type: str, moid: str) -> FaultError:
    """The object was destroyed, or belongs to another session."""
    message = f"The object '{wsdl_type}:{moid}' has already been deleted or has not been completely created"
    return FaultError("ManagedObjectNotFound", message, f'<obj type="{wsdl_type}">{escape(moid)}</obj>')


def invalid_version() -> FaultError:
    """WaitForUpdatesEx was given a version that is not the newest one that may follow."""
    return FaultError("InvalidCollectorVersion", "A specified parameter was not correct: version")


def invalid_property(path: str) -> FaultError:
    """A property path that the type does not have."""
    return FaultError("InvalidProperty", f"Invalid property: {path}", f"<name>{escape(path)}</name>")


def no_permission(wsdl_type: str, moid: str) -> FaultError:
    """The account may not read."""
    members = f'<object type="{wsdl_type}">{moid}</object><privilegeId>System.Read</privilegeId>'
    return FaultError("NoPermission", "Permission to perform this operation was denied.", members)


def request_canceled() -> FaultError:
    """A blocked call was cancelled."""
    return FaultError("RequestCanceled", "The task was canceled by a user.")


def invalid_argument(name: str) -> FaultError:
    """An argument that the method cannot work with."""
    message = f"A specified parameter was not correct: {name}"
    return FaultError("InvalidArgument", message, f"<invalidProperty>{name}</invalidProperty>")


def not_supported(what: str) -> FaultError:
    """Something that a real vCenter does and the simulation does not."""
    return FaultError("NotSupported", f"The operation is not supported by the simulation: {what}")


@dataclass(frozen=True, slots=True)
class Node:
    """One element of a request, read by local names."""

    element: ElementTree.Element

    @property
    def tag(self) -> str:
        return _local(self.element.tag)

    @property
    def value(self) -> str:
        return (self.element.text or "").strip()

    @property
    def type_attribute(self) -> str:
        """The type that a managed object reference names."""
        return self.element.get("type", "")

    def children(self, name: str) -> Iterator[Node]:
        """The child elements of this name."""
        return (Node(child) for child in self.element if _local(child.tag) == name)

    def child(self, name: str) -> Node | None:
        """The first child element of this name."""
        return next(self.children(name), None)

    def text(self, name: str, default: str = "") -> str:
        """The character data of a child element."""
        child = self.child(name)
        return default if child is None else child.value

    def texts(self, name: str) -> tuple[str, ...]:
        """The character data of every child element of this name."""
        return tuple(child.value for child in self.children(name))

    def flag(self, name: str) -> bool:
        """Whether a child element says true."""
        return self.text(name) in ("true", "1")

    def number(self, name: str) -> int | None:
        """The whole number in a child element, if there is one."""
        text = self.text(name)
        if text and not text.lstrip("-").isdigit():
            raise invalid_argument(name)
        return int(text) if text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One method call: `method` by its WSDL name, `target_type` and `target` the object it is called on."""

    method: str
    target_type: str
    target: str
    node: Node


def parse(body: bytes) -> Request:
    """The method call in an envelope; raises a FaultError where there is none."""
    try:
        envelope = ElementTree.fromstring(body)  # noqa: S314 - a test peer that reads its own clients' requests
    except ElementTree.ParseError as error:
        raise FaultError("InvalidRequest", f"XML document is not well-formed: {error}") from error
    content = Node(envelope).child("Body")
    if content is None or len(content.element) != 1:
        raise FaultError("InvalidRequest", "the envelope has no body with one method")
    node = Node(content.element[0])
    this = node.child("_this")
    if this is None:
        raise FaultError("InvalidRequest", "the method call names no object")
    return Request(method=node.tag, target_type=this.type_attribute, target=this.value, node=node)


def reply(method: str, content: str) -> str:
    """The envelope of a method's result; `content` holds its returnval elements."""
    return f'{_OPEN}<{method}Response xmlns="urn:vim25">{content}</{method}Response>{_CLOSE}'


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
