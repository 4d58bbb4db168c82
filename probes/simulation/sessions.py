"""Sessions: who is logged in, and what dies with a session: views, collectors, filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from probes.simulation import soap
from probes.simulation.collector import PAGE_OBJECTS, PropertyCollector
from probes.simulation.entities import Entity
from probes.simulation.event_collectors import EventCollector
from probes.simulation.filters import ContainerView, Filter
from probes.simulation.inventory import Inventory
from probes.simulation.values import escape, identifier, instant_text

COOKIE = "vmware_soap_session"
DEFAULT_COLLECTOR = "propertyCollector"
IDLE_S = 1_800.0


class ConnectionDroppedError(Exception):
    """The connection is to be closed without an answer."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One login. `cookie` is what the client sends, `key` what the API calls it."""

    key: str
    cookie: str
    user: str
    address: str
    agent: str
    login_at: int
    page_objects: int
    used_s: float
    views: dict[str, ContainerView] = field(default_factory=dict)
    collectors: dict[str, PropertyCollector] = field(default_factory=dict)
    filters: dict[str, tuple[PropertyCollector, Filter]] = field(default_factory=dict)
    event_collectors: dict[str, EventCollector] = field(default_factory=dict)
    remainders: dict[str, list[str]] = field(default_factory=dict)
    _given: int = 0

    def __post_init__(self) -> None:
        self.collectors[DEFAULT_COLLECTOR] = PropertyCollector(
            DEFAULT_COLLECTOR, page_objects=self.page_objects
        )

    def new_moid(self) -> str:
        """A managed object id in the form that vCenter gives to what belongs to a session."""
        self._given += 1
        return f"session[{self.key}]{identifier(self.key, self._given)}"

    def collector(self, moid: str) -> PropertyCollector:
        """The property collector with this id; raises ManagedObjectNotFound."""
        if moid not in self.collectors:
            raise soap.not_found("PropertyCollector", moid)
        return self.collectors[moid]

    def event_collector(self, moid: str) -> EventCollector:
        """The event collector with this id; raises ManagedObjectNotFound."""
        if moid not in self.event_collectors:
            raise soap.not_found("EventHistoryCollector", moid)
        return self.event_collectors[moid]

    def source(self, inventory: Inventory, wsdl_type: str, moid: str) -> ContainerView | Entity:
        """What a reference in an ObjectSpec means; raises ManagedObjectNotFound."""
        found = self.views.get(moid) or inventory.objects.get(moid)
        if found is None:
            raise soap.not_found(wsdl_type, moid)
        return found

    @property
    def members(self) -> str:
        """The members of its UserSession."""
        user, at = escape(self.user), instant_text(self.login_at)
        return (
            f"<key>{self.key}</key><userName>{user}</userName><fullName>{user}</fullName>"
            f"<loginTime>{at}</loginTime><lastActiveTime>{at}</lastActiveTime><locale>en</locale>"
            "<messageLocale>en</messageLocale><extensionSession>false</extensionSession>"
            f"<ipAddress>{self.address}</ipAddress><userAgent>{escape(self.agent)}</userAgent>"
            "<callCount>0</callCount>"
        )


class Sessions:
    """Every session of one simulated vCenter, by cookie.

    `accounts` are passwords by user name; None lets anybody in who gives both. `monotonic` counts seconds for
    the idle limit `idle_s`; a blocked WaitForUpdatesEx counts as use while it lasts.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        monotonic: Callable[[], float],
        accounts: Mapping[str, str] | None,
        idle_s: float = IDLE_S,
        page_objects: int = PAGE_OBJECTS,
    ) -> None:
        self.inventory = inventory
        self.monotonic = monotonic
        self.accounts = accounts
        self.idle_s = idle_s
        self.page_objects = page_objects
        self.by_cookie: dict[str, Session] = {}
        self._given = 0

    def login(self, user: str, password: str, *, address: str, agent: str, now: int) -> Session:
        """A new session; raises InvalidLogin."""
        known = bool(user and password) if self.accounts is None else self.accounts.get(user) == password
        if not known:
            raise soap.invalid_login()
        self._given += 1
        session = Session(
            key=identifier("session", id(self), self._given),
            cookie=identifier("cookie", id(self), self._given),
            user=user,
            address=address,
            agent=agent,
            login_at=now,
            page_objects=self.page_objects,
            used_s=self.monotonic(),
        )
        self.by_cookie[session.cookie] = session
        return session

    def get(self, cookie: str | None) -> Session | None:
        """The live session of a cookie; one that was idle for too long ends here."""
        session = self.by_cookie.get(cookie or "")
        if session is None:
            return None
        if self.monotonic() - session.used_s > self.idle_s:
            self.end(session)
            return None
        session.used_s = self.monotonic()
        return session

    @property
    def are_quiet(self) -> bool:
        """Whether somebody is logged in, and everybody waits for updates of which there are none."""
        return bool(self.by_cookie) and all(
            any(each.waits_in_vain for each in session.collectors.values())
            for session in self.by_cookie.values()
        )

    def by_key(self, key: str) -> Session | None:
        """The live session with this key."""
        return next((each for each in self.by_cookie.values() if each.key == key), None)

    def end(self, session: Session, *, drop_connections: bool = False) -> None:
        """End a session and all that belongs to it; a blocked call fails, or loses its connection."""
        self.by_cookie.pop(session.cookie, None)
        for collector in session.collectors.values():
            reason: Exception = soap.not_authenticated("PropertyCollector", collector.moid)
            collector.end(ConnectionDroppedError() if drop_connections else reason)
        for moid in list(session.filters):
            self.destroy_filter(session, moid)

    def end_all(self, *, drop_connections: bool = False) -> int:
        """End every session; returns how many there were."""
        sessions = list(self.by_cookie.values())
        for session in sessions:
            self.end(session, drop_connections=drop_connections)
        return len(sessions)

    def destroy_filter(self, session: Session, moid: str) -> None:
        """Destroy a filter; raises ManagedObjectNotFound."""
        if moid not in session.filters:
            raise soap.not_found("PropertyFilter", moid)
        collector, each = session.filters.pop(moid)
        collector.remove(moid)
        self.inventory.listeners.pop(each, None)
