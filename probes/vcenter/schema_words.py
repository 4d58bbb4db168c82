"""Words that say nothing of anybody: names and values of vSphere's own schema, as pyVmomi knows it, and of SOAP.

A word counts only whole, and only where the schema has it: what is not here is somebody's.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from pyVmomi import VmomiSupport

from probes.vcenter.event_types import EVENT_TYPES

_SOAP: Final = frozenset({
    "soapenv", "soap", "soapenc", "xsi", "xsd", "xml", "xmlns", "vim25", "Envelope", "Header", "Body", "Fault",
    "faultcode", "faultstring", "faultactor", "detail", "returnval", "namespaces", "namespace", "name", "version",
    "priorVersions", "_this", "string", "int", "long", "short", "byte", "boolean", "float", "double", "dateTime",
    "anyType", "anyURI", "base64Binary", "ManagedObjectReference",
})  # fmt: skip
_ATTRIBUTES: Final = frozenset({"type", "nil", "serverGuid"})
_VMWARES: Final = re.compile(r"urn:(?:internal)?(?:vim|vpxd|sms|pbm|vslm|eam|vsan|reflect)[0-9]{0,3}")
_NAMESPACES: Final = frozenset({
    "http://schemas.xmlsoap.org/soap/envelope/", "http://schemas.xmlsoap.org/soap/encoding/",
    "http://schemas.xmlsoap.org/wsdl/", "http://schemas.xmlsoap.org/wsdl/soap/", "http://www.w3.org/2001/XMLSchema",
    "http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2003/05/soap-envelope",
    "http://www.w3.org/2003/05/soap-encoding", "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/2005/08/addressing", "http://www.w3.org/2000/09/xmldsig#",
})  # fmt: skip
_ENCODING: Final = re.compile(
    r"(?i:utf-?(?:8|16)(?:le|be)?|iso-8859-[0-9][0-9]?|windows-125[0-9]|us-ascii|gbk|gb2312|gb18030|shift_jis|euc-jp|euc-kr|big5)"
)
_DECLARED: Final = {
    "version": re.compile(r"1\.[01]"),
    "encoding": _ENCODING,
    "standalone": re.compile("yes|no"),
}

_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,10}){0,5}(?:u[0-9])?(?:server)?")
"""A number that counts, or that of a release."""
_MOID: Final = re.compile(
    r"(?:vm|host|datastore|datacenter|folder|network|dvs|dvportgroup)-[0-9]{1,12}|(?:group|domain|resgroup)-[a-z]?[0-9]{1,12}"
)
_EVENT_TYPE: Final = re.compile(r"(?:vim\.event|esx|com\.vmware)(?:\.[A-Za-z0-9_-]{1,64}){1,12}")
_EXTENSION: Final = re.compile(r"com\.vmware(?:\.[A-Za-z0-9_-]{1,64}){1,6}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](?:\.[0-9]{1,9})?(?:Z|[+-][0-9][0-9]:[0-9][0-9])?"
)
_VALUES: Final = frozenset({
    "op", "kind", "truncated", "version", "accessible", "mounted", "accessMode", "inaccessibleReason", "connectionState",
    "powerState", "prefixLength", "state", "origin", "deviceConfigId", "faultcode", "apiVersion", "apiType", "build",
    "osType", "productLineId", "capacityInKB", "fileKey", "key", "chainId", "type", "reason",
})  # fmt: skip
"""Elements whose text may be a word of the schema, or a number that counts something."""
_PROPERTIES: Final = re.compile(
    r"runtime\.(?:powerState|connectionState|inMaintenanceMode|bootTime)|config\.(?:template|ftInfo\.role)"
    r"|summary\.(?:accessible|maintenanceMode)|host\[.*\]\.mountInfo\.(?:accessible|mounted|inaccessibleReason|accessMode)"
)
"""Properties whose value may."""
_MORE_VALUES: Final = frozenset({
    "HostAgent", "VirtualCenter", "vpx", "embeddedEsx", "esx", "linux-x64", "linux-x86", "win32-x64", "win32-x86",
    "vmnix-x86", "vmnix-x64", "placeholderVm", "ServerFaultCode", "soapenv:VersionMismatch",
    "soapenv:MustUnderstand", "soapenv:Client", "soapenv:Server",
})  # fmt: skip
"""Words that the schema has as plain texts."""


@cache
def names() -> frozenset[str]:
    """The names of elements and types, and of the words that properties' names consist of."""
    return frozenset(_names()) | _SOAP


@cache
def values() -> frozenset[str]:
    """What elements may say whose type lists all that it may say."""
    tables = VmomiSupport._enumDefMap  # noqa: SLF001  nothing else tells all of them
    return frozenset(value for kind in tables.values() for value in kind[3]) | _MORE_VALUES


def _names() -> Iterator[str]:
    for kind in (*VmomiSupport._dataDefMap.values(), *VmomiSupport._enumDefMap.values()):  # noqa: SLF001
        yield from (kind[1], f"{kind[1]}Fault", f"ArrayOf{kind[1]}")
    for kind in VmomiSupport._dataDefMap.values():  # noqa: SLF001
        yield from (each[0] for each in kind[4] or ())
    for kind in VmomiSupport._managedDefMap.values():  # noqa: SLF001
        yield kind[1]
        yield from (each[0] for each in kind[4] or ())
        for method in kind[5] or ():
            yield from (method[1], f"{method[1]}Response", f"{method[1]}RequestType")
    yield from (f"ArrayOf{each[:1].upper()}{each[1:]}" for each in _SOAP)


def keeps_name(name: str) -> bool:
    """Whether an element, or a type, is called so; without the prefix of its namespace. A single letter names nobody."""
    return name in names() or _is_letter(name)


def keeps_attribute(name: str) -> bool:
    """Whether an attribute, or the prefix of one, is called so."""
    return name in _ATTRIBUTES or name in _SOAP or _is_letter(name)


def _is_letter(name: str) -> bool:
    return len(name) == 1 and name.isascii() and name.isalpha()


def keeps_namespace(value: str) -> bool:
    """Whether it is a namespace of vSphere, SOAP or XML."""
    return value in _NAMESPACES or _VMWARES.fullmatch(value) is not None


def keeps_declared(name: str, value: str) -> bool:
    """Whether `<?xml … ?>` may say so."""
    return name in _DECLARED and _DECLARED[name].fullmatch(value) is not None


def is_moid(text: str) -> bool:
    """Whether it is the id of a managed object, which vCenter counts up."""
    return _MOID.fullmatch(text) is not None


def keeps_text(element: str, property_: str, text: str) -> bool:
    """Whether an element's text is a time, a truth, a word of the schema or a number that counts; `property_`: that of a `val`."""
    if text in ("true", "false") or _TIME.fullmatch(text):
        return True
    if element == "eventTypeId":
        return text in EVENT_TYPES or text in names() or _EVENT_TYPE.fullmatch(text) is not None
    if element == "extensionKey":
        return _EXTENSION.fullmatch(text) is not None
    if element in _VALUES or (element == "val" and _PROPERTIES.fullmatch(property_)):
        return text in values() or _NUMBER.fullmatch(text) is not None
    return False
