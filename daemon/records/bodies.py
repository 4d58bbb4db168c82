"""The bodies of requests: their fields, defaults and forms. What a field may say is judged by the validator.

The docstrings and descriptions are those of the OpenAPI document.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import ErrorDetails

from daemon.config.values import ID, shown
from daemon.records.refusals import FieldFault, RefusedError
from daemon.replies.words import MOST_WINDOWS, ExclusionCategory
from sla.calendars import Day, Month, check_year, parse_day, parse_month
from sla.instants import DAY, SECOND, Instant, parse_instant
from sla.records import CauseKind, Channel, LifecycleEvent
from sla.recurrence import WEEK_DAYS, WEEKLY_PATTERN, Weekly, parse_weekly
from sla.terms import format_duration

MOST_NAMES: Final = 1000
"""NameTexts in one list of a scope."""

LONGEST_WINDOW: Final = 31 * DAY
"""Of maintenance: the contract speaks of hours."""

LINK: Final = 90 * DAY
"""How long a link for a client holds, where nobody says otherwise."""

LONGEST_LINK: Final = 731 * DAY
"""The longest that it may."""

_WEEK_SECONDS: Final = WEEK_DAYS * DAY // SECOND
_INSTANT_CHARACTERS: Final = 100
"""More would only be shown again."""
_ID: Final = f"^{ID}$"
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"


INSTANT_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^(19[7-9][0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-5][0-9])$",
}
"""The instants that `read_instant` reads, as JSON Schema tells them."""


MONTH_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])$",
}
"""The months that `read_month` reads."""


def read_month(value: str) -> Month:
    """A month YYYY-MM of the years 1970 to 2999. Raises ValueError."""
    try:
        month = parse_month(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is no month, such as 2026-03") from None
    check_year(month.year, value)
    return month


def read_instant(value: object) -> Instant:
    """An RFC 3339 instant with a zone, whose year as it is written is from 1970 to 2999. Raises ValueError."""
    if not isinstance(value, str) or len(value) > _INSTANT_CHARACTERS:
        raise ValueError("must be an RFC 3339 instant with a zone, such as 2026-03-01T05:00:00Z")
    at = parse_instant(value)
    check_year(int(value[:4]), value)
    return at


def _read_day(value: object) -> Day:
    if not isinstance(value, str) or len(value) > _INSTANT_CHARACTERS:
        raise ValueError("must be a date, such as 2026-12-25")
    day = parse_day(value)
    check_year(int(value[:4]), value)
    return day


def _read_month_text(value: object) -> Month:
    if not isinstance(value, str) or len(value) > _INSTANT_CHARACTERS:
        raise ValueError("must be a month, such as 2026-11")
    return read_month(value)


InstantText = Annotated[
    Instant,
    BeforeValidator(read_instant, json_schema_input_type=str),
    Field(json_schema_extra=INSTANT_SCHEMA),
]
"""An RFC 3339 instant with a zone."""
DayText = Annotated[
    Day,
    BeforeValidator(_read_day, json_schema_input_type=str),
    Field(
        json_schema_extra={
            "type": "string",
            "format": "date",
            "pattern": "^(19[7-9][0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}$",
        }
    ),
]
MonthText = Annotated[
    Month,
    BeforeValidator(_read_month_text, json_schema_input_type=str),
    Field(json_schema_extra=MONTH_SCHEMA),
]
"""A month YYYY-MM."""
WeeklyText = Annotated[
    Weekly,
    BeforeValidator(parse_weekly, json_schema_input_type=str),
    Field(json_schema_extra={"type": "string", "pattern": WEEKLY_PATTERN}),
]
NewId = Annotated[str, Field(pattern=_ID, strict=True)]
NameText = Annotated[str, Field(min_length=1, max_length=256, pattern=_LINE, strict=True)]
LineText = Annotated[str, Field(min_length=1, max_length=1000, pattern=_LINE, strict=True)]
WindowSeconds = Annotated[int, Field(ge=1, le=LONGEST_WINDOW // SECOND, strict=True)]
NameTexts = Annotated[tuple[NameText, ...], Field(max_length=MOST_NAMES)]

MaintenanceCategory = Literal["scheduled_maintenance", "emergency_security_update"]


class RequestBody(BaseModel):
    """What all have in common: no field but those named."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ScopedBody(RequestBody):
    """Whom a window concerns: the union of what is named; nothing named means all (spec §4.2)."""

    servers: NameTexts = Field(
        default=(), description="Virtual servers, by id or by a name that only one has."
    )
    solutions: NameTexts = Field(default=(), description="Solutions; a lone server's id is one.")
    clients: NameTexts = Field(default=(), description="Clients, by id.")


