"""Who vouches for the store's server: asked where it is to be verified, and nowhere else, on machines with authorities and without."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.hub.states import HubError, HubState
from daemon.hub.store import connected
from tests.daemon.hub.stores import make_store
from tests.peers.postgres import Postgres, postgres
from tests.peers.tls import issue


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Its certificate is of an authority that no machine knows."""
    with postgres(certificate=issue(tmp_path_factory.mktemp("tls"))) as running:
        yield running


def have_authorities(monkeypatch: pytest.MonkeyPatch, file: Path | None) -> None:
    """Of the system; None: it has none, as without the package ca-certificates."""
    paths = SimpleNamespace(cafile=file and str(file))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)


@pytest.mark.parametrize("are_known", [True, False])
@pytest.mark.parametrize("sslmode", ["disable", "require"])
async def test_where_nothing_is_to_be_verified_nobody_has_to(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sslmode: str, are_known: bool
) -> None:
    store = await make_store(server, tmp_path, "mon1")
    have_authorities(monkeypatch, issue(tmp_path).cafile if are_known else None)
    table = store.table(at=("127.0.0.1", server.port), more=f"sslmode={sslmode}")
    async with await connected(table) as connection:
        assert connection.pgconn.ssl_in_use == (sslmode == "require")


@pytest.mark.parametrize("are_known", [True, False])
@pytest.mark.parametrize("sslmode", ["verify-ca", "verify-full"])
async def test_where_it_is_to_be_verified_somebody_has_to(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sslmode: str, are_known: bool
) -> None:
    store = await make_store(server, tmp_path, "mon1")
    have_authorities(monkeypatch, issue(tmp_path).cafile if are_known else None)
    table = store.table(at=("127.0.0.1", server.port), more=f"sslmode={sslmode}")
    with pytest.raises(HubError, match="ca_file") as caught:
        await connected(table)
    assert caught.value.state is HubState.NOT_TRUSTED
    assert server.authority is not None
    have_authorities(monkeypatch, server.authority)
    async with await connected(table) as connection:
        assert connection.pgconn.ssl_in_use


async def test_an_authority_that_is_named_is_asked_by_require_too(server: Postgres, tmp_path: Path) -> None:
    """As libpq has it: who names one means it."""
    store = await make_store(server, tmp_path, "mon1")
    place = ("127.0.0.1", server.port)
    other = store.table(at=place, more="sslmode=require", ca_file=str(issue(tmp_path).cafile))
    with pytest.raises(HubError, match="certificate") as caught:
        await connected(other)
    assert caught.value.state is HubState.NOT_TRUSTED
