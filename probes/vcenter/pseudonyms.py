"""What a vCenter said, without saying of whom: names, addresses, users and ids become pseudonyms, the same ones each time.

Nothing passes but what is known to be harmless: the words of the schema (`schema_words`), truths, times, and numbers where the
schema has them count something. In every other text each word becomes another, so that what belonged together still does: a
file's path begins with the name of its datastore, a name that comes in a path is that of the folder. What is between words
stays, odd characters above all. A text may be no XML: nothing is parsed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from probes.vcenter import schema_words
from probes.vcenter.address_pseudonyms import AddressPseudonyms
from probes.vcenter.markup import Attribute, Enclosed, Tag, attributes, pieces

LONG: Final = 2_048
"""Of texts that are longer each letter and digit becomes an x: what they are is their length."""

_KNOWN: Final = frozenset({
    "ds", "vm", "host", "datastore", "group", "domain", "resgroup", "resourcePool", "network", "dvportgroup",
    "session", "dc", "ServiceInstance", "vmfs", "volumes", "nfs", "vmx", "vmtx", "vmdk", "nvram", "vswp", "vmsd",
    "vmsn", "vmss", "iso", "log", "swap", "uwswap", "config", "diskDescriptor", "diskExtent", "extendedConfig",
    "vsan", "vvol", "com", "vmware", "vcDr", "Resources", "sslThumbprintVerifyFailed", "licenseExpired",
    "agentUpgrade", "userRequest", "insufficientLicenses", "agentOutOfDate", "passwordDecryptFailure", "unknown",
    "vcVRAMCapacityExceeded", "urn", "vim25", "true", "false", "DOCTYPE",
})  # fmt: skip
"""Words that are no names, wherever they stand."""

# No part gives back what it took, or takes more than some dozen characters: the time that a text takes grows as its length.
_ESCAPE: Final = (
    r"(?P<escape>%(?:2[fF]|5[cC]|25)|&(?:amp|lt|gt|quot|apos|nbsp);)"
    r"|&#(?:(?P<decimal>[0-9]{1,7})|x(?P<hex>[0-9a-fA-F]{1,6}));"
)
_WORD: Final = re.compile(r"(?P<number>(?<![^\W_])[0-9]++(?![^\W_]))|(?P<word>[^\W_]++)")
_NAME: Final = re.compile(
    _ESCAPE + r"|(?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<card>(?<![\w:])[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}(?![\w:]))"
    r"|(?P<address>(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])"
    r"|(?<![\w:.])(?=[0-9a-fA-F]{0,4}:)[0-9a-fA-F:]{2,39}+(?:\.[0-9]{1,3}){0,3}(?![\w:]))"
    r"|" + _WORD.pattern
)
_BLOTTED: Final = re.compile(_ESCAPE + r"|(?P<word>[^\W_]++)")
_CONTROL: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f]")

_PROPERTY_NAMES: Final = {("changeSet", "name"), ("propSet", "name"), ("missingSet", "path")}
"""Elements whose text is a property's name, after those that hold them."""
_KEY: Final = re.compile(r"""(\[(?:"|&quot;))([^"&\[\]]{0,256})((?:"|&quot;)\])""")
"""A partial update names the object within: `host["host-7"].mountInfo`."""
_PATH: Final = re.compile(r"(?:[A-Za-z]++|\.|\[-?[0-9]{1,10}\])*")

_NO_UTF_8: Final = re.compile("[\udc80-\udcff]+")
_NO_UTF_8_EITHER: Final = "\udcff"
_FORBIDDEN: Final = "\x01"
_SYMBOL: Final = ord("¤")
_KEPT_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_KEPT_CHARACTERS: Final = frozenset({0xFFFD, 0xFFFE, 0xFFFF, ord(_NO_UTF_8_EITHER)})


class _Symbols(dict[int, int]):
    """What becomes of each character: of one that is no letter, and no fault, the same symbol."""

    def __missing__(self, code: int) -> int:
        self[code] = code if chr(code).isalnum() or _is_no_symbol(code) else _SYMBOL
        return self[code]