class MaintenanceBody(ScopedBody):
    """A maintenance window."""

    category: MaintenanceCategory = "scheduled_maintenance"
    start: InstantText = Field(alias="from", description="When it begins.")
    end: InstantText | None = Field(
        default=None, alias="until", description="When it ends, after `from`; at most 31 days later."
    )
    duration_seconds: WindowSeconds | None = Field(
        default=None, description="How long it lasts, in place of `until`."
    )
    announced_at: InstantText | None = Field(
        default=None,
        description="When the clients were told; not in the future. Left out: now. Null: they were not.",
    )
    reference: LineText | None = Field(default=None, description="A ticket, an event, a proposal.")
    id: NewId | None = Field(default=None, description="Left out: slad makes one.")


class SeriesBody(ScopedBody):
    """Maintenance windows that recur every week: each is a window of its own."""

    category: MaintenanceCategory = "scheduled_maintenance"
    every: WeeklyText = Field(description="A day and a time of day, by the clock of `timezone`.")
    timezone: NameText | None = Field(
        default=None,
        description="By its IANA name. Left out: that of the clients concerned, where they have one and the same.",
    )
    start: InstantText | None = Field(
        default=None, alias="from", description="The first is the next from then on. Left out: now."
    )
    count: Annotated[int, Field(ge=1, le=MOST_WINDOWS, strict=True)] | None = Field(
        default=None, description="How many."
    )
    last: DayText | None = Field(
        default=None, alias="until", description="In place of `count`: the last date, by the same clock."
    )
    duration_seconds: Annotated[int, Field(ge=1, le=_WEEK_SECONDS, strict=True)] = Field(
        description="How long each lasts."
    )
    announced_at: InstantText | None = Field(
        default=None,
        description="When the clients were told; not in the future. Left out: now. Null: they were not.",
    )
    reference: LineText | None = Field(default=None, description="A ticket, an event, a proposal.")
    id: NewId | None = Field(
        default=None, description="Left out: slad makes one. That of each window has its number behind."
    )


class ExclusionBody(ScopedBody):
    """Time that the contract excludes whole, for another reason than maintenance."""

    category: ExclusionCategory
    start: InstantText = Field(alias="from", description="When it begins.")
    end: InstantText | None = Field(
        default=None, alias="until", description="When it ended or will end, after `from`; null while open."
    )
    open: StrictBool = Field(
        default=False,
        description="It lasts until it is ended; a `client_change` ends by itself when the servers are next up.",
    )
    announced_at: InstantText | None = Field(
        default=None, description="When it was announced; not in the future."
    )
    reference: LineText | None = Field(default=None, description="A ticket, an event, a proposal.")
    id: NewId | None = Field(default=None, description="Left out: slad makes one.")


class WithdrawalBody(RequestBody):
    """Why something is withdrawn, which is then as if never recorded."""

    why: LineText


class AcceptanceBody(RequestBody):
    """Nothing but that it is accepted."""


class RejectionBody(RequestBody):
    """Why a proposal is rejected."""

    why: LineText


class MomentBody(RequestBody):
    """When it happened."""

    at: InstantText | None = Field(default=None, description="Not in the future. Left out: now.")


class ServiceRequestBody(RequestBody):
    """A service request by one of the client's tech admins."""

    client: NameText
    solution: NameText
    opened_by: NameText = Field(description="One of the client's tech admins.")
    channel: Channel = Field(description="How it came.")
    opened_at: InstantText | None = Field(default=None, description="Not in the future. Left out: now.")
    id: NewId | None = Field(default=None, description="Left out: slad makes one.")


