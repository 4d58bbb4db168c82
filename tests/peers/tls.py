"""Certificates for peers on loopback."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """PEM files: who signed it, the chain to present, its key."""

    cafile: Path
    certfile: Path
    keyfile: Path


def issue(directory: Path) -> Certificate:
    """Write a certificate for this host's loopback names, signed by a new authority of its own."""
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "::1", "localhost")
    certificate = Certificate(
        cafile=directory / "ca.pem", certfile=directory / "cert.pem", keyfile=directory / "key.pem"
    )
    authority.cert_pem.write_to_path(certificate.cafile)
    certificate.certfile.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(certificate.keyfile)
    return certificate
