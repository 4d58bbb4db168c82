"""What a vCenter said, without saying of whom: names, addresses, users and ids become pseudonyms, the same ones each time.

Nothing passes but what is known to be harmless: the words of the schema, states, truths, times, and numbers where the schema
has them count something. In every other text each word becomes another, so that what belonged together still does: a file's
path begins with the name of its datastore, a name that comes in a path is that of the folder. What is between words stays,
odd characters above all. A text may be no XML: nothing is parsed.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Final

LONG: Final = 2_048
"""Of texts that are longer each letter and digit becomes an x: what they are is their length."""

_TAG: Final = re.compile(r"""<(/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+=(?:"[^"<]*"|'[^'<]*'))*)(\s*/?)>""")
_DECLARATION: Final = re.compile(r"\s*<\?xml\s[^<>]*\?>")
_ATTRIBUTE: Final = re.compile(r"""(\s+)([\w:.-]+)=(["'])(.*?)\3""")
_KEPT_ATTRIBUTES: Final = re.compile(r"xmlns(?::[\w-]+)?|(?:[\w-]+:)?type")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:+-]{0,64}")
"""What a word of the schema, or a number, looks like."""
_KEPT_TEXTS: Final = frozenset({
    "op", "kind", "truncated", "version", "eventTypeId", "accessible", "mounted", "accessMode",
    "inaccessibleReason", "connectionState", "powerState", "prefixLength", "state", "origin", "deviceConfigId",
    "faultcode", "apiVersion", "apiType", "build", "osType", "productLineId", "capacityInKB", "fileKey",
})  # fmt: skip
"""Elements whose text is a word of the schema, or a number that counts something."""
_KEPT_PROPERTIES: Final = frozenset({
    "runtime.powerState", "runtime.connectionState", "runtime.inMaintenanceMode", "runtime.bootTime",
    "config.template", "config.ftInfo.role", "summary.accessible", "summary.maintenanceMode",
})  # fmt: skip
_PERHAPS: Final = frozenset({"key", "chainId", "type", "reason"})
"""Elements whose text is kept where it is a number, or a word that is known."""
_KNOWN: Final = frozenset({
    "ds", "vm", "host", "datastore", "group", "domain", "resgroup", "resourcePool", "network", "dvportgroup",
    "session", "dc", "ServiceInstance", "vmfs", "volumes", "nfs", "vmx", "vmtx", "vmdk", "nvram", "vswp", "vmsd",
    "vmsn", "vmss", "iso", "log", "swap", "uwswap", "config", "diskDescriptor", "diskExtent", "extendedConfig",
    "vsan", "vvol", "com", "vmware", "vcDr", "Resources", "sslThumbprintVerifyFailed", "licenseExpired",
    "agentUpgrade", "userRequest", "insufficientLicenses", "agentOutOfDate", "passwordDecryptFailure", "unknown",
    "vcVRAMCapacityExceeded", "urn", "vim25",
})  # fmt: skip
"""Words that are no names, wherever they stand."""

_NAME: Final = re.compile(
    r"(?P<escape>%(?:2[fF]|5[cC]|25)|&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[0-9a-fA-F]{1,6});)"
    r"|(?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<card>\b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}\b)"
    r"|(?P<address>(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+)(?![\w:]))"
    r"|(?P<number>(?<![^\W_])[0-9]+(?![^\W_]))"
    r"|(?P<word>[^\W_]+)"
)
_PROPERTY_NAMES: Final = {("name", "changeSet"), ("name", "propSet"), ("path", "missingSet")}
"""Elements, and those that hold them, whose text is a property's name."""
_PROPERTY: Final = re.compile(r"[A-Za-z.]{1,64}(?:\[(?:\"|&quot;)[^\"&]*(?:\"|&quot;)\][A-Za-z.]{0,64})?")
_WITHIN: Final = re.compile(r"(?<=\[\")[^\"]+|(?<=\[&quot;)[^&]+")
_LETTER: Final = re.compile(r"[^\W_]")
_NOBODYS: Final = tuple(map(ip_network, ("127.0.0.0/8", "172.17.0.0/16", "::1/128", "0.0.0.0/32")))
"""Addresses that say nothing of a network."""
_FORMS: Final = (
    (ip_network("169.254.0.0/16"), "169.254.{}.{}"),
    (ip_network("10.0.0.0/8"), "10.0.{}.{}"),
    (ip_network("172.16.0.0/12"), "172.16.{}.{}"),
    (ip_network("192.168.0.0/16"), "192.168.{}.{}"),
    (ip_network("224.0.0.0/4"), "239.255.{}.{}"),
    (ip_network("0.0.0.0/0"), "198.18.{}.{}"),
    (ip_network("fe80::/10"), "fe80::{:x}:{:x}"),
    (ip_network("fc00::/7"), "fd00::{:x}:{:x}"),
    (ip_network("::/0"), "2001:db8::{:x}:{:x}"),
)
"""Each kind of address, and how a pseudonym of that kind looks."""