def _is_no_symbol(code: int) -> bool:
    """Whether it is punctuation, or controls how a text looks, which is often the fault: so, it spells nothing."""
    if code < 0x80 or code in _KEPT_CHARACTERS:
        return True
    return code <= 0xFFFF and unicodedata.category(chr(code)) in _KEPT_CATEGORIES


_SYMBOLS: Final = _Symbols()


class Pseudonyms:
    """Those of one recording. They are counted up as they are needed, so that none can be reckoned back."""

    def __init__(self) -> None:
        self._by_kind: dict[str, dict[str, str]] = {kind: {} for kind in _MAKERS}
        self._addresses = AddressPseudonyms()
        self._elements: dict[str, str] = {}
        """What the names of elements were replaced by."""
        self._begin()

    def _begin(self) -> None:
        self._open: list[tuple[str, bool]] = []
        """The elements that are open, outermost first, and whether each refers to a managed object."""
        self._open_by_name: Counter[str] = Counter()
        self._property = ""
        """The property of which the value comes next."""

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind were replaced, by what the kind is called."""
        counts = {_KINDS[kind]: len(replaced) for kind, replaced in self._by_kind.items()}
        return counts | {"addresses": len(self._addresses)}

    def replaced(self, reply: bytes) -> bytes:
        """A reply with pseudonyms in it, byte for byte the same where nothing was replaced.

        Of one that does not even look like XML in UTF-8 only the length and what is no letter and no digit stay; of one that
        is no text at all its length.
        """
        text = _NO_UTF_8.sub(_NO_UTF_8_EITHER, reply.decode(errors="surrogateescape")).translate(_SYMBOLS)
        self._begin()
        is_markup = text.lstrip("\ufeff \t\r\n").startswith("<")
        if "\0" in text[:4] or (not is_markup and _CONTROL.search(text)):
            return b"x" * len(reply)
        if not is_markup:
            return _blotted(text).encode(errors="surrogateescape")
        return "".join(map(self._piece, pieces(text))).encode(errors="surrogateescape")

    def _piece(self, piece: str | Tag | Enclosed) -> str:
        match piece:
            case Tag():
                return self._tag(piece)
            case Enclosed(opening="<![CDATA["):
                return f"{piece.opening}{self._text(piece.text)}{piece.closing}"
            case Enclosed(opening="<?", text=text) if text.startswith("xml") and text[3:4].isspace():
                return f"<?xml{self._declared(text[3:])}?>"
            case Enclosed():
                return f"{piece.opening}{self._words(piece.text)}{piece.closing}"
            case _:
                return self._text(piece)

    def _declared(self, told: str) -> str:
        found, rest = attributes(told)
        shown = [
            "".join(each) + each.quote
            if schema_words.keeps_declared(each.name, each.value)
            else self._attribute(each)
            for each in found
        ]
        return "".join(shown) + self._words(rest)

    def _tag(self, tag: Tag) -> str:
        name = self._elements.get(tag.name)
        if name is None:
            name = self._elements[tag.name] = self._qualified(tag.name, schema_words.keeps_name)
        found, rest = attributes(tag.attributes) if tag.attributes else ([], "")
        self._follow(tag, any(each.name == "type" and schema_words.keeps_name(each.value) for each in found))
        return f"<{tag.closes}{name}{''.join(map(self._attribute, found))}{rest}{tag.end}>"

    def _follow(self, tag: Tag, refers: bool) -> None:
        """Keep what is open; a name that is not open closes nothing."""
        name = tag.name.rpartition(":")[2]
        if name in ("changeSet", "propSet") or (name == "name" and not tag.closes):
            self._property = ""
        if tag.closes:
            while self._open_by_name[name]:
                last, _ = self._open.pop()
                self._open_by_name[last] -= 1
                if last == name:
                    break
        elif not tag.end.endswith("/"):
            self._open.append((name, refers))
            self._open_by_name[name] += 1

    def _attribute(self, attribute: Attribute) -> str:
        blanks, name, equals, quote, value = attribute
        is_namespace = name.partition(":")[0] == "xmlns"
        if not (is_namespace and schema_words.keeps_namespace(value)):
            is_type = name.rpartition(":")[2] == "type"
            value = self._qualified(value, schema_words.keeps_name) if is_type else self._words(value)
        return f"{blanks}{self._qualified(name, schema_words.keeps_attribute)}{equals}{quote}{value}{quote}"

    def _qualified(self, name: str, keeps: Callable[[str], bool]) -> str:
        """A name, perhaps after the prefix of its namespace."""
        return ":".join(part if keeps(part) else self._words(part) for part in name.split(":"))

    def _text(self, text: str) -> str:
        if not text.strip() or len(text) > LONG:
            return self._words(text)
        element, refers = self._open[-1] if self._open else ("", False)
        parent = self._open[-2][0] if len(self._open) > 1 else ""
        if (parent, element) in _PROPERTY_NAMES:
            told = self._path(text)
            self._property = text if told == text else ""
            return told
        if (refers and schema_words.is_moid(text)) or schema_words.keeps_text(element, self._property, text):
            return text
        return self._words(text)

    def _path(self, text: str) -> str:
        """A property's name, with a pseudonym in place of who it names, and of what is no word of the schema."""
        if not _PATH.fullmatch(_KEY.sub("", text)):
            return self._words(text)
        parts = _KEY.split(text)  # a name, then three parts of a key, in turn
        for at, part in enumerate(parts):
            if at % 4 == 0:
                parts[at] = _WORD.sub(self._path_word, part)
            elif at % 4 == 2 and not schema_words.is_moid(part):
                parts[at] = self._words(part)
        return "".join(parts)

    def _path_word(self, found: re.Match[str]) -> str:
        is_kept = found.lastgroup == "number" or schema_words.keeps_name(found[0])
        return found[0] if is_kept else self._pseudonym(found)

    def _words(self, text: str) -> str:
        if _CONTROL.search(text) and ("\0" in text or len(_CONTROL.findall(text)) * 3 > len(text)):
            # Bytes of another encoding: each may be half a letter.
            return "".join(_FORBIDDEN if _CONTROL.match(each) else "x" for each in text)
        return _blotted(text) if len(text) > LONG else _NAME.sub(self._pseudonym, text)

    def _pseudonym(self, found: re.Match[str]) -> str:
        kind, told = found.lastgroup, found[0]
        assert kind is not None
        if kind in _ESCAPES:
            return _escape(found)
        if kind == "address":
            return self._addresses.of(told) or _WORD.sub(self._pseudonym, told)
        if told in _KNOWN:
            return told
        known, one = self._by_kind[kind], told.lower() if kind in _SPELLED_ALIKE else told
        if one not in known:
            known[one] = _MAKERS[kind](told, len(known) + 1)
        return known[one]


