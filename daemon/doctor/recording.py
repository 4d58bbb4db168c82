"""What a vCenter answers to the watch for a while, recorded: as the daemon would watch it, and no more."""

import queue
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.watching.sources import settings_of
from probes.report import Report, Resume, SourceFailure
from probes.vcenter.faults import CredentialsError, LoginRefusedError
from probes.vcenter.recording import VcenterRecording
from probes.vcenter.watch import VcenterWatch
from sla.instants import SECOND

STEP_US: Final = SECOND
STOP_S: Final = 10.0
_HOPELESS: Final = frozenset({CredentialsError.reason, LoginRefusedError.reason})
"""Why nothing more will be answered: no password can be sent, or it was refused."""


@dataclass(slots=True)
class Heard:
    """What the watch made of the answers by now."""

    looks: int = 0
    events: int = 0
    servers: int = 0
    failures: int = 0
    last_failure: str = ""

    def take(self, said: Report | SourceFailure) -> None:
        """Take what the watch says."""
        if isinstance(said, Report):
            self.looks += 1
            self.events += len(said.events)
            self.servers = said.objects.get("virtual_machine", self.servers)
        else:
            self.failures += 1
            self.last_failure = said.message


def record(
    config: Config,
    name: str,
    clock: Clock,
    span_us: int,
    told: Callable[[VcenterRecording, Heard], None] = lambda _recording, _heard: None,
) -> tuple[VcenterRecording, Heard]:
    """Watch a vCenter for so long and record what it answers; `told` by now, each second.

    It ends sooner on a KeyboardInterrupt, and when there is no password that could be sent, or the login was refused: an
    account is locked after a few. Raises CertificateError where the CA file cannot be used.
    """
    recording, heard = VcenterRecording(version("slad"), clock.now()), Heard()
    settings = settings_of(config, name)
    settings = replace(settings, endpoint=replace(settings.endpoint, overheard=recording.take))
    said: queue.SimpleQueue[Report | SourceFailure] = queue.SimpleQueue()
    watch = VcenterWatch(settings, Resume(), clock.now, said.put)
    watch.start()
    until_us = clock.monotonic_us() + span_us
    try:
        while (left_us := until_us - clock.monotonic_us()) > 0 and watch.failure is None:
            try:
                item = said.get(timeout=min(left_us, STEP_US) / SECOND)
            except queue.Empty:
                told(recording, heard)
                continue
            heard.take(item)
            told(recording, heard)
            if isinstance(item, SourceFailure) and item.reason in _HOPELESS:
                break
    except KeyboardInterrupt:
        pass  # what there is by now is a recording too
    finally:
        watch.stop()
        watch.join(STOP_S)
        recording.close()
    return recording, heard
