"""What is a target, and what is not: and then what would be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.targets.target import Method, Target, TargetError, bracketed, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("icmp://192.0.2.1", Target(method=Method.ICMP, host="192.0.2.1")),
        ("icmp://[2001:DB8::1]", Target(method=Method.ICMP, host="2001:db8::1")),
        ("icmp://[fe80::1%eth0]", Target(method=Method.ICMP, host="fe80::1%eth0")),
        ("tcp://Example.NET:443", Target(method=Method.TCP, host="example.net", port=443)),
        ("tcp://[::1]:1", Target(method=Method.TCP, host="::1", port=1)),
        ("http://a", Target(method=Method.HTTP, host="a", port=80, path="/")),
        ("HTTPS://a", Target(method=Method.HTTPS, host="a", port=443, path="/")),
        ("https://a:8443/b?c=%20d", Target(method=Method.HTTPS, host="a", port=8443, path="/b?c=%20d")),
        ("http://a?b", Target(method=Method.HTTP, host="a", port=80, path="/?b")),
    ],
)
def test_a_target_is_read(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "icmp://192.0.2.1",
        "icmp://[2001:db8::1]",
        "tcp://a:80",
        "http://a/",
        "http://a:443/",
        "https://a:8443/b?c",
    ],
)
def test_a_target_is_written_as_it_was_read(text: str) -> None:
    assert parse_target(text).text == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("192.0.2.1", "does not say how to probe: write icmp://HOST"),
        ("gopher://a", "gopher is no way to probe: write icmp://HOST"),
        ("icmp://", "names no host"),
        ("icmp://a:7", "has a port, which ICMP knows none of"),
        ("icmp://2001:db8::1", "write an IPv6 address in brackets"),
        ("icmp://[192.0.2.1]", "is no IPv6 address"),
        ("icmp://[]", "is no IPv6 address"),
        ("icmp://1.2.3", '"1.2.3" is no IPv4 address'),
        ("icmp://010.0.0.1", "is no IPv4 address"),
        ("icmp://256.0.0.1", "is no IPv4 address"),
        ("icmp://a b", "is no host name"),
        ("icmp://-a", "is no host name"),
        ("icmp://a..b", "is no host name"),
        ("icmp://bücher.example", "begins with xn--"),
        (f"icmp://{'a' * 64}", "is no host name"),
        ("tcp://a", "lacks a port: write tcp://HOST:PORT"),
        ("tcp://a:0", "is no port: write a number from 1 to 65535"),
        ("tcp://a:65536", "is no port"),
        ("tcp://a:x", "is no port"),
        ("tcp://a:", "is no port"),
        ("tcp://a:1/b", "has a path, which is for http and https alone"),
        ("https://user:secret@a/", "may not name a user"),
        ("https://user@a/", "may not name a user"),
        ("https://a/b#c", "has a fragment"),
        ("https://a/b c", "has a path with spaces"),
        ("https://a/\x1b", "has a path with spaces"),
        ("http://" + "a" * 3000, "longer than 2048"),
        ("", "does not say how to probe"),
    ],
)
def test_what_is_no_target_is_told_what_would_be_one(text: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


@given(
    st.text(max_size=40) | st.from_regex(r"(icmp|tcp|https?)://[a-z0-9.:/?#@\[\]%-]{0,30}", fullmatch=True)
)
def test_whatever_is_read_is_written_and_read_again_as_the_same(text: str) -> None:
    try:
        target = parse_target(text)
    except TargetError:
        return
    assert parse_target(target.text) == target


def test_only_ipv6_addresses_need_brackets() -> None:
    assert [bracketed(each) for each in ("192.0.2.1", "2001:db8::1")] == ["192.0.2.1", "[2001:db8::1]"]
