"""Files of certificates and keys in forms that OpenSSL does not read, or of which it passes over the first."""

import codecs
import ssl
from pathlib import Path

import pytest

from daemon.config.certificates import check_pair, load_pair
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from tests.peers.tls import issue

FORMS = {
    "a byte order mark": (lambda pem: codecs.BOM_UTF8 + pem, "begins with a byte order mark: save it"),
    "UTF-16": (lambda pem: pem.decode().encode("utf-16"), "is in UTF-16: save it"),
    "UTF-16 without a mark": (lambda pem: pem.decode().encode("utf-16-be"), "is in UTF-16: save it"),
    "DER": (lambda _: b"\x30\x82\x01\x0a", "is in DER form: `openssl"),
}


@pytest.mark.parametrize(("written", "said"), FORMS.values(), ids=FORMS)
def test_a_file_of_another_form_is_refused_and_told_what_to_do(tmp_path: Path, written, said: str) -> None:  # type: ignore[no-untyped-def]
    made = issue(tmp_path)
    check_pair(made.certfile, made.keyfile)
    for file in (made.certfile, made.keyfile):
        pem = file.read_bytes()
        file.write_bytes(written(pem))
        with pytest.raises(ValueError, match=f"{file} {said}"):
            check_pair(made.certfile, made.keyfile)
        with pytest.raises(ValueError, match=said):
            load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), made.certfile, made.keyfile)
        file.write_bytes(pem)
    made.cafile.write_bytes(written(made.cafile.read_bytes()))
    (tmp_path / "slad.toml").write_text('[probes]\nca_file = "ca.pem"\n')
    with pytest.raises(ConfigError, match=f"probes.ca_file: {made.cafile} {said}"):
        load(tmp_path / "slad.toml", {})


def test_ends_of_lines_and_words_around_a_certificate_do_not_matter(tmp_path: Path) -> None:
    made = issue(tmp_path)
    for file in (made.certfile, made.keyfile):
        file.write_bytes(b"Bag Attributes\r\n" + file.read_bytes().replace(b"\n", b"\r\n"))
    check_pair(made.certfile, made.keyfile)
