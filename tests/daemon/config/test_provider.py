"""`[provider]`: who statements are from; and pictures, of which only whole ones are taken."""

import os
from pathlib import Path

import pytest

from daemon.config.letterhead import letterhead_of
from daemon.config.loading import load_provider
from daemon.config.pictures import MAX_PICTURE_BYTES, PictureError, picture_of
from daemon.config.problems import ConfigError
from tests.daemon.config.configured import ACME, CLIENT, RULE, VCENTER, WHOLE, only_problem, read
from tests.daemon.config.pictures import JPEG, PNG, jpeg, png

PROVIDER = """\
[provider]
name = "Nordhost Inc."
address = ["1 Main Street", "Toronto ON"]
logo = "logo.png"
language = "en_CA"
"""


@pytest.fixture
def whole(folder: Path) -> Path:
    (folder / "logo.png").write_bytes(PNG)
    return folder


def test_a_letterhead_is_the_providers_in_the_language_of_the_client(whole: Path) -> None:
    config = read(whole, VCENTER + CLIENT + 'language = "fr_CA"\n' + RULE + PROVIDER)
    letterhead = letterhead_of(config.provider, config.clients[ACME])
    assert (letterhead.name, letterhead.address) == ("Nordhost Inc.", ("1 Main Street", "Toronto ON"))
    assert letterhead.logo is not None
    assert (letterhead.logo.kind, letterhead.logo.content) == ("png", PNG)
    assert letterhead.language == "fr_CA"
    assert letterhead_of(config.provider).language == "en_CA"
    nobody = read(whole, WHOLE).provider
    assert (nobody.name, nobody.logo, nobody.language) == ("", None, "en")


@pytest.mark.parametrize(
    ("table", "key", "text"),
    [
        ("[provider]\nlanguage = 'de'", "provider.language", "'en'"),
        ("[provider]\nlogo = 'nowhere.png'", "provider.logo", "nowhere.png cannot be read"),
        ("[provider]\nlogo = '.'", "provider.logo", "is no file"),
        ("[provider]\nlogo = 'text.png'", "provider.logo", "is no picture: name a PNG or a JPEG file"),
        ("[provider]\naddress = 'one line'", "provider.address", ""),
        ("[provider]\nnmae = 'x'", "provider.nmae", "name"),
        (
            "[client.acme2]\nname = 'x'\ntimezone = 'UTC'\nlanguage = 'fr_FR'",
            "client.acme2.language",
            "'fr_CA'",
        ),
    ],
)
def test_what_is_wrong_is_told(whole: Path, table: str, key: str, text: str) -> None:
    (whole / "text.png").write_text("<svg/>")
    _, found, told = only_problem(whole, f"{WHOLE}{table}\n")
    assert found == key
    assert text in told


def test_a_pipe_is_no_logo_and_is_not_waited_for(whole: Path) -> None:
    os.mkfifo(whole / "pipe.png")
    assert "is no file" in only_problem(whole, WHOLE + "[provider]\nlogo = 'pipe.png'\n")[2]


@pytest.mark.parametrize(("content", "kind"), [(PNG, "png"), (JPEG, "jpeg"), (png(4096, 1), "png")])
def test_a_picture_is_known_by_its_content(content: bytes, kind: str) -> None:
    assert picture_of(content).kind == kind


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no picture"),
        (b"GIF89a\x01\0\x01\0", "is no picture"),
        (PNG.replace(b"IHDR", b"IHDX"), "broken"),
        (PNG[:-1] + b"x", "broken"),
        (png(4097, 1), "4097 x 1 pixels large"),
        (png(0, 1), "0 x 1 pixels large"),
        (jpeg(5000, 5), "5000 x 5 pixels large"),
        (PNG + bytes(MAX_PICTURE_BYTES), "larger than 512 KiB"),
        (b"\xff\xd8\xff\xd9", "broken"),
        (b"\xff\xd8\xff" + b"\xff" * 1000, "broken"),
    ],
)
def test_what_is_no_whole_picture_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(PictureError, match=why):
        picture_of(content)


@pytest.mark.parametrize("content", [PNG, JPEG])
def test_a_picture_that_was_cut_anywhere_is_refused(content: bytes) -> None:
    for length in range(len(content)):
        with pytest.raises(PictureError):
            picture_of(content[:length])


def test_the_provider_is_read_from_a_file_whatever_else_is_in_it(whole: Path) -> None:
    path = whole / "provider.toml"
    path.write_text("[vcenter.east]\naddress = 5\n" + PROVIDER)
    assert load_provider(path).name == "Nordhost Inc."
    path.write_text("[provider]\nname = 5\n")
    with pytest.raises(ConfigError, match=r"provider\.toml:2: provider\.name: "):
        load_provider(path)
    path.write_text("[provider\n")
    with pytest.raises(ConfigError, match=r"provider\.toml:1"):
        load_provider(path)
    path.write_text("provider = 1\n")
    with pytest.raises(ConfigError, match="must be a table"):
        load_provider(path)
