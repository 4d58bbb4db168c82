"""One Alertmanager's door: version 2 of its API, of which slad uses one request.

PostError           it did not take what it was sent; says why, and whether the same may be sent again
"""

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp

from daemon.alerts.alert import Labels
from daemon.alerts.store import Posted
from daemon.config.alertmanager import AlertmanagerTable, BaseUrl
from daemon.config.labels import NAME, SERVER
from daemon.config.secrets import SecretError
from sla.instants import Instant, format_instant

DEADLINE_S: Final = 10.0
"""How long one request may take, from looking up the name to the answer."""
_SHOWN: Final = 200
_ALERTS: Final = "/api/v2/alerts"


class PostError(Exception):
    """It did not take what it was sent. `is_final`: nor would it if the same were sent again."""

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        """`text` for an operator."""
        super().__init__(text)
        self.is_final = is_final


class Alertmanager:
    """Posts bodies. Whatever goes wrong is a PostError."""

    def __init__(self, url: BaseUrl, table: AlertmanagerTable, http: aiohttp.ClientSession) -> None:
        self._url = f"{url.text}{_ALERTS}"
        self._table = table
        self._http = http

    async def post(self, body: bytes) -> None:
        """Hand over a body of `encoded`. Raises PostError."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                headers = {"Content-Type": "application/json", **await self._authorization()}
                async with self._http.post(
                    self._url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    await _check(answer)
        except TimeoutError:
            raise PostError(f"no answer within {DEADLINE_S:.0f} s") from None
        except SecretError as error:
            raise PostError(str(error)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PostError(str(error)[:_SHOWN] or type(error).__name__) from None

    async def _authorization(self) -> Mapping[str, str]:
        """The header that says who slad is. The secret is read each time, so that a changed file holds at once."""
        table = self._table
        if table.token_file is not None:
            token = (await asyncio.to_thread(table.token_file.read)).get_secret_value()
            return {"Authorization": f"Bearer {token}"}
        if table.password_file is not None:
            password = (await asyncio.to_thread(table.password_file.read)).get_secret_value()
            pair = b64encode(f"{table.user}:{password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}


async def _check(answer: aiohttp.ClientResponse) -> None:
    """An Alertmanager says 200 and nothing else to what it takes."""
    said = " ".join((await answer.content.read(_SHOWN)).decode(errors="replace").split())
    if answer.status == 200 and not said:
        return
    # It takes what is in order of a body of which it refuses the rest.
    is_final = answer.status in {400, 413, 422}
    if answer.status == 200:
        raise PostError(f"answers as no Alertmanager does: {said}")
    raise PostError(f"answers {answer.status}{': ' if said else ''}{said}", is_final=is_final)


@asynccontextmanager
async def open_alertmanager(url: BaseUrl, table: AlertmanagerTable) -> AsyncIterator[Alertmanager]:
    """An Alertmanager's door; at the end its connection is closed."""
    tls = await asyncio.to_thread(ssl.create_default_context, cafile=table.ca_file)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1, ssl=tls),
        timeout=aiohttp.ClientTimeout(total=DEADLINE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as http:
        yield Alertmanager(url, table, http)


def encoded(batch: Iterable[Posted], table: AlertmanagerTable, now: Instant) -> bytes:
    """Alerts as the API takes them; those that fire end a while after `now`, unless they are sent again."""
    ends_at = Instant(now + table.expires_us)
    return json.dumps([_encoded(each, table, ends_at) for each in batch]).encode()


def _encoded(posted: Posted, table: AlertmanagerTable, ends_at: Instant) -> Mapping[str, object]:
    alert = posted.alert
    labels = dict(alert.labels)
    annotations = {"summary": alert.summary, "description": alert.description}
    if table.runbook_url is not None:
        annotations["runbook_url"] = f"{table.runbook_url.text}/{labels[NAME]}"
    if table.dashboard_url is not None:
        annotations["dashboard_url"] = f"{table.dashboard_url.text}{_dashboard(alert.labels)}"
    return {
        "labels": {**table.external_labels, **labels},
        "annotations": annotations,
        "startsAt": format_instant(posted.starts_at),
        "endsAt": format_instant(posted.ended_at if posted.ended_at is not None else ends_at),
    }


def _dashboard(labels: Labels) -> str:
    """Where one of the dashboards in `deploy/mixin` shows what an alert is about."""
    named = dict(labels)
    if SERVER in named:
        return f"/d/slad-server?{urlencode({'var-server': named[SERVER]}, quote_via=quote)}"
    if "client" in named:
        return f"/d/slad-solutions?{urlencode({'var-client': named['client']}, quote_via=quote)}"
    return "/d/slad-monitor"
