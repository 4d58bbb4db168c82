"""Lines of observations as slad itself writes them, many at a time and many times as fast as the strict reader.

Nearly all lines of evidence are such. What a line begins with, up to its key `state`, is its *stem*: it names the track, and is
looked at once. Of a line that is otherwise nothing is said here: the strict reader has to read it (`sla.reader`). Both give the
same answers.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Final, NamedTuple, TypeVar

from sla.instants import MINUTE, SECOND, Instant, parse_instant
from sla.records import Leg, ServerId, State, Witness
from sla.values import LEGS

_T = TypeVar("_T")

_TEXT: Final = rb'[^"\\\x00-\x1f]*+'
_STEM_FORM: Final = rb'\{"kind": ?+"observation", ?+"observer": ?+"%b", ?+"source": ?+"%b", ?+"server": ?+"%b", ?+"leg": ?+"%b", ?+"state":'
_USUAL: Final = re.compile(
    rb"(%b)"
    rb' ?+"(up|down|unknown)", ?+"at": ?+"(.{13}):([0-5][0-9]:[0-5][0-9])(?:\.([0-9]{6}))?Z"'
    rb'(?:, ?+"reason": ?+"([\x20\x21\x23-\x5b\x5d-\x7e]*+)")?(?:, ?+"noticed_at": ?+"[0-9TZ:.-]*+")?'
    rb'(?:, ?+"salt": ?+"[0-9a-zA-Z]*+")?(?:, ?+"ledger": ?+"[\x20\x21\x23-\x5b\x5d-\x7e]*+")?'
    rb'(?:, ?+"seq": ?+[1-9][0-9]{0,17}, ?+"chain": ?+"[0-9a-f]*+")?\}\r?(?:\n|\Z)'
    rb"|[^\n]*\n|[^\n]+\Z" % (_STEM_FORM % ((_TEXT,) * 4))
)
"""One line, whatever it is: so no line is passed over. The groups of one that is not usual are empty."""
_STEM: Final = re.compile(_STEM_FORM % ((b"(%b)" % _TEXT,) * 4))
_STATES: Final = {state.word.encode(): state for state in State}
_MOST_HOURS: Final = 65_536


class _Hours(dict[bytes, int]):
    """The instants of hours by their texts, `YYYY-MM-DDTHH`. Raises ValueError for another text."""

    def __missing__(self, text: bytes) -> int:
        at = parse_instant(f"{text.decode()}:00:00Z")
        if len(self) >= _MOST_HOURS:
            self.clear()
        self[text] = at
        return at


_HOURS: Final = _Hours()
_MINUTES: Final = {
    b"%02d:%02d" % (minute, second): minute * MINUTE + second * SECOND
    for minute in range(60)
    for second in range(60)
}


class Stem(NamedTuple):
    """What the stem of a line says."""

    server: ServerId
    leg: Leg
    witness: Witness


class Gathered(NamedTuple):
    """What all usual lines of a fragment say that have one stem, as `Track.stored` gives it; the bytes of the array are sent in no time."""

    stem: bytes
    instants: bytes
    states: bytes
    reasons: Mapping[Instant, str]


Fragment = Sequence[bytes | Gathered]
"""What lines say that were read apart from those before them, in their order: a line that is not usual is as it was, and what those of
one stem say stands where the first of them stood."""


def said_in(stem: bytes) -> Stem | None:
    """What a usual stem says; None where that would be a fault."""
    found = _STEM.fullmatch(stem)
    if found is None:
        return None
    try:
        observer, source, server, leg = map(bytes.decode, found.groups())
    except UnicodeDecodeError:
        return None
    if not (observer and source and server) or leg not in LEGS:
        return None
    return Stem(ServerId(server), LEGS[leg], Witness(observer, source))


class Stems(dict[bytes, _T]):
    """What is kept of each stem, worked out when it is met; what is None is asked for again."""

    def __init__(self, of_stem: Callable[[bytes], _T | None]) -> None:
        super().__init__()
        self._of_stem = of_stem

    def __missing__(self, stem: bytes) -> _T | None:
        of_stem = self._of_stem(stem)
        if of_stem is not None:
            self[stem] = of_stem
        return of_stem


def decoded(block: bytes, stems: Stems[_T]) -> Iterator[tuple[_T, Instant, State, str] | None]:
    """Of each line of a block, in order, what is kept of its stem, and the instant, the state and the reason that it tells.

    None for a line that is not usual, or of whose stem nothing is kept. Lines are looked at when their turn comes.
    """
    for stem, state, hour, minute, fraction, reason in _USUAL.findall(block):
        of_stem = stems[stem] if stem else None
        if of_stem is None:
            yield None
            continue
        try:
            at = _HOURS[hour] + _MINUTES[minute]
        except ValueError:
            yield None
            continue
        if fraction:
            at += int(fraction)
        yield of_stem, Instant(at), _STATES[state], _reason(reason) if reason else ""


def decoded_each(bodies: Sequence[str], stems: Stems[_T]) -> Iterator[tuple[_T, Instant, State, str] | None]:
    """As `decoded`, of bodies of records."""
    block = "\n".join(bodies).encode()
    # A body that is damaged may be two lines.
    return decoded(block, stems) if block.count(b"\n") == len(bodies) - 1 else repeat(None, len(bodies))


@lru_cache(maxsize=4096)
def _reason(text: bytes) -> str:
    return text.decode()
