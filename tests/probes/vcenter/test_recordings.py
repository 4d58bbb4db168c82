"""What a vCenter answers to the watch, recorded without saying of whom, and played back to another watch."""

import gzip
import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from probes.vcenter.recording import LONGEST_ANSWER_BYTES, RecordingFile, VcenterRecording
from probes.vcenter.transport import Endpoint, Exchange, Wire, tls_context
from sla.instants import Instant
from sla.records import Leg, State
from tests.peers.recorded import ReplayedVCenter, load
from tests.probes.vcenter.harness import QUICK, Watched, watching
from tests.probes.vcenter.peers import PASSWORD, USER, Peer, Simulated

ODD = "Ünïcode \u202e & <name> {userdata} %2f"


def happenings(peer: Peer) -> Iterator[Callable[[], object]]:
    """What happens while it is recorded."""
    yield lambda: peer.power_off(peer.server)
    yield lambda: peer.set_address(peer.neighbour, "10.20.30.40")
    yield lambda: peer.mount(peer.host, peer.datastore, accessible=False)
    yield lambda: peer.lose_host(peer.elsewhere)
    yield lambda: peer.power_on(peer.server)
    if isinstance(peer, Simulated):
        world = peer.world
        yield lambda: peer.do(lambda: world.machines.set_custom_value(peer.server, field=1, value="No 4711"))
        yield lambda: peer.do(lambda: world.post_event("VmReconfiguredEvent", vm=peer.server, user=ODD))


def watch_for_a_while(
    endpoint: Endpoint, during: Callable[[Watched], object], now: Callable[[], Instant]
) -> Watched:
    with watching(endpoint, now=now, attributes=True, networks=True, addresses=True) as watched:
        watched.report()
        during(watched)
    return watched


def gist(watched: Watched) -> tuple[object, ...]:
    """What a watch said, but of whom."""
    servers = {each.server for each in watched.sightings}
    states = Counter(
        (leg, tuple(watched.states(server, leg))) for server in servers for leg in (Leg.RUNNING, Leg.SAN)
    )
    newest = watched.reports[-1].objects
    return states, Counter(event.type for event in watched.events), newest, len(watched.failures)


@pytest.fixture
def recording(peer: Peer, tmp_path: Path) -> tuple[Path, Watched]:
    """A recording of some looks, and what the watch said meanwhile."""
    recorder = VcenterRecording("1.0", peer.clock())
    endpoint = replace(peer.endpoint, overheard=recorder.take)

    def during(watched: Watched) -> None:
        for happening in happenings(peer):
            happening()
            watched.looks(2)

    watched = watch_for_a_while(endpoint, during, peer.clock)
    file = tmp_path / "vcenter.jsonl.gz"
    with RecordingFile(file) as made:
        made.write(recorder)
    return file, watched


def names_somebody(file: Path, watched: Watched) -> set[str]:
    """The names, users and addresses that stand in a recording all the same."""
    said = b"\n".join(answer.body for _, answer in load(file)).decode(errors="replace").lower()
    names = {USER, PASSWORD, "4711", "10.20.30.40", "userdata", "nïcode"}
    for each in watched.sightings:
        facts = (each.name, each.host, each.server, *str(each.folder).split("/"))
        names.update(fact for fact in facts if isinstance(fact, str))
        names.update((*each.datastores, *each.networks, *each.attributes, *each.attributes.values()))
    assert len(names) > 20
    return {name for name in names - {"", "vm"} if name.lower() in said}


def test_a_recording_names_nobody_and_says_what_was_said(recording: tuple[Path, Watched]) -> None:
    file, recorded = recording
    assert names_somebody(file, recorded) == set()
    with ReplayedVCenter(file) as replay:
        tls = tls_context(ca_file=str(replay.cafile), pinned=False)
        endpoint = Endpoint(host=replay.host, port=replay.port, tls=tls, deadlines=QUICK)
        looks = len(recorded.reports)
        replayed = watch_for_a_while(
            endpoint, lambda watched: watched.until(lambda: len(watched.reports) >= looks), now=replay.now
        )
    assert gist(replayed) == gist(recorded)
    assert State.DOWN in {each.state for each in recorded.observations}


def test_a_recording_becomes_only_so_long_and_says_what_it_lacks(tmp_path: Path) -> None:
    recorder = VcenterRecording("1.0", Instant(0), most_bytes=1)
    exchange = Exchange(question=b"<Body><CurrentTime>", status=200, answer=b"<a>x</a>" * 9_999, took_s=0.1)
    for _ in range(3):
        recorder.take(exchange)
    file = tmp_path / "short.jsonl.gz"
    with RecordingFile(file) as made:
        made.write(recorder)
    contents = recorder.contents()
    assert contents.left_out + sum(contents.answers.values()) == 3
    assert contents.left_out > 0
    assert len(load(file)) == sum(contents.answers.values())
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        RecordingFile(file)


def test_no_answer_makes_it_longer_than_it_may_become() -> None:
    recorder = VcenterRecording("1.0", Instant(0), most_bytes=5_000)
    random = Random(1)
    for _ in range(60):
        text = " ".join(f"{random.getrandbits(64):x}" for _ in range(100))
        answer = f"<a><b>{text}</b></a>".encode()
        recorder.take(Exchange(question=b"<Body><CurrentTime>", status=200, answer=answer * 9, took_s=0.1))
    small = Exchange(question=b"<Body><CurrentTime>", status=200, answer=b"<a/>", took_s=0.1)
    recorder.take(small)
    assert recorder.contents().left_out > 0
    assert 4_000 < len(recorder.compressed()) <= 5_000
    recorder.take(small)
    assert recorder.contents().answers["CurrentTime"] + recorder.contents().left_out == 61


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_answer_that_is_too_long_is_left_out(pack: Callable[[bytes], bytes]) -> None:
    recorder = VcenterRecording("1.0", Instant(0))
    answer = pack(b"<a>" + b"\xe9" * LONGEST_ANSWER_BYTES)
    recorder.take(Exchange(question=b"<Body><CurrentTime>", status=200, answer=answer, took_s=0.1))
    assert (recorder.contents().left_out, recorder.contents().answers) == (1, {})


def test_a_file_without_a_recording_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl.gz"
    with RecordingFile(file):
        assert file.stat().st_mode & 0o077 == 0
    assert not file.exists()


def test_what_does_not_begin_to_answer_or_is_cut_by_us_is_no_answer() -> None:
    told: list[Exchange] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = Endpoint(host="127.0.0.1", port=server.getsockname()[1], tls=None, overheard=told.append)
        for said in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a"):
            wire = Wire(endpoint)
            connection = wire.connect(time.monotonic() + 9)
            other, _ = server.accept()
            connection.request("GET", "/")
            other.sendall(said)
            stopping = threading.Timer(0.2, wire.stop)
            stopping.start()
            with pytest.raises((http.client.HTTPException, OSError)):
                connection.getresponse().read()
            stopping.join()
            connection.close()
            other.close()
    assert told == []