class Pseudonyms:
    """Those of one recording. They are counted up as they are needed, so that none can be reckoned back."""

    def __init__(self) -> None:
        self._by_kind: dict[str, dict[str, str]] = {kind: {} for kind in _MAKERS}
        self._open: list[str] = []
        """The elements that are open, outermost first."""
        self._property = ""
        """The property of which the value comes next."""

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind were replaced, by what the kind is called."""
        return {_KINDS[kind]: len(replaced) for kind, replaced in self._by_kind.items()}

    def replaced(self, reply: bytes) -> bytes:
        """A reply with pseudonyms in it, byte for byte the same where nothing was replaced.

        Of one that does not even look like XML in UTF-8 only the length and what is no letter and no digit stay.
        """
        text = reply.decode(errors="surrogateescape")
        if "\0" in text or not text.lstrip("\ufeff \t\r\n").startswith("<"):
            return _LETTER.sub("x", text).encode(errors="surrogateescape")
        self._open.clear()
        self._property = ""
        declaration = _DECLARATION.match(text)
        end = 0 if declaration is None else declaration.end()
        parts = [text[:end]]
        for tag in _TAG.finditer(text, end):
            parts += (self._text(text[end : tag.start()]), self._tag(tag))
            end = tag.end()
        parts.append(self._text(text[end:]))
        return "".join(parts).encode(errors="surrogateescape")

    def _tag(self, tag: re.Match[str]) -> str:
        closes, name, attributes, end = tag.groups()
        if closes and name in self._open:
            while self._open.pop() != name:
                pass
        elif not (closes or end.endswith("/")):
            self._open.append(name)
        shown = _ATTRIBUTE.sub(self._attribute, attributes)
        return f"<{closes}{name}{shown}{end}>"

    def _attribute(self, found: re.Match[str]) -> str:
        space, name, quote, value = found.groups()
        kept = _KEPT_ATTRIBUTES.fullmatch(name) and _PLAIN.fullmatch(value.rpartition("/")[2])
        return f"{space}{name}={quote}{value if kept else self._words(value)}{quote}"

    def _text(self, text: str) -> str:
        if not text.strip():
            return text
        element = self._open[-1] if self._open else ""
        if (element, *self._open[-2:-1]) in _PROPERTY_NAMES and _PROPERTY.fullmatch(text):
            self._property = text
            # A partial update names the object within: `host["host-7"].mountInfo`.
            return _WITHIN.sub(lambda found: self._words(found[0]), text)
        if _TIME.fullmatch(text) or text in ("true", "false") or self._is_kept(element, text):
            return text
        return self._words(text)

    def _is_kept(self, element: str, text: str) -> bool:
        if not _PLAIN.fullmatch(text):
            return False
        if element == "val":
            return self._property in _KEPT_PROPERTIES
        if element in _PERHAPS:
            return text.isdigit() or text in _KNOWN
        return element in _KEPT_TEXTS

    def _words(self, text: str) -> str:
        return _LETTER.sub("x", text) if len(text) > LONG else _NAME.sub(self._pseudonym, text)

    def _pseudonym(self, found: re.Match[str]) -> str:
        kind, told = found.lastgroup, found[0]
        if kind is None or kind == "escape" or told in _KNOWN:
            return told
        known = self._by_kind[kind]
        if told not in known:
            known[told] = _MAKERS[kind](told, len(known) + 1)
        return known[told]


def _word(told: str, number: int) -> str:
    return f"w{number}" if told.isascii() else f"ŵ{number}"


def _address(told: str, number: int) -> str:
    """One of the same kind: private, link-local, public."""
    try:
        address = ip_address(told)
    except ValueError:
        return f"w:{number}"  # no address, but something that looks like one
    if any(address in nobodys for nobodys in _NOBODYS):
        return told
    form = next(form for network, form in _FORMS if address in network)
    return form.format(*divmod(number, 256))


_KINDS: Final = {
    "word": "words",
    "number": "numbers",
    "address": "addresses",
    "id": "ids",
    "card": "network cards",
}
_MAKERS: Final[Mapping[str, Callable[[str, int], str]]] = {
    "word": _word,
    "number": lambda _, number: str(number),
    "address": _address,
    "id": lambda _, number: f"00000000-0000-4000-8000-{number:012x}",
    "card": lambda _, number: f"00:50:56:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
}
