"""The order socket against clients that are not what they should be."""

import os

import msgspec

from stockade_wire import PROTOCOL_VERSION
from stockade_wire.messages import Fault, Heartbeat, Hello, OrderReply, Refused, SubmitOrder
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import FIRST_KEYS, HARDENED, Algorithm, Sidecar


def test_a_malformed_message_ends_the_connection_and_nothing_else(shared: Sidecar) -> None:
    for datagram in (b"\x00", b"\xc1" * 100, b"[1,2,3]", b"\x91" * 9000, b"\x92\xa9Heartbeat\x01", os.urandom(512)):
        algorithm = shared.connect()
        algorithm.send_bytes(datagram)
        assert algorithm.wait_for(Refused).reason == "PROTOCOL"
        algorithm.wait_for_end()
        algorithm.close()
    again = shared.connect()
    assert again.submit("BUY", "0.01", "30000").denied is None
    again.close()


def test_an_algorithm_that_is_not_hardened_is_refused(shared: Sidecar) -> None:
    for missing in ("no_new_privs", "seccomp", "self_test_passed"):
        launcher = msgspec.structs.replace(HARDENED, **{missing: False})
        algorithm = Algorithm(shared.socket_path, launcher=launcher)
        assert missing in algorithm.wait_for(Refused).message
        algorithm.wait_for_end()
        algorithm.close()


def test_orders_before_hello_and_other_protocols_are_refused(shared: Sidecar) -> None:
    before = len(shared.exchange_orders())
    early = Algorithm(shared.socket_path, greet=False)
    early.send(SubmitOrder(1, "BTCUSDT", "BUY", "MARKET", "1"))
    assert "before Hello" in early.wait_for(Refused).message
    early.close()
    older = Algorithm(shared.socket_path, greet=False)
    older.send(Hello(PROTOCOL_VERSION + 1, HARDENED, "Scripted"))
    assert "protocol" in older.wait_for(Refused).message
    older.close()
    assert len(shared.exchange_orders()) == before


def test_a_foreign_uid_is_refused(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start(STOCKADE_ALGORITHM_UID_NUMBER=str(os.getuid() + 1))
    stranger = Algorithm(sidecar.socket_path, greet=False)
    assert stranger.wait_for(Refused).reason == "FOREIGN_UID"
    stranger.wait_for_end()
    stranger.close()


def test_there_is_one_algorithm_at_a_time(shared: Sidecar) -> None:
    first = shared.connect()
    second = Algorithm(shared.socket_path, greet=False)
    assert second.wait_for(Refused).reason == "BUSY"
    second.close()
    assert first.submit("BUY", "0.01", "30000").denied is None
    first.close()


def test_a_flood_does_not_starve_the_gateway(shared: Sidecar) -> None:
    shared.apply_control(limits={"maxOrdersPerMinute": 0})
    algorithm = shared.connect()
    before, before_orders = shared.status()["market"]["messages"], len(shared.exchange_orders())
    for _ in range(50):
        for number in range(40):
            algorithm.send(SubmitOrder(number, "BTCUSDT", "BUY", "LIMIT", "0.01", "30000"))
        for _ in range(40):
            algorithm.listen()
    shared.wait_for_status("market data", lambda status: status["market"]["messages"] > before)
    denied = [event for event in algorithm.events if isinstance(event, OrderReply)]
    assert {event.denied for event in denied} == {"RATE_LIMIT_EXCEEDED"}
    assert len(shared.exchange_orders()) == before_orders
    algorithm.close()


def test_a_fault_is_shown_and_gone_with_the_next_start(shared: Sidecar) -> None:
    algorithm = shared.connect()
    algorithm.send(Fault("ZeroDivisionError", "division by zero", "algorithm.py", 12, "Traceback"))
    status = shared.wait_for_status("the fault", lambda status: status["fault"] is not None)
    assert (status["algorithmState"], status["fault"]["line"]) == ("Faulted", 12)
    algorithm.close()
    again = shared.connect()
    again.send(Heartbeat())
    status = shared.wait_for_status("a running algorithm", lambda status: status["algorithmState"] == "Running")
    assert status["fault"] is None
    again.close()


def test_pages_show_what_they_should_and_no_secret(shared: Sidecar) -> None:
    secret = (shared.folder / "keys" / FIRST_KEYS / "apiSecret").read_text()
    key = (shared.folder / "keys" / FIRST_KEYS / "apiKey").read_text()
    pages = [shared.get(path)[1] for path in ("/status", "/metrics", "/readyz", "/livez")]
    assert "stockade_gateway_connected 1" in pages[1]
    for text in (*pages, shared.output):
        assert secret not in text
        assert key not in text
    assert shared.get("/nothing")[0] == 404
