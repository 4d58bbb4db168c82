"""Certificates with their keys, from files."""

import ssl
from pathlib import Path


def load_pair(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    """Have a context show a certificate. Raises OSError, ValueError; for an encrypted key OpenSSL would ask on the terminal."""
    context.load_cert_chain(cert_file, key_file, password=_no_passphrase)


def check_pair(cert_file: Path, key_file: Path) -> None:
    """Raises ValueError where the key is not that of the certificate, or cannot be used."""
    try:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert_file, key_file)
    except ssl.SSLError:
        raise ValueError(f"{key_file} holds no key to the certificate in {cert_file}") from None


def _no_passphrase() -> str:
    raise ValueError("the key is encrypted, and there is no way to give its passphrase")