class IssueBody(RequestBody):
    """The statement of a client's month."""

    client: NameText
    month: MonthText = Field(description="A local calendar month of the client's that is over.")


class NoticeBody(RequestBody):
    """A client's notice of intent to cancel a solution."""

    client: NameText
    solution: NameText
    given_at: InstantText | None = Field(default=None, description="Not in the future. Left out: now.")
    id: NewId | None = Field(default=None, description="Left out: slad makes one.")


class LifecycleBody(RequestBody):
    """A step in the life of a solution."""

    client: NameText
    solution: NameText
    event: LifecycleEvent
    at: InstantText | None = Field(default=None, description="Not in the future. Left out: now.")
    id: NewId | None = Field(default=None, description="Left out: slad makes one.")


class CauseBody(RequestBody):
    """What brought about an outage, by a person's word; nothing that slad finds overwrites it."""

    server: NameText = Field(description="A virtual server, by id or by a name that only one has.")
    at: InstantText = Field(
        description="An instant of the outage, or less than a minute before it began; not of two of them."
    )
    cause: CauseKind | Literal["automatic"] = Field(
        description="`automatic`: what slad itself finds holds again."
    )
    why: LineText | None = Field(
        default=None, description="Why that is so, which stands with the cause; not with `automatic`."
    )


class LinkBody(RequestBody):
    """A link to a client's own pages."""

    name: Annotated[str, Field(max_length=256, pattern=_LINE, strict=True)] = Field(
        default="", description="For whom it is; only the provider reads it."
    )
    valid_seconds: Annotated[int, Field(ge=60, le=LONGEST_LINK // SECOND, strict=True)] = Field(
        default=LINK // SECOND, description="How long it holds."
    )

    @property
    def valid(self) -> int:
        """How long it holds, in microseconds."""
        return self.valid_seconds * SECOND


class RevocationBody(RequestBody):
    """Nothing but that it is taken back."""


_B = TypeVar("_B", bound=RequestBody)


def read(model: type[_B], said: Mapping[str, Any]) -> _B:
    """The body of a request. Raises RefusedError with all that is wrong with its form."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise RefusedError(
            FieldFault(_field(details), _message(model, details))
            for details in error.errors(include_url=False, include_input=False)
        ) from None


def _field(details: ErrorDetails) -> str:
    name = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in details["loc"])
    return name.removeprefix(".")


def _message(model: type[RequestBody], details: ErrorDetails) -> str:
    match details["type"]:
        case "value_error":
            return str(details["ctx"]["error"])
        case "extra_forbidden":
            known = [field.alias or name for name, field in model.model_fields.items()]
            return f"is unknown: {'known are ' + ', '.join(known) if known else 'nothing can be said here'}"
        case "missing":
            return "is missing"
        case "literal_error" | "enum":
            return f"must be {details['ctx']['expected']}"
        case "string_pattern_mismatch" if details["ctx"]["pattern"] == _ID:
            return "is no id: letters, digits, dots, dashes and underscores, at most 64"
        case "string_pattern_mismatch":
            return "must be one line"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"is too long: at most {details['ctx']['max_length']} characters"
        case "string_type":
            return "must be a text"
        case "int_type":
            return "must be a whole number"
        case "greater_than_equal":
            return f"must be at least {_limit(details, 'ge')}"
        case "less_than_equal":
            return f"must be at most {_limit(details, 'le')}"
        case "bool_type":
            return "must be true or false"
        case "tuple_type":
            return "must be a list of texts"
        case "too_long":
            return f"has {details['ctx']['actual_length']} elements, and at most {details['ctx']['max_length']} can be"
        case _:
            return details["msg"]


def _limit(details: ErrorDetails, key: str) -> str:
    """A number; of seconds also as people write so long a time."""
    limit = details["ctx"][key]
    return (
        f"{limit} ({format_duration(limit * SECOND)})" if _field(details).endswith("_seconds") else str(limit)
    )
