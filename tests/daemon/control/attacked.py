"""A real daemon with all doors on TCP, for schemathesis to attack."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.harness import Daemon, simulated, write_config
from tests.peers.tls import issue
from tests.waiting import wait_until

TOKEN = "slad_schemathesis"


@dataclass(frozen=True)
class Attacked:
    """Where its doors are, and who vouches for the control door."""

    public: str
    control: str
    cafile: str


@contextmanager
def attacked(folder: Path) -> Iterator[Attacked]:
    """The daemon; at its end nothing in its log may be a fault of slad's own."""
    certificate = issue(folder)
    control = (
        '[control]\nsocket = "control.sock"\nlisten = ["127.0.0.1:0"]\ncert_file = "cert.pem"\nkey_file = "key.pem"\n'
        f'[[control.token]]\nname = "t"\nrole = "record"\nsha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"'
    )
    with simulated() as vcenter:
        daemon = Daemon(write_config(folder, vcenter, control=control))
        daemon.start()
        assert daemon.process is not None
        assert daemon.process.stderr is not None
        reading = threading.Thread(target=daemon.log.extend, args=(daemon.process.stderr,), name="log")
        reading.start()
        try:
            daemon.wait(lambda samples: samples[("slad_ready", frozenset())] == 1, "the daemon")
            opened = next(json.loads(line) for line in daemon.log if "tcp_control_door_opened" in line)
            yield Attacked(
                public=f"http://127.0.0.1:{daemon.port}",
                control=f"https://127.0.0.1:{opened['listening'][0][1]}",
                cafile=str(certificate.cafile),
            )
        finally:
            daemon.process.terminate()
            wait_until(lambda: daemon.process is not None and daemon.process.poll() is not None, "its end")
            reading.join()
            daemon.process.stderr.close()
    faults = [line for line in daemon.log if '"level": "error"' in line or "Traceback" in line]
    assert faults == []
    assert daemon.process.returncode == 0
