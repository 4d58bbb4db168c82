"""`[hub]`: where a monitor ships to, and how its problems are told."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.cli import main
from daemon.config.hub import BUCKETS, Dsn, parse_dsn, parse_shard
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from tests.daemon.config.configured import VCENTER
from tests.daemon.harness import config_of


def config(folder: Path, keys: str) -> Path:
    return config_of(folder, hub=f"[hub]\n{keys}")


def problems(folder: Path, keys: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        load(config(folder, keys), {})
    return str(wrong.value)


@pytest.mark.parametrize(
    ("text", "dsn"),
    [
        (
            "postgresql://slad-mon1@db.example.net/slad",
            Dsn(
                hosts=("db.example.net",),
                ports=("5432",),
                user="slad-mon1",
                database="slad",
                sslmode="verify-full",
            ),
        ),
        (
            "postgres://a%40b@db1:5433,[2001:db8::1],db2:1/my%20db?sslmode=verify-ca",
            Dsn(
                hosts=("db1", "2001:db8::1", "db2"),
                ports=("5433", "5432", "1"),
                user="a@b",
                database="my db",
                sslmode="verify-ca",
            ),
        ),
        (
            "postgresql:///slad?host=/run/postgresql&user=mon1",
            Dsn(
                hosts=("/run/postgresql",),
                ports=("5432",),
                user="mon1",
                database="slad",
                sslmode="verify-full",
            ),
        ),
    ],
)
def test_a_uri_is_read_and_written_as_it_was_meant(text: str, dsn: Dsn) -> None:
    assert parse_dsn(text) == dsn
    assert parse_dsn(str(dsn)) == dsn
    assert parse_dsn(dsn.written_for("an@other")).user == "an@other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host=db user=mon1", "no URI"),
        ("postgresql://[::1/slad", "no URI"),
        ("postgresql://mon1:geheim@db/slad", "password_file"),
        ("postgresql://mon1@db/slad?password=geheim", "password_file"),
        ("postgresql://mon1@db/slad?sslmod=disable", 'did you mean "sslmode"?'),
        ("postgresql://mon1@db/slad?sslmode=prefer", "must be one of"),
        ("postgresql://mon1@/slad", "names no host"),
        ("postgresql://db/slad", "names no user"),
        ("postgresql://mon1@db", "names no database"),
        ("postgresql://mon1@db:0/slad", "out of bounds"),
        ("postgresql://mon1@db:x/slad", "out of bounds"),
    ],
)
def test_what_is_no_place_is_told_and_no_secret_shown(tmp_path: Path, text: str, said: str) -> None:
    found = problems(tmp_path, f'dsn = "{text}"')
    assert f"hub.dsn: {said}" in found or said in found
    assert "geheim" not in found


def test_keys_that_exclude_each_other_are_told(tmp_path: Path) -> None:
    dsn = 'dsn = "postgresql://mon1@db/slad"\n'
    assert "keep one" in problems(tmp_path, dsn + 'password_file = "password"\npassword_credential = "x"')
    local = 'dsn = "postgresql://mon1@/slad?host=/run/postgresql"\n'
    assert "means nothing without TLS" in problems(tmp_path, local + 'ca_file = "ca.pem"')
    assert "is missing" in problems(tmp_path, "")


def test_a_way_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    def warned(dsn: str) -> bool:
        return any("sslmode" in each.text for each in load(config(tmp_path, f'dsn = "{dsn}"'), {}).warnings)

    assert warned("postgresql://mon1@db/slad?sslmode=disable")
    assert warned("postgresql://mon1@db/slad?sslmode=require")
    assert not warned("postgresql://mon1@db/slad")
    assert not warned("postgresql://mon1@127.0.0.1/slad?sslmode=disable")
    assert not warned("postgresql://mon1@/slad?host=/run/postgresql&sslmode=disable")


def test_without_psycopg_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.config.hub.find_spec", lambda _: None)
    assert "slad[hub]" in problems(tmp_path, 'dsn = "postgresql://mon1@db/slad"')


def test_check_config_says_what_it_would_ship_to(tmp_path: Path) -> None:
    def said(path: Path) -> str:
        return CliRunner().invoke(main, ["check-config", "--config", str(path)]).output

    assert "hub       none: the evidence stays in the ledger" in said(config_of(tmp_path))
    as_hub = 'dsn = "postgresql://slad-hub@/slad?host=/run/postgresql"'
    assert "hub       a hub follows postgresql://slad-hub@/slad" in said(config(tmp_path, as_hub))
    (tmp_path / "east.password").write_text("not-a-secret")
    watching = f'dsn = "postgresql://mon1@db/slad?sslmode=disable"\n{VCENTER}'
    shown = said(config(tmp_path, watching))
    assert (
        "hub       ships to postgresql://mon1@db:5432/slad?sslmode=disable, NOT VERIFIED: sslmode disable"
        in shown
    )
    shown = said(config(tmp_path, 'dsn = "postgresql://mon1@db/slad"'))
    assert "verified by the system's authorities" in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", 'is no shard: write which of how many, from 1, such as "2/8"'),
        ("2", "is no shard"),
        ("-1/4", "is no shard"),
        ("1/4 ", "is no shard"),
        ("0/4", "there is no shard 0 of 4: they are 1/4 to 4/4"),
        ("5/4", "there is no shard 5 of 4: they are 1/4 to 4/4"),
        ("1/0", "there are from 1 to 256 shards, not 0"),
        ("1/257", "there are from 1 to 256 shards, not 257"),
    ],
)
def test_a_shard_that_does_not_exist_is_told(tmp_path: Path, text: str, said: str) -> None:
    told = problems(tmp_path, f'dsn = "postgresql://a@/slad?host=/run/postgresql"\nshard = "{text}"')
    assert "[hub] shard" in told or "shard:" in told
    assert said in told


@pytest.mark.parametrize("count", [1, 2, 3, 8, 256])
def test_shards_divide_all_buckets_and_each_client_is_of_one(count: int) -> None:
    shards = [parse_shard(f"{number}/{count}") for number in range(1, count + 1)]
    assert sorted(bucket for shard in shards for bucket in shard.buckets) == list(range(BUCKETS))
    for client in ("acme", "bêta", "", "\N{SNOWMAN}"):
        assert sum(shard.has(client) for shard in shards) == 1


def test_statements_are_for_the_hub_and_not_for_a_monitor_that_ships(tmp_path: Path) -> None:
    keys = 'dsn = "postgresql://slad-mon1@/slad?host=/run/postgresql"\n[statements]\nissue_after = "5d"'
    hub = load(config(tmp_path, keys), {})
    assert not hub.leaves_issuing_to_hub
    assert not [each for each in hub.warnings if "rule" in str(each)]
    watched = '[vcenter.vc1]\naddress = "vc1"\nuser = "slad"\npassword_file = "password"\n'
    with pytest.raises(ConfigError, match=r"statements: is for the hub.* 'slad hub run'"):
        load(config_of(tmp_path, hub=f"[hub]\n{keys}", vcenter=watched), {})
    monitor = load(
        config_of(tmp_path, hub=f"[hub]\n{keys.partition('[statements]')[0]}", vcenter=watched), {}
    )
    assert monitor.leaves_issuing_to_hub


def test_a_configuration_of_a_hub_is_warned_of_as_one(tmp_path: Path) -> None:
    """A monitor's that forgot its vCenters looks the same."""
    (warning, *_) = load(
        config(tmp_path, 'dsn = "postgresql://slad@/slad?host=/run/postgresql"'), {}
    ).warnings
    assert warning.text == "nothing is watched, as with 'slad hub run': there is no [vcenter.NAME]"
