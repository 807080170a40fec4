"""Two examples in a real process: the demonstration's, and the one that other tests read."""

import hashlib
import json

from stockade_wire.messages import SubmitOrder, Subscribe
from tests.contract.runner.conftest import StartAlgorithm
from tests.support.gateway_double import GatewayDouble
from tests.support.scripted_broker import EXAMPLES
from tests.support.waiting import wait_until


def test_momentum_trades_on_a_rising_price(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(
        (EXAMPLES / "momentum.py").read_text(),
        parameters={"decide_seconds": 0.1, "lookback_seconds": 3600, "quantity": "0.001"},
    )
    gateway.serve()
    gateway.receive_subscription("BTCUSDT", "trade")
    gateway.publish_trade("BTCUSDT", 1, "60000", "1")
    gateway.publish_trade("BTCUSDT", 2, "60001", "1")
    order = gateway.receive(SubmitOrder)
    assert (order.symbol, order.side, order.type, order.quantity) == ("BTCUSDT", "BUY", "MARKET", "0.001")
    algorithm.wait_for_log("BTCUSDT rose from 60000.00000000 to 60001.00000000: buying 0.001")


def test_recorder_writes_down_all_it_sees(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm((EXAMPLES / "recorder.py").read_text(), parameters={"records_per_line": 10})
    gateway.serve()
    for _ in range(4):
        gateway.receive(Subscribe)
    expected = hashlib.sha256()
    for number in range(1, 26):
        gateway.publish_trade("BTCUSDT", number, f"{60000 + number}.5", "0.25")
        expected.update(f"{number},{60000 + number}.50000000,0.25000000\n".encode())
    gateway.publish_quote("ETHUSDT", 7, "2999", "3001")
    quote = hashlib.sha256(b"7,2999.00000000,1.00000000,3001.00000000,1.00000000\n").hexdigest()

    def read_last_summary() -> dict[str, object]:
        lines = [line for line in algorithm.log().splitlines() if line.startswith('{"summary"')]
        return dict(json.loads(lines[-1])["summary"]) if lines else {}

    summary = wait_until(
        read_last_summary, "a summary of all", holds=lambda seen: seen.get("ETHUSDT quotes", [0]) == [1, quote]
    )
    assert summary["missed"] == 0
    assert summary["BTCUSDT trades"] == [25, expected.hexdigest()]
    lines = [
        json.loads(line) for line in algorithm.log().splitlines() if line.startswith('{"symbol":"BTCUSDT","trades"')
    ]
    recorded = [number for line in lines for number, _, _ in line["trades"]]
    assert recorded == list(range(1, 26))
    assert [len(line["trades"]) for line in lines[:2]] == [10, 10]
