"""Certificates with their keys, from files."""

import codecs
import ssl
from pathlib import Path
from typing import Final

_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DER: Final = b"\x30"
"""What a certificate or a key in DER begins with."""


def load_pair(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    """Have a context show a certificate. Raises OSError, ValueError; for an encrypted key OpenSSL would ask on the terminal."""
    check_pem(cert_file)
    if key_file is not None:
        check_pem(key_file)
    context.load_cert_chain(cert_file, key_file, password=_no_passphrase)


def check_pem(path: Path) -> None:
    """Raises ValueError for a file of a form in which OpenSSL finds nothing, or not the first of what it holds; OSError.

    Behind a byte order mark the first line is none that OpenSSL knows, so that it passes over the first certificate.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):
        raise ValueError(f"{path} begins with a byte order mark: save it as UTF-8 without one, or as ASCII")
    if start.startswith(_WIDE_MARKS) or b"\0" in start:
        raise ValueError(f"{path} is in UTF-16: save it as UTF-8 without a byte order mark, or as ASCII")
    if start.startswith(_DER) and not start.isascii():
        raise ValueError(
            f"{path} is in DER form: `openssl x509` or `openssl pkey`, with -inform DER, makes it PEM"
        )


def check_pair(cert_file: Path, key_file: Path) -> None:
    """Raises ValueError where the key is not that of the certificate, or cannot be used."""
    try:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert_file, key_file)
    except ssl.SSLError:
        raise ValueError(f"{key_file} holds no key to the certificate in {cert_file}") from None


def _no_passphrase() -> str:
    raise ValueError("the key is encrypted, and there is no way to give its passphrase")