def _blotted(text: str) -> str:
    return _BLOTTED.sub(
        lambda found: "x" * len(found[0]) if found.lastgroup == "word" else _escape(found), text
    )


def _escape(found: re.Match[str]) -> str:
    """An escape as it was, but for one of a letter, or of a symbol."""
    kind = found.lastgroup
    if kind == "escape":
        return found[0]
    code = int(found["decimal"] or found["hex"], 10 if kind == "decimal" else 16)
    if code > 0x10FFFF:
        return f"&#{0x110000};"
    return "x" if chr(code).isalnum() or not (_is_no_symbol(code) or 0xD800 <= code < 0xE000) else found[0]


def _word(told: str, number: int) -> str:
    return f"w{number}" if told.isascii() else f"ŵ{number}"


_ESCAPES: Final = frozenset({"escape", "decimal", "hex"})
_SPELLED_ALIKE: Final = frozenset({"id", "card"})
"""Kinds of which large and small letters are the same."""
_KINDS: Final = {"word": "words", "number": "numbers", "id": "ids", "card": "network cards"}
_MAKERS: Final[Mapping[str, Callable[[str, int], str]]] = {
    "word": _word,
    "number": lambda _, number: str(number),
    "id": lambda _, number: f"00000000-0000-4000-8000-{number:012x}",
    "card": lambda _, number: f"00:50:56:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
}
