"""The methods of the API, in an explicit table: each takes a call and returns the reply's returnval elements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probes.simulation import fetching, soap
from probes.simulation.collector import PropertyCollector
from probes.simulation.entities import Entity, Task
from probes.simulation.event_collectors import EventCollector, EventFilter, parse_filter, query
from probes.simulation.events import SimulatedEvent
from probes.simulation.filters import ContainerView, Filter, FilterSpec
from probes.simulation.machines import InvalidPowerError, Machines
from probes.simulation.sessions import DEFAULT_COLLECTOR, Session
from probes.simulation.soap import FaultError, Request
from probes.simulation.values import instant_text
from probes.simulation.world import World

OPEN_TOKENS = 10
"""How many unfinished RetrievePropertiesEx a session may have; the oldest is forgotten."""

SoapMethod = Callable[["SessionCall"], str | Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCall:
    """One call within a session."""

    world: World
    session: Session
    request: Request

    def find(self, wsdl_type: str, moid: str) -> Entity:
        """An object of the inventory; raises ManagedObjectNotFound."""
        found = self.world.inventory.objects.get(moid)
        if found is None:
            raise soap.not_found(wsdl_type, moid)
        return found

    def source(self, wsdl_type: str, moid: str) -> ContainerView | Entity:
        """What an ObjectSpec refers to: a view of the session, a task or an object of the inventory."""
        if moid in self.world.tasks:
            return self.world.tasks[moid]
        return self.session.source(self.world.inventory, wsdl_type, moid)

    @property
    def collector(self) -> PropertyCollector:
        """The property collector that it is called on."""
        return self.session.collector(self.request.target)

    @property
    def event_collector(self) -> EventCollector:
        """The event collector that it is called on."""
        return self.session.event_collector(self.request.target)


# sessions


def logout(call: SessionCall) -> str:
    call.world.sessions.end(call.session)
    call.world.events.post("UserLogoutSessionEvent", user=call.session.user)
    return ""


def session_is_active(call: SessionCall) -> str:
    session = call.world.sessions.by_key(call.request.node.text("sessionID"))
    active = session is not None and session.user == call.request.node.text("userName")
    return f"<returnval>{'true' if active else 'false'}</returnval>"


def terminate_session(call: SessionCall) -> str:
    for key in call.request.node.texts("sessionId"):
        session = call.world.sessions.by_key(key)
        if session is None:
            raise FaultError("NotFound", "The object or item referred to could not be found.")
        if session is call.session:
            raise soap.invalid_argument("sessionId")
        call.world.sessions.end(session)
    return ""


def current_time(call: SessionCall) -> str:
    return f"<returnval>{instant_text(call.world.now())}</returnval>"


# views, collectors, filters


def create_container_view(call: SessionCall) -> str:
    node = call.request.node
    container = node.child("container")
    if container is None:
        raise soap.invalid_argument("container")
    view = ContainerView(
        inventory=call.world.inventory,
        container=call.find(container.type_attribute, container.value),
        types=node.texts("type"),
        recursive=node.flag("recursive"),
    )
    moid = call.session.new_moid()
    call.session.views[moid] = view
    return f'<returnval type="ContainerView">{moid}</returnval>'


def destroy_view(call: SessionCall) -> str:
    """DestroyView: filters that were made on it report what they had, and nothing more of it."""
    if call.session.views.pop(call.request.target, None) is None:
        raise soap.not_found(call.request.target_type, call.request.target)
    return ""


def create_property_collector(call: SessionCall) -> str:
    moid = call.session.new_moid()
    page = call.session.page_objects
    call.session.collectors[moid] = PropertyCollector(moid, page_objects=page)
    return f'<returnval type="PropertyCollector">{moid}</returnval>'


def destroy_property_collector(call: SessionCall) -> str:
    """DestroyPropertyCollector, with its filters."""
    collector = call.collector
    if collector.moid == DEFAULT_COLLECTOR:
        raise soap.not_supported("destroying the default property collector")
    for moid in list(collector.filters):
        call.world.sessions.destroy_filter(call.session, moid)
    collector.end(soap.request_canceled())
    del call.session.collectors[collector.moid]
    return ""


def create_filter(call: SessionCall) -> str:
    collector, node = call.collector, call.request.node
    spec = node.child("spec")
    if spec is None:
        raise soap.invalid_argument("spec")
    new = Filter(
        call.session.new_moid(),
        FilterSpec(spec, call.source),
        partial=node.flag("partialUpdates"),
        omit_unset=call.world.omit_unset,
        notify=collector.notify,
    )
    collector.add(new)
    call.session.filters[new.moid] = (collector, new)
    call.world.inventory.listeners[new] = None
    return f'<returnval type="PropertyFilter">{new.moid}</returnval>'


def destroy_property_filter(call: SessionCall) -> str:
    call.world.sessions.destroy_filter(call.session, call.request.target)
    return ""


async def wait_for_updates(call: SessionCall) -> str:
    options = call.request.node.child("options")
    asked_s = options.number("maxWaitSeconds") if options else None
    waits_s = [each for each in (asked_s, call.world.longest_wait_s) if each is not None]
    objects = options.number("maxObjectUpdates") if options else None
    try:
        return await call.collector.wait(
            call.request.node.text("version"), min(waits_s, default=None), objects
        )
    finally:
        call.session.used_s = call.world.sessions.monotonic()


def cancel_wait_for_updates(call: SessionCall) -> str:
    call.collector.end(soap.request_canceled())
    return ""


def retrieve_properties_ex(call: SessionCall) -> str:
    call.collector  # noqa: B018 - raises where the collector died with its session
    options = call.request.node.child("options")
    limit = options.number("maxObjects") if options else None
    found = fetching.retrieve(call.request.node.children("specSet"), call.source)
    return _object_page(call.session, found, limit or call.session.page_objects)


def continue_retrieve_properties_ex(call: SessionCall) -> str:
    """ContinueRetrievePropertiesEx; a token is good for one call."""
    found = call.session.remainders.pop(call.request.node.text("token"), None)
    if found is None:
        raise soap.invalid_argument("token")
    limit = int(call.request.node.text("token").partition(":")[0])
    return _object_page(call.session, found, limit)


def retrieve_properties(call: SessionCall) -> str:
    """RetrieveProperties: everything in one reply."""
    found = fetching.retrieve(call.request.node.children("specSet"), call.source)
    return "".join(f"<returnval>{content}</returnval>" for content in found)


def _object_page(session: Session, found: list[str], limit: int) -> str:
    if not found:
        return ""
    token = ""
    if len(found) > limit:
        name = f"{limit}:{session.new_moid()}"
        session.remainders[name] = found[limit:]
        if len(session.remainders) > OPEN_TOKENS:
            del session.remainders[next(iter(session.remainders))]
        token = f"<token>{name}</token>"
    objects = "".join(f"<objects>{content}</objects>" for content in found[:limit])
    return f"<returnval>{token}{objects}</returnval>"


def fetch(call: SessionCall) -> str:
    """Fetch: one property of one object, as lazy reads ask for it."""
    return fetching.fetch(call.world, call.session, call.request)


# events


def create_collector_for_events(call: SessionCall) -> str:
    moid = call.session.new_moid()
    new = EventCollector(moid, call.world.events, _event_filter(call))
    call.session.event_collectors[moid] = new
    return f'<returnval type="EventHistoryCollector">{moid}</returnval>'


def query_events(call: SessionCall) -> str:
    return _event_list(query(call.world.events, _event_filter(call)))


def read_next_events(call: SessionCall) -> str:
    return _event_list(call.event_collector.read_next(call.request.node.number("maxCount") or 0))


def read_previous_events(call: SessionCall) -> str:
    return _event_list(call.event_collector.read_previous(call.request.node.number("maxCount") or 0))


def rewind_collector(call: SessionCall) -> str:
    call.event_collector.rewind()
    return ""


def reset_collector(call: SessionCall) -> str:
    call.event_collector.reset()
    return ""


def set_collector_page_size(call: SessionCall) -> str:
    """SetCollectorPageSize; it also resets the position."""
    call.event_collector.page = call.request.node.number("maxCount") or 0
    call.event_collector.reset()
    return ""


def destroy_collector(call: SessionCall) -> str:
    del call.session.event_collectors[call.event_collector.moid]
    return ""


def _event_filter(call: SessionCall) -> EventFilter:
    return parse_filter(call.request.node.child("filter"), call.find, call.world.inventory.root)


def _event_list(events: list[SimulatedEvent]) -> str:
    return "".join(f"<returnval{event.fragment}</returnval>" for event in events)


# virtual machines, as their users drive them


def _task(action: Callable[..., Task | None]) -> Callable[[SessionCall], str]:
    def method(call: SessionCall) -> str:
        call.find("VirtualMachine", call.request.target)
        try:
            task = action(call.world.machines, call.request.target, user=call.session.user)
        except InvalidPowerError as error:
            states = (
                f"<requestedState>{error.requested}</requestedState>"
                f"<existingState>{error.existing}</existingState>"
            )
            message = "The attempted operation cannot be performed in the current state."
            raise FaultError("InvalidPowerState", message, states) from error
        assert task is not None, "a session has a user"
        call.world.remember(task)
        return f'<returnval type="Task">{task.moid}</returnval>'

    return method


def _guest(action: Callable[..., None]) -> Callable[[SessionCall], str]:
    def method(call: SessionCall) -> str:
        call.find("VirtualMachine", call.request.target)
        try:
            action(call.world.machines, call.request.target, user=call.session.user)
        except InvalidPowerError as error:
            message = "The attempted operation cannot be performed in the current state."
            raise FaultError("InvalidPowerState", message) from error
        return ""

    return method


METHODS: dict[str, SoapMethod] = {
    "Logout": logout,
    "SessionIsActive": session_is_active,
    "TerminateSession": terminate_session,
    "CurrentTime": current_time,
    "CreateContainerView": create_container_view,
    "DestroyView": destroy_view,
    "CreatePropertyCollector": create_property_collector,
    "DestroyPropertyCollector": destroy_property_collector,
    "CreateFilter": create_filter,
    "DestroyPropertyFilter": destroy_property_filter,
    "WaitForUpdatesEx": wait_for_updates,
    "CancelWaitForUpdates": cancel_wait_for_updates,
    "RetrievePropertiesEx": retrieve_properties_ex,
    "ContinueRetrievePropertiesEx": continue_retrieve_properties_ex,
    "RetrieveProperties": retrieve_properties,
    "Fetch": fetch,
    "CreateCollectorForEvents": create_collector_for_events,
    "QueryEvents": query_events,
    "ReadNextEvents": read_next_events,
    "ReadPreviousEvents": read_previous_events,
    "RewindCollector": rewind_collector,
    "ResetCollector": reset_collector,
    "SetCollectorPageSize": set_collector_page_size,
    "DestroyCollector": destroy_collector,
    "PowerOnVM_Task": _task(Machines.power_on),
    "PowerOffVM_Task": _task(Machines.power_off),
    "SuspendVM_Task": _task(Machines.suspend),
    "ResetVM_Task": _task(Machines.reset),
    "ShutdownGuest": _guest(Machines.guest_shutdown),
    "RebootGuest": _guest(Machines.guest_reboot),
}
