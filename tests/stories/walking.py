"""Walk-throughs of a README, word for word, on free ports."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands(text: str) -> str:
    """What a reader copies: the blocks of `sh`, one after the other."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


class Walk:
    """A checkout that has what walk-throughs need; `ports` of the texts are free ones in it."""

    def __init__(self, folder: Path, ports: Sequence[str], *places: str) -> None:
        """`places`: folders below `deploy` whose files name ports."""
        self.folder = folder
        self._ports = dict(zip(ports, _free_ports(len(ports)), strict=True))
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        (folder / ".venv").symlink_to(sys.prefix)
        for place in places:
            for file in (folder / "deploy" / place).iterdir():
                file.write_text(self.on_free_ports(file.read_text()))

    def on_free_ports(self, text: str) -> str:
        """The same text with the ports that are free."""
        return re.sub(
            "|".join(rf"\b{port}\b" for port in self._ports), lambda found: self._ports[found[0]], text
        )

    def take(self, script: str, *, within_s: float) -> tuple[int, str]:
        """How the commands end, the first that fails being the last; and what they say."""
        walk = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", self.on_free_ports(script)],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            said, _ = walk.communicate(timeout=within_s)
        finally:
            if walk.poll() is None:
                os.killpg(walk.pid, signal.SIGKILL)
        return walk.returncode, said


def last_words(logs: Mapping[str, Path]) -> str:
    """The ends of logs, for whoever looks at what failed."""
    return "".join(f"--- {name}\n{path.read_text()[-1000:]}" for name, path in logs.items())


def _free_ports(count: int) -> list[str]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
