"""Routes that are made once somebody asks for one, or in a quiet moment after the start: what answers there is imported then.

A daemon begins to watch, and can be scraped, without them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final, Never

from aiohttp import web
from yarl import URL

from daemon.web.listening import beside

QUIET_S: Final = 30.0
"""How long after a start there is time for it: a first sync is over by then."""

RouteMaker = Callable[[], Iterable[web.RouteDef]]
"""Makes routes, and imports what they need; called once, in a thread."""


class LaterRoutes(web.AbstractResource):
    """What a door answers that none of its other routes takes."""

    def __init__(self, make: RouteMaker) -> None:
        super().__init__()
        self._make = make
        self._router: web.UrlDispatcher | None = None
        self._turn = asyncio.Lock()

    async def in_a_quiet_moment(self, _: web.Application) -> AsyncIterator[None]:
        """Have them made while the door is open, so that nobody has to wait for it; a `cleanup_ctx` of aiohttp."""
        async with beside([self._prepare_later()]):
            yield

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        """The route of a request, or by which methods its path can be asked for."""
        try:
            router = await self._prepared()
        except Exception as error:  # noqa: BLE001  whatever it is, it fails where every failure is answered
            return self._failing(request, error), set()
        found = await router.resolve(request)
        refused = found.http_exception
        if refused is None:
            return found, set()
        return None, refused.allowed_methods if isinstance(refused, web.HTTPMethodNotAllowed) else set()

    def _failing(self, request: web.Request, error: Exception) -> web.UrlMappingMatchInfo:
        async def fail(_: web.Request) -> web.StreamResponse:
            raise error

        return web.UrlMappingMatchInfo({}, web.ResourceRoute(request.method, fail, self))

    async def _prepared(self) -> web.UrlDispatcher:
        async with self._turn:
            if self._router is None:
                self._router = await asyncio.to_thread(self._made)
        return self._router

    def _made(self) -> web.UrlDispatcher:
        router = web.UrlDispatcher()
        router.add_routes(self._make())
        router.freeze()
        return router

    async def _prepare_later(self) -> Never:
        await asyncio.sleep(QUIET_S)
        await self._prepared()
        await asyncio.Event().wait()
        raise AssertionError

    # What aiohttp asks of a resource besides

    @property
    def canonical(self) -> str:
        """The end of every path: whatever else there is comes first."""
        return "/"

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(() if self._router is None else self._router.routes())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add_prefix(self, prefix: str) -> None:
        raise NotImplementedError

    def get_info(self) -> Any:
        return {"path": self.canonical}

    def raw_match(self, path: str) -> bool:
        return path == self.canonical

    def url_for(self, **kwargs: str) -> URL:
        raise NotImplementedError


def add_later(app: web.Application, make: RouteMaker) -> None:
    """Have a door answer by routes that are made later, behind those that it has."""
    routes = LaterRoutes(make)
    app.router.register_resource(routes)
    app.cleanup_ctx.append(routes.in_a_quiet_moment)
