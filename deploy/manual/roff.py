"""The language of man pages, as far as ours need it: man(7), for groff and mandoc."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Final

_SPECIAL: Final = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
)
_MARKED: Final = re.compile(
    r"`(?P<code>.+?)`|\*\*(?P<bold>.+?)\*\*|(?<![\w*])\*(?P<italic>\w[^*]*)\*|\[(?P<link>[^]]+)\]\([^)]*\)"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is being written, a line of roff at a time. Texts are taken as they are and escaped here."""

    name: str
    section: int
    lines: list[str] = field(default_factory=list)

    @property
    def file(self) -> str:
        """What the file of the page is called."""
        return f"{self.name}.{self.section}"

    def head(self, *, date: str, source: str) -> None:
        """The line that every page begins with. `date` is YYYY-MM-DD, `source` the program and its version."""
        self.lines.append(
            f'.TH "{escaped(self.name.upper())}" {self.section} {date} "{escaped(source)}" "slad manual"'
        )

    def heading(self, text: str) -> None:
        """A section."""
        self.lines.append(f".SH {_argument(text)}")

    def paragraph(self, text: str) -> None:
        """Text that is filled, with what Markdown marks in it."""
        self._part()
        self.lines.extend(_folded(text))

    def item(self, tag: str, text: str) -> None:
        """A term, marked up already, and what there is to say of it, which may be nothing."""
        self.lines.extend([".TP", _line(tag), *(_folded(text) or [r"\&"])])

    def bullet(self, text: str) -> None:
        """A point of a list."""
        self.lines.extend([r".IP \(bu 2", *_folded(text)])

    def verbatim(self, lines: Iterable[str]) -> None:
        """Lines as they are."""
        shown = (_line(escaped(line)) or r"\&" for line in lines)
        self._part()
        self.lines.extend([".RS 4", ".nf", *shown, ".fi", ".RE"])

    def _part(self) -> None:
        """A blank line between paragraphs, and none below a heading."""
        if not self.lines[-1].startswith(".SH"):
            self.lines.append(".PP")

    def text(self) -> str:
        """The page as its file holds it."""
        return "\n".join(self.lines) + "\n"


def escaped(text: str) -> str:
    """Text in which every character means itself, a minus being one that can be pasted."""
    return text.translate(_SPECIAL)


def bold(text: str) -> str:
    """The same in bold."""
    return rf"\fB{escaped(text)}\fR"


def filled(text: str) -> str:
    """Prose with what Markdown marks in it as man pages show it, on one line that may begin with a point."""
    text = " ".join(text.split())
    shown, at = [], 0
    for found in _MARKED.finditer(text):
        shown.append(_prose(text[at : found.start()]))
        match found.lastgroup:
            case "code":
                shown.append(bold(found["code"]))
            case "bold":
                shown.append(rf"\fB{filled(found['bold'])}\fR")
            case "italic":
                shown.append(rf"\fI{_prose(found['italic'])}\fR")
            case _:
                shown.append(filled(found["link"]))
        at = found.end()
    return "".join([*shown, _prose(text[at:])])


def _folded(text: str) -> list[str]:
    """The same on lines of a usual length."""
    return [_line(line) for line in wrap(filled(text), 78, break_long_words=False, break_on_hyphens=False)]


def _prose(text: str) -> str:
    """As `escaped`, with hyphens and apostrophes as print has them; options keep their minus."""
    shown = text.replace("\\", r"\e")
    return re.sub(r"(?<![\w-])--?(?=\w)", lambda dashes: r"\-" * len(dashes[0]), shown)


def _line(text: str) -> str:
    """A line of text that is no request, whatever it begins with."""
    return rf"\&{text}" if text.startswith((".", "'")) else text


def _argument(text: str) -> str:
    return f'"{escaped(text)}"'
