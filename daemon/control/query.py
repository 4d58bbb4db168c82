"""What a query says, parameter by parameter; each raises BadRequestError for what it cannot be."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, TypeVar

from aiohttp import web

from daemon.control.errors import BadRequestError
from daemon.control.paging import CursorError, key_in
from daemon.control.questions import Page, PageKey
from daemon.records.bodies import read_instant, read_month
from daemon.records.refusals import FieldFault
from sla.calendars import Month
from sla.instants import Instant

_FLAGS: Final = {"true": True, "false": False}
_MOST_CHARACTERS: Final = 1000
_T = TypeVar("_T")


def flag(request: web.Request, name: str) -> bool:
    """True or false; false where it is not there."""
    return chosen(request, name, _FLAGS, usual=False)


def text(request: web.Request, name: str) -> str | None:
    """A text that is not empty."""
    given = request.query.get(name)
    if given == "":
        raise bad(name, "must not be empty: leave it out")
    if given is not None and len(given) > _MOST_CHARACTERS:
        raise bad(name, f"is too long: at most {_MOST_CHARACTERS} characters")
    return given


def instant(request: web.Request, name: str) -> Instant | None:
    """An instant."""
    try:
        return read_instant(request.query[name]) if name in request.query else None
    except ValueError as error:
        raise bad(name, str(error)) from None


def month(request: web.Request, name: str) -> Month | None:
    """A month, YYYY-MM."""
    if name not in request.query:
        return None
    return as_month(name, request.query[name])


def as_month(name: str, text: str) -> Month:
    """What a parameter says, as a month."""
    try:
        return read_month(text)
    except ValueError as error:
        raise bad(name, str(error)) from None


def needed(request: web.Request, name: str) -> str:
    """A text that has to be there."""
    if name not in request.query:
        raise bad(name, "is missing")
    return request.query[name]


def needed_month(request: web.Request, name: str = "month") -> Month:
    """A month that has to be there."""
    found = month(request, name)
    if found is None:
        raise bad(name, "is missing")
    return found


def number(request: web.Request, name: str, *, most: int, usual: int) -> int:
    """A whole number from 1 on."""
    given = request.query.get(name, str(usual))
    found = int(given) if given.isascii() and given.isdecimal() and len(given) <= len(str(most)) else 0
    if not 1 <= found <= most:
        raise bad(name, f"must be a whole number from 1 to {most}")
    return found


def chosen(request: web.Request, name: str, words: Mapping[str, _T], usual: _T) -> _T:
    """What one of some words stands for; `usual` where it is not there."""
    if name not in request.query:
        return usual
    if request.query[name] not in words:
        raise bad(name, f"must be {_either(list(words))}")
    return words[request.query[name]]


def page(request: web.Request, question: object, example: PageKey, rows: int) -> Page:
    """The page of a list, of so many rows at most, whose keys have the form of `example`."""
    if "cursor" not in request.query:
        return Page(None, rows)
    try:
        return Page(key_in(request.query["cursor"], question, example), rows)
    except CursorError as error:
        raise bad("cursor", str(error)) from None


def bad(name: str, message: str) -> BadRequestError:
    """The refusal of a parameter."""
    return BadRequestError(HTTPStatus.BAD_REQUEST, [FieldFault(name, message)])


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
