"""The simulated vCenter on a socket: HTTP or HTTPS, in this process, on a loop of its own thread, or standalone."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from aiohttp import web

from probes.simulation import control, service, soap
from probes.simulation.collector import PAGE_OBJECTS
from probes.simulation.inventory import Inventory
from probes.simulation.methods import METHODS, SessionCall
from probes.simulation.sessions import COOKIE, IDLE_S, ConnectionDroppedError, Session
from probes.simulation.soap import FaultError, Request
from probes.simulation.wire import CutOffError, Wire
from probes.simulation.world import World

P = ParamSpec("P")
R = TypeVar("R")

_XML = {"Content-Type": "text/xml; charset=utf-8", "Cache-Control": "no-cache"}
_REQUEST_LIMIT = 8_000_000
_BACKLOG = 128
_START_TIMEOUT_S = 60.0


class SimulatedVCenter:
    """`async with SimulatedVCenter(inventory, now_us=…) as vc:` serves on `vc.host` and `vc.port`.

    Everything that can be done to it is on `vc.world` (`machines`, `outages`, `kill_sessions`, …) and `vc.wire`,
    and must be called on the loop that serves; over HTTP the same functions are at `/control/NAME`.
    Without `accounts` any user name with any password may log in. `compress` sends gzip to those who accept it.
    `longest_wait_s` answers who waits for updates after so long, though it may have asked for a longer wait.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        now_us: Callable[[], int],
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] | None = None,
        accounts: Mapping[str, str] | None = None,
        session_idle_s: float = IDLE_S,
        page_objects: int = PAGE_OBJECTS,
        longest_wait_s: float | None = None,
        omit_unset: bool = False,
        compress: bool = False,
        name: str = "vcenter",
    ) -> None:
        self.host = host
        self.port = port
        self._tls = tls
        self._compress = compress
        self.wire = Wire()
        self.world = World(
            inventory,
            now_us=now_us,
            monotonic=monotonic or (lambda: asyncio.get_running_loop().time()),
            accounts=accounts,
            session_idle_s=session_idle_s,
            page_objects=page_objects,
            longest_wait_s=longest_wait_s,
            omit_unset=omit_unset,
            name=name,
        )
        self._runner: web.AppRunner | None = None
        self._listening: socket.socket | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=_REQUEST_LIMIT)
        application.router.add_post("/sdk", self._sdk)
        application.router.add_get("/sdk/vimServiceVersions.xml", _versions)
        application.router.add_get("/sdk/vimService.wsdl", _wsdl)
        control.add_routes(application, self.world, self.wire)
        self._runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listening = socket.create_server((self.host, self.port), family=family, backlog=_BACKLOG)
        await web.SockSite(self._runner, self._listening, ssl_context=self._tls).start()
        self.host, self.port = self._listening.getsockname()[:2]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None, "left once, after it was entered"
        assert self._listening is not None
        self.wire.clear()
        self.world.sessions.end_all(drop_connections=True)
        # A connection that is accepted while its server closes would never be closed itself: first accept no more,
        # and let those that were accepted become the server's, which takes them two turns of the loop.
        asyncio.get_running_loop().remove_reader(self._listening)
        for _ in range(2):
            await asyncio.sleep(0)
        await self._runner.cleanup()

    async def _sdk(self, request: web.Request) -> web.StreamResponse:
        try:
            await self.wire.idled(request)
            response = await self._answer(request)
            self.wire.used(request)
        except ConnectionDroppedError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        except CutOffError:
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = dict(_XML)
        status = 200
        fault = None
        try:
            call = soap.parse(await request.read())
            fault = self.wire.next_fault(call.method)
            if fault is not None:
                await self.wire.before(fault)
            body = await self._carry_out(request, call, headers)
        except FaultError as error:
            status, body = 500, error.envelope
        if fault is not None:
            return await self.wire.send(request, fault, status, body.encode())
        response = web.Response(status=status, body=body.encode(), headers=headers)
        if self._compress and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def _carry_out(self, http: web.Request, request: Request, headers: dict[str, str]) -> str:
        if request.method == "Login":
            return soap.reply(request.method, self._login(http, request, headers))
        session = self.world.sessions.get(http.cookies.get(COOKIE))
        if session is None:
            return soap.reply(request.method, self._without_session(request))
        return soap.reply(request.method, await self._call(session, request))

    def _login(self, http: web.Request, request: Request, headers: dict[str, str]) -> str:
        session = self.world.sessions.login(
            request.node.text("userName"),
            request.node.text("password"),
            address=http.remote or "",
            agent=http.headers.get("User-Agent", ""),
            now=self.world.now(),
        )
        headers["Set-Cookie"] = f'{COOKIE}="{session.cookie}"; Path=/; HttpOnly; Secure;'
        self.world.events.post("UserLoginSessionEvent", user=session.user)
        return f"<returnval>{session.members}</returnval>"

    def _without_session(self, request: Request) -> str:
        """The few things that a client may ask before it has logged in."""
        if request.method == "RetrieveServiceContent":
            return f"<returnval>{service.service_content(self.world)}</returnval>"
        if request.method == "Fetch" and request.node.text("prop") == "content":
            content = service.service_content(self.world)
            return f'<returnval xsi:type="ServiceContent">{content}</returnval>'
        if request.method == "Fetch" and request.node.text("prop") == "currentSession":
            return ""
        raise soap.not_authenticated(request.target_type, request.target)

    async def _call(self, session: Session, request: Request) -> str:
        if request.method == "RetrieveServiceContent":
            return self._without_session(request)
        method = METHODS.get(request.method)
        if method is None:
            raise soap.not_supported(request.method)
        result = method(SessionCall(world=self.world, session=session, request=request))
        return result if isinstance(result, str) else await result


class ThreadedVCenter:
    """`with ThreadedVCenter(build) as vc:` serves on a loop in a thread of its own, for callers without one.

    `make` builds the SimulatedVCenter on that loop. `do` calls a function there and returns what it returned:
    `vc.do(vc.world.machines.power_off, "vm-7", user="alice")`.
    """

    def __init__(self, make: Callable[[], SimulatedVCenter]) -> None:
        self._make = make
        self._ready: Future[SimulatedVCenter] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="simulated-vcenter")

    def __enter__(self) -> Self:
        self._thread.start()
        self._served = self._ready.result(_START_TIMEOUT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_TIMEOUT_S)

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._served.host

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._served.port

    @property
    def world(self) -> World:
        """What can happen to it; only to be used through `do`."""
        return self._served.world

    @property
    def wire(self) -> Wire:
        """The faults of the wire; only to be used through `do`."""
        return self._served.wire

    def do(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function on the serving loop and wait for what it returns."""

        async def called() -> R:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(_START_TIMEOUT_S)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            served = self._make()
            async with served:
                self._ready.set_result(served)
                await self._stop.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)


async def _versions(_: web.Request) -> web.Response:
    return web.Response(text=service.VERSIONS, content_type="text/xml")


async def _wsdl(_: web.Request) -> web.Response:
    return web.Response(text=service.WSDL, content_type="text/xml")
