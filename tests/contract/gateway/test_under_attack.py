"""What the gateway does not do whatever its algorithm does: wait, lock, follow, receive descriptors, or grow."""

import array
import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade_gateway.log_limits import LINES_PER_MINUTE
from stockade_wire.messages import CancelOrder, Fault, OrderReply, Request, Welcome, encode_request
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import DEADLINE_SECONDS, Algorithm, Sidecar

GIFTS, CONNECTIONS, FAULTS = 50, 400, 1000


def descriptors(sidecar: Sidecar) -> list[str]:
    """What the gateway has open."""
    links = []
    for path in Path(f"/proc/{sidecar.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(str(path.readlink()))
    return sorted(links)


def resident_kib(sidecar: Sidecar) -> int:
    lines = Path(f"/proc/{sidecar.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def send_patiently(algorithm: Algorithm, message: Request) -> None:
    """Send, however long the gateway takes to read."""
    ends = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            algorithm.send(message)
        except TimeoutError:
            assert time.monotonic() < ends, "the gateway reads nothing"
        else:
            return


@pytest.fixture
def algorithm(shared: Sidecar) -> Iterator[Algorithm]:
    """An algorithm that the gateway has welcomed; gone with the test, whatever became of it."""
    connected = shared.connect()
    yield connected
    connected.close()


def test_descriptors_that_come_with_a_message_are_not_taken(shared: Sidecar, algorithm: Algorithm) -> None:
    before = descriptors(shared)
    with Path("/dev/zero").open("rb") as gift:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [gift.fileno()] * 50))]
        for number in range(1000, 1000 + GIFTS):
            algorithm._socket.sendmsg([encode_request(CancelOrder(number, "sk-none"))], rights)
        algorithm.wait_for(OrderReply, lambda reply: reply.request_id == 1000 + GIFTS - 1)
    opened = descriptors(shared)
    assert "/dev/zero" not in opened
    assert len(opened) <= len(before) + 3
    assert algorithm.submit("BUY", "0.01", "30000").denied is None


def test_a_lock_on_the_ring_stops_nothing(shared: Sidecar, algorithm: Algorithm) -> None:
    ring = os.open(algorithm.wait_for(Welcome).ring_path, os.O_RDWR)
    fcntl.flock(ring, fcntl.LOCK_EX)
    fcntl.lockf(ring, fcntl.LOCK_EX)
    before = shared.status()["market"]["messages"]
    shared.wait_for_status("market data", lambda status: status["market"]["messages"] > before + 5)
    assert algorithm.submit("BUY", "0.01", "30000").denied is None
    os.close(ring)


def test_links_where_the_gateway_makes_its_files_lead_nowhere(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar()
    victim, run = sidecar.folder / "victim", sidecar.folder / "run"
    victim.write_text("untouched")
    victim.chmod(0o600)
    run.mkdir(exist_ok=True)
    for name in ("market.ring", "orders.sock"):
        (run / name).symlink_to(victim)
    sidecar.start()
    sidecar.connect().close()
    assert victim.read_text() == "untouched"
    assert victim.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in run.iterdir() if path.is_symlink()] == []


def test_a_flood_of_connections_is_refused_and_logged_in_few_lines(shared: Sidecar, algorithm: Algorithm) -> None:
    opened, lines = len(descriptors(shared)), len(shared.output.splitlines())
    refused = 0
    for _ in range(CONNECTIONS):
        stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stranger.settimeout(DEADLINE_SECONDS)
        stranger.connect(str(shared.socket_path))
        refused += b"BUSY" in stranger.recv(4096)
        stranger.close()
    assert refused == CONNECTIONS
    assert algorithm.submit("BUY", "0.01", "30000").denied is None
    assert len(descriptors(shared)) <= opened + 3
    assert len(shared.output.splitlines()) <= lines + 3 * LINES_PER_MINUTE


def test_a_flood_of_last_words_is_logged_in_few_lines(shared: Sidecar, algorithm: Algorithm) -> None:
    lines = len(shared.output.splitlines())
    for _ in range(FAULTS):
        send_patiently(algorithm, Fault("Error", "x" * 1000, "algorithm.py", 1, ""))
    assert algorithm.submit("BUY", "0.01", "30000").denied is None
    assert len(shared.output.splitlines()) <= lines + 3 * LINES_PER_MINUTE
    # Its next start is without a fault, which would outlast this test.
    algorithm.close()
    shared.connect().close()


def test_an_algorithm_that_reads_no_answer_is_dropped_and_costs_no_memory(
    shared: Sidecar, algorithm: Algorithm
) -> None:
    before = resident_kib(shared)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012 - how many it takes is the gateway's
        for number in range(100_000):
            send_patiently(algorithm, CancelOrder(number, "sk-none"))
    shared.wait_until_alone()
    assert resident_kib(shared) < before + 32 * 1024
