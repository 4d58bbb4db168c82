"""The door on TCP in slad.toml: refused without TLS or tokens, and what else `check-config` says of it."""

from pathlib import Path

import pytest

from daemon.config.config import Config
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.new_tokens import new_token
from sla.instants import parse_instant
from tests.peers.tls import issue

TOKEN = new_token()
TOKENS = f"""\
[[control.token]]
name = "portal"
role = "record"
sha256 = "{TOKEN.sha256}"
expires = 2027-12-31
[[control.token]]
name = "grafana"
role = "read"
sha256 = "{"AB" * 32}"
"""
TLS = 'listen = ["127.0.0.1:10998"]\ncert_file = "cert.pem"\nkey_file = "key.pem"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    issue(tmp_path)
    (tmp_path / "key.pem").chmod(0o600)
    return tmp_path


def read(folder: Path, control: str) -> Config:
    path = folder / "slad.toml"
    path.write_text(f'observer = "mon"\n[control]\n{control}')
    return load(path, {})


def problems(folder: Path, control: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(folder, control)
    return [(problem.key, problem.text) for problem in caught.value.problems]


def test_a_door_with_tls_and_tokens_is_read(folder: Path) -> None:
    control = read(folder, TLS + TOKENS).control
    assert [str(address) for address in control.listen] == ["127.0.0.1:10998"]
    portal, grafana = control.token
    assert (portal.name, portal.role, portal.sha256.hex()) == ("portal", "record", TOKEN.sha256)
    assert portal.expires == parse_instant("2028-01-01T00:00:00Z")
    assert (grafana.role, grafana.sha256, grafana.expires) == ("read", b"\xab" * 32, None)


def test_the_last_day_may_be_a_text(folder: Path) -> None:
    said = TLS + TOKENS.replace("2027-12-31", '"2027-12-31"')
    assert read(folder, said).control.token[0].expires == parse_instant("2028-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("control", "key", "text"),
    [
        (TLS, "control.listen", "needs tokens: write [[control.token]]"),
        (
            TLS.replace('cert_file = "cert.pem"\n', "") + TOKENS,
            "control.listen",
            "needs TLS: write cert_file too",
        ),
        (
            TLS.replace('key_file = "key.pem"\n', "") + TOKENS,
            "control.listen",
            "needs TLS: write key_file too",
        ),
        (TOKENS, "control.token", "means nothing without listen"),
        ('key_file = "key.pem"\n', "control.key_file", "means nothing without listen"),
        (TLS.replace("key.pem", "ca.pem") + TOKENS, "control", "ca.pem holds no key to the certificate in"),
        (
            TLS + TOKENS.replace('"read"', '"write"'),
            "control.token[2].role",
            "must be 'read' or 'record', not \"write\"",
        ),
        (TLS + TOKENS.replace("AB", "XY"), "control.token[2].sha256", "write the 64 hexadecimal digits"),
        (TLS + TOKENS.replace("AB" * 32, TOKEN.token), "control.token[2].sha256", "not the token"),
        (TLS + TOKENS.replace("2027-12-31", '"soon"'), "control.token[1].expires", '"soon" is no date'),
        (TLS + TOKENS.replace("2027-12-31", "2027-12-31T00:00:00"), "control.token[1].expires", "is no date"),
        (TLS + TOKENS.replace("grafana", "portal"), "control.token", '"portal" is the name of two tokens'),
        (
            TLS + TOKENS.replace("AB" * 32, TOKEN.sha256),
            "control.token",
            '"portal" and "grafana" have the same hash',
        ),
        (TLS + TOKENS.replace("expires", "expiry"), "control.token[1].expiry", 'did you mean "expires"?'),
        (TLS + TOKENS.replace('name = "portal"\n', ""), "control.token[1].name", "is missing"),
        (TLS + 'token = "x"\n', "control.token", "must be a list"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    folder: Path, control: str, key: str, text: str
) -> None:
    found = problems(folder, control)
    assert [message for where, message in found if where == key and text in message], found


def test_a_key_that_everybody_can_read_is_warned_of(folder: Path) -> None:
    (folder / "key.pem").chmod(0o644)
    (warning,) = [each for each in read(folder, TLS + TOKENS).warnings if each.key]
    assert (warning.key, "can be read by every user" in warning.text) == ("control.key_file", True)


def test_a_third_tech_admin_is_refused(folder: Path) -> None:
    path = folder / "slad.toml"
    path.write_text('[client.c]\nname = "C"\ntimezone = "UTC"\ntech_admins = ["a", "b", "c"]\n')
    with pytest.raises(ConfigError, match=r"client.c.tech_admins: has 3 elements, and at most 2 can be"):
        load(path, {})
