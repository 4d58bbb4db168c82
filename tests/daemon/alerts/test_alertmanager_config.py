"""`[alertmanager]` in slad.toml: what is read, and what is refused."""

from pathlib import Path

import pytest

from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.config.values import Duration
from sla.instants import MINUTE, SECOND
from tests.daemon.alerts.receivers import table
from tests.peers.tls import issue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "secret").chmod(0o600)
    issue(tmp_path)
    return tmp_path


def test_without_the_section_nobody_is_told(folder: Path) -> None:
    (folder / "slad.toml").write_text("")
    assert load(folder / "slad.toml", {}).alertmanager is None


def test_every_key_is_read(folder: Path) -> None:
    read = table(
        folder,
        "http://am1:9093",
        "https://AM2.example.net/alertmanager/",
        "http://[::1]:9093",
        resend="30s",
        more='external_labels = { site = "home" }\nca_file = "ca.pem"\nuser = "slad"\npassword_file = "secret"\n'
        'runbook_url = "https://wiki/slad/"\ndashboard_url = "https://grafana"',
    )
    assert [(str(url.address), url.text) for url in read.urls] == [
        ("am1:9093", "http://am1:9093"),
        ("am2.example.net:443", "https://am2.example.net/alertmanager"),
        ("[::1]:9093", "http://[::1]:9093"),
    ]
    assert read.external_labels == {"site": "home"}
    assert read.resend == Duration(30 * SECOND)
    assert read.expires_us == 2 * MINUTE
    assert read.runbook_url is not None
    assert read.runbook_url.text == "https://wiki/slad"
    assert "hunter2" not in repr(read)


def problems(folder: Path, *urls: str, more: str = "") -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        table(folder, *urls, more=more)
    return [(problem.key, problem.text) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("am1:9093", '"am1:9093" is no URL: write one such as "http://am1.example.net:9093"'),
        ("icmp://am1", '"icmp://am1" is no URL: write one such as "http://am1.example.net:9093"'),
        ("http://am1/?a=b", '"http://am1/?a=b" is no URL: write one such as "http://am1.example.net:9093"'),
        ("http://u:hunter2@am1", "may not name a user: there are user and password_file for that"),
    ],
)
def test_what_is_no_url_is_refused_and_no_secret_is_shown(folder: Path, url: str, text: str) -> None:
    assert problems(folder, url) == [("alertmanager.urls[1]", text)]


def test_an_alertmanager_is_named_once_and_one_at_least(folder: Path) -> None:
    assert problems(folder, "http://am1:9093", "http://am1:9093/x") == [
        ("alertmanager.urls", "am1:9093 is there twice")
    ]
    assert problems(folder)[0][0] == "alertmanager.urls"
    assert problems(folder, *(f"http://am{number}" for number in range(17)))[0][0] == "alertmanager.urls"
    (folder / "slad.toml").write_text("[alertmanager]\n")
    with pytest.raises(ConfigError, match=r"alertmanager\.urls: is missing: write one such as urls = "):
        load(folder / "slad.toml", {})


@pytest.mark.parametrize(
    ("more", "key", "text"),
    [
        ("external_labels = { 1a = 'x' }", "external_labels", '"1a" is no label'),
        ("external_labels = { severity = 'x' }", "external_labels", "severity is a label of slad's own"),
        ("external_labels = { a = '' }", "external_labels", "a must be one line"),
        ("external_labels = { a = 1 }", "external_labels", "a must be one line"),
        ("external_labels = 'a'", "external_labels", "must be a table"),
        ("user = 'slad'", "user", "means nothing without password_file"),
        ("password_file = 'secret'", "password_file", "means nothing without user"),
        ("token_file = 'gone'", "token_file", "cannot be read"),
        ("ca_file = 'ca.pem'", "ca_file", "means nothing without a URL of HTTPS"),
        ("runbook_url = 'wiki'", "runbook_url", "is no URL"),
        ("runbook_url = 7", "runbook_url", "7 is no URL"),
        ("receiver = 'x'", "receiver", "is unknown here"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(folder: Path, more: str, key: str, text: str) -> None:
    ((where, what),) = problems(folder, "http://am1", more=more)
    assert where == f"alertmanager.{key}"
    assert text in what


def test_two_ways_to_say_who_slad_is_are_one_too_many(folder: Path) -> None:
    more = "user = 'slad'\npassword_file = 'secret'\ntoken_file = 'secret'"
    assert problems(folder, "http://am1", more=more) == [
        ("alertmanager.token_file", "user is there too: keep one of them")
    ]


@pytest.mark.parametrize("resend", ["0s", "11m"])
def test_resend_has_limits(folder: Path, resend: str) -> None:
    with pytest.raises(ConfigError, match=r"alertmanager\.resend: .*out of bounds"):
        table(folder, "http://am1", resend=resend)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://am1", True),
        ("https://am1", False),
        ("http://127.0.0.1:9093", False),
        ("http://localhost", False),
    ],
)
def test_a_secret_in_plain_text_on_a_network_is_warned_of(folder: Path, url: str, warned: bool) -> None:
    table(folder, url, more="token_file = 'secret'")
    keys = [warning.key for warning in load(folder / "slad.toml", {}).warnings]
    assert ("alertmanager.urls" in keys) is warned
