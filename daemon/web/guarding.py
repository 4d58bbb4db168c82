"""What the web config file has the public door do: TLS, headers of its own, and who gets in. Imported where there is such a file."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from aiohttp import hdrs, web

from daemon.clock import Clock
from daemon.web.access import Bucket, PasswordCheck, has_allowed_name
from daemon.web.config import CurrentTls, WebConfig, WebConfigError, WebConfigFile
from daemon.web.connections import Handler
from daemon.web.links import is_under_link

_log = structlog.get_logger(__name__)


class Guard:
    """Follows the file: what it says at the moment holds."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises WebConfigError for a file that cannot be used."""
        self._file = WebConfigFile(path)
        self._clock = clock
        self.tls = CurrentTls.of(self._file) if self._file.current().tls is not None else None
        """Whether there is TLS at all is decided once."""

    def headers(self) -> Mapping[str, str]:
        """The headers that answers get."""
        try:
            return self._file.current().config.http_server_config.headers
        except WebConfigError:
            return {}  # a file that cannot be used has refused the request already

    def middleware(self) -> Any:
        """Lets in whom the file lets in."""
        passwords = PasswordCheck()
        bucket = Bucket(self._clock)
        complaint = ""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            nonlocal complaint
            try:
                config = self._file.current().config
            except WebConfigError as error:
                if str(error) != complaint:
                    complaint = str(error)
                    _log.error("web_config_refused", reason=complaint)
                return web.Response(
                    status=HTTPStatus.INTERNAL_SERVER_ERROR, text="the web config file cannot be used\n"
                )
            if complaint:
                complaint = ""
                _log.info("web_config_recovered")
            return await _refusal(request, config) or await handler(request)

        async def _refusal(request: web.Request, config: WebConfig) -> web.Response | None:
            if not bucket.take(config.rate_limit.interval_s, config.rate_limit.burst):
                return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="too many requests\n")
            tls = config.tls_server_config
            if tls is not None and tls.client_allowed_sans:
                certificate = request.get_extra_info("peercert")
                if not has_allowed_name(certificate, tls.client_allowed_sans):
                    return web.Response(
                        status=HTTPStatus.FORBIDDEN, text="this client certificate may not enter\n"
                    )
            if config.basic_auth_users and not is_under_link(request):
                header = request.headers.get(hdrs.AUTHORIZATION)
                if not await passwords.passes(header, config.basic_auth_users):
                    refused = web.Response(status=HTTPStatus.UNAUTHORIZED, text="401 Unauthorized\n")
                    refused.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="slad"'
                    return refused
            return None

        return middleware
