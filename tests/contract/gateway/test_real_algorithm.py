"""The whole pod without a cluster: the real launcher and runner, the real sidecar, the real paper exchange."""

from pathlib import Path

from tests.support.algorithm_process import AlgorithmProcess, build_image
from tests.support.sidecar_process import Sidecar

SOURCE = """
from decimal import Decimal

from stockade_sdk import Order, QuoteTick, Strategy


class Once(Strategy):
    bought = False

    def on_start(self) -> None:
        self.subscribe_quotes("BTCUSDT")

    def on_quote_tick(self, tick: QuoteTick) -> None:
        if not self.bought:
            self.bought = True
            self.buy("BTCUSDT", "0.002")

    def on_order_filled(self, order: Order) -> None:
        if order.side == "BUY":
            self.buy("BTCUSDT", "0.001", price="30000")

    def on_order_accepted(self, order: Order) -> None:
        if order.price is not None:
            print("resting", order.client_order_id, flush=True)
"""


def test_a_strategy_trades_behind_its_launcher(sidecar: Sidecar, tmp_path: Path) -> None:
    sidecar.apply_control(onStop="Flatten")
    interpreter = build_image(tmp_path / "image")
    algorithm = AlgorithmProcess(interpreter, tmp_path, SOURCE, socket_path=sidecar.socket_path)
    try:
        status = sidecar.wait_for_status("a position", lambda status: set(status["positions"]) == {"BTCUSDT"})
        algorithm.wait_for_log("resting")
        assert status["algorithmState"] == "Running", algorithm.log()
        sidecar.wait_for_same_books()
        algorithm.terminate()
        assert algorithm.wait() == 0, algorithm.log()
    finally:
        algorithm.close()
    assert sidecar.stop()["result"] == "Done"
    assert sidecar.exchange_open_orders() == set()
