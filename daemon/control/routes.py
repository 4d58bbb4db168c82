"""Where the operations of the control API are, and the words that a caller needs: nothing here imports what answers.

Commands import this, and so begin in a tenth of the time that the daemon's own modules take.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import quote

DRY_RUN: Final = "dry_run"
"""The parameter by which nothing is recorded."""
MOST_ROWS: Final = 1000
"""Of a page of a list."""
_NAME: Final = re.compile(r"\{(\w+)\}")


class ServerOrder(Enum):
    """The orders in which servers are listed."""

    WORST = "worst"
    """Those that are down, the longest first; then those with the least budget left."""
    NAME = "name"
    SINCE = "since"
    """Those whose state changed last first."""


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One method on the path that `template` makes of names."""

    method: str
    template: str

    @property
    def names(self) -> list[str]:
        """What the path is made of, in its order."""
        return _NAME.findall(self.template)

    @property
    def pattern(self) -> str:
        """The template as aiohttp has it: a name may have braces too, which aiohttp would not let it have."""
        return _NAME.sub(r"{\1:[^/]+}", self.template)

    def path(self, **names: str) -> str:
        """The path of some names, each of which is one segment whatever its characters are."""
        assert sorted(names) == sorted(self.names), f"{self.template} is made of other names"
        return _NAME.sub(lambda name: segment(names[name[1]]), self.template)


def segment(name: str) -> str:
    """A name as one segment of a path: dots alone would be steps up in it."""
    return quote(name, safe="", errors="surrogatepass") if name.strip(".") else name.replace(".", "%2E")


STATUS: Final = ApiRoute("GET", "/v1/status")
LIST_USERS: Final = ApiRoute("GET", "/v1/users")
CLOCK: Final = ApiRoute("GET", "/v1/clock")
ACCEPT_CLOCK: Final = ApiRoute("POST", "/v1/clock/accept")
SERVER: Final = ApiRoute("GET", "/v1/servers/{name}")
LIST_SERVERS: Final = ApiRoute("GET", "/v1/servers")
LIST_OUTAGES: Final = ApiRoute("GET", "/v1/outages")
LIST_INCIDENTS: Final = ApiRoute("GET", "/v1/incidents")
LIST_EVENTS: Final = ApiRoute("GET", "/v1/events")
LIST_SOLUTIONS: Final = ApiRoute("GET", "/v1/solutions")
SOLUTION: Final = ApiRoute("GET", "/v1/solutions/{client}/{id}")
EXPORT: Final = ApiRoute("GET", "/v1/export")
STATEMENT: Final = ApiRoute("GET", "/v1/statements")
LIST_ISSUED: Final = ApiRoute("GET", "/v1/statements/issued")
ISSUED_STATEMENT: Final = ApiRoute("GET", "/v1/statements/issued/{client}/{month}")
STATEMENT_DIFFERENCE: Final = ApiRoute("GET", "/v1/statements/issued/{client}/{month}/difference")
LETTERHEAD: Final = ApiRoute("GET", "/v1/letterhead")
LIST_CLIENTS: Final = ApiRoute("GET", "/v1/clients")
CLIENT: Final = ApiRoute("GET", "/v1/clients/{id}")
MAKE_LINK: Final = ApiRoute("POST", "/v1/clients/{id}/links")
LIST_LINKS: Final = ApiRoute("GET", "/v1/links")
REVOKE_LINK: Final = ApiRoute("POST", "/v1/links/{id}/revoke")
LIST_DISAGREEMENTS: Final = ApiRoute("GET", "/v1/hub/disagreements")
DOCUMENT: Final = ApiRoute("GET", "/v1/openapi.json")
ANNOUNCE_MAINTENANCE: Final = ApiRoute("POST", "/v1/maintenance")
ANNOUNCE_SERIES: Final = ApiRoute("POST", "/v1/maintenance/series")
LIST_MAINTENANCE: Final = ApiRoute("GET", "/v1/maintenance")
MAINTENANCE_CALENDAR: Final = ApiRoute("GET", "/v1/maintenance/calendar")
CALENDAR_FILE: Final = ApiRoute("GET", "/v1/maintenance/calendar.ics")
WITHDRAW_MAINTENANCE: Final = ApiRoute("POST", "/v1/maintenance/{id}/withdraw")
ADD_EXCLUSION: Final = ApiRoute("POST", "/v1/exclusions")
LIST_EXCLUSIONS: Final = ApiRoute("GET", "/v1/exclusions")
END_EXCLUSION: Final = ApiRoute("POST", "/v1/exclusions/{id}/end")
WITHDRAW_EXCLUSION: Final = ApiRoute("POST", "/v1/exclusions/{id}/withdraw")
LIST_PROPOSALS: Final = ApiRoute("GET", "/v1/proposals")
PROPOSAL: Final = ApiRoute("GET", "/v1/proposals/{id}")
ACCEPT_PROPOSAL: Final = ApiRoute("POST", "/v1/proposals/{id}/accept")
REJECT_PROPOSAL: Final = ApiRoute("POST", "/v1/proposals/{id}/reject")
OPEN_REQUEST: Final = ApiRoute("POST", "/v1/requests")
LIST_REQUESTS: Final = ApiRoute("GET", "/v1/requests")
RESPOND_TO_REQUEST: Final = ApiRoute("POST", "/v1/requests/{id}/respond")
CLOSE_REQUEST: Final = ApiRoute("POST", "/v1/requests/{id}/close")
WITHDRAW_REQUEST: Final = ApiRoute("POST", "/v1/requests/{id}/withdraw")
GIVE_NOTICE: Final = ApiRoute("POST", "/v1/notices")
LIST_NOTICES: Final = ApiRoute("GET", "/v1/notices")
WITHDRAW_NOTICE: Final = ApiRoute("POST", "/v1/notices/{id}/withdraw")
RECORD_STEP: Final = ApiRoute("POST", "/v1/lifecycle")
LIST_STEPS: Final = ApiRoute("GET", "/v1/lifecycle")
WITHDRAW_STEP: Final = ApiRoute("POST", "/v1/lifecycle/{id}/withdraw")
SET_CAUSE: Final = ApiRoute("POST", "/v1/causes")
ISSUE_STATEMENT: Final = ApiRoute("POST", "/v1/statements")
