"""The demo's configuration, and the files that it names."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CONFIG: Final = """\
# The demo's configuration, written by `slad demo`.
observer = "demo"

[ledger]
path = "ledger.db"

[web]
listen = ["127.0.0.1:{port}"]

[control]
socket = "control.sock"

[watch]
tick = "2s"
grace = "1m"

[vcenter.simulated]
address = "{vcenter}"
scheme = "http"
user = "slad"
password_file = "password"
poll = "2s"

[provider]
name = "Nordhost Inc."
address = ["1 Main Street", "Toronto ON  M5V 2T6"]
logo = "logo.png"
language = "en_CA"

[client.acme]
name = "ACME Ltd."
timezone = "America/Toronto"
tech_admins = ["ann@acme.example", "art@acme.example"]
users = ['CUSTOMER\\*']

[client.borealis]
name = "Borealis Inc."
language = "fr_CA"
timezone = "America/St_Johns"
tech_admins = ["bea@borealis.example"]
users = ['BOREALIS\\*']

[people]
employees = ['PROVIDER\\*']

[[rule]]
name = "vCLS-*"
ignore = true

[[rule]]
name = "acme-web-*"
client = "acme"
solution = "shop"

[[rule]]
name = "acme-app-*"
client = "acme"
solution = "shop"

[[rule]]
name = "borealis-web-*"
client = "borealis"
solution = "portal"

[[rule]]
folder = "/DC1/vm/acme/**"
client = "acme"

[[rule]]
folder = "/DC1/vm/borealis/**"
client = "borealis"

# What stands for the gateway, and for two targets beyond the uplink, listens on this machine.
[vantage]
targets = ["tcp://localhost:{gateway}"]
interval = "2s"
timeout = "1s"
confirm = 2

[uplink.transit]
targets = ["tcp://127.0.0.1:{beyond[0]}", "tcp://127.0.0.1:{beyond[1]}"]
quorum = 1
interval = "2s"
timeout = "1s"

[[internet]]
uplink = "transit"
"""


def written(folder: Path, *, port: int, vcenter: str, gateway: int, beyond: Sequence[int]) -> Path:
    """The configuration in a folder, which is made. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    password = folder / "password"
    password.write_text("demo\n", encoding="utf-8")
    password.chmod(0o600)
    (folder / "logo.png").write_bytes(_logo())
    config = folder / "slad.toml"
    text = _CONFIG.format(port=port, vcenter=vcenter, gateway=gateway, beyond=beyond)
    config.write_text(text, encoding="utf-8")
    return config


def _logo() -> bytes:
    """The provider's: a white star of four points on blue, as PNG."""
    half = _LOGO_PIXELS // 2
    rows = bytearray()
    for y in range(-half, half):
        rows.append(0)  # no filter
        rows += bytes(
            0 if abs(x) ** 0.5 + abs(y) ** 0.5 > (0.8 * half) ** 0.5 else 1 for x in range(-half, half)
        )
    header = struct.pack(">IIBBBBB", _LOGO_PIXELS, _LOGO_PIXELS, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", _BLUE + _WHITE), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


_LOGO_PIXELS: Final = 96
_BLUE: Final = bytes((0x1B, 0x4F, 0x8A))
_WHITE: Final = bytes((0xFF, 0xFF, 0xFF))
