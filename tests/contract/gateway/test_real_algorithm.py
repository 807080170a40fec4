"""The whole pod without a cluster: the real launcher and runner, the real sidecar, the real paper exchange."""

from pathlib import Path

import pytest

from stockade_gateway import reconcile
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.algorithm_process import AlgorithmProcess, build_image
from tests.support.sidecar_process import PaperExchange, Sidecar
from tests.support.waiting import wait_until

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

MAKER = """
from stockade_sdk import Order, QuoteTick, Strategy


class Maker(Strategy):
    resting = False

    def on_start(self) -> None:
        self.subscribe_quotes("BTCUSDT")

    def on_quote_tick(self, tick: QuoteTick) -> None:
        if not self.resting:
            self.resting = True
            self.submit_order("BTCUSDT", "BUY", "0.002", type="LIMIT_MAKER", price=tick.bid_price)

    def on_order_rejected(self, order: Order) -> None:
        # The market fell faster than the order flew: another try at the next tick.
        print("rejected", order.reason, flush=True)
        self.resting = False

    def on_order_denied(self, order: Order) -> None:
        # The machine was too slow for a price that is fresh enough, or the connection is just being replaced.
        print("denied", order.reason, flush=True)
        self.resting = False

    def on_order_filled(self, order: Order) -> None:
        print("filled", order.client_order_id, order.filled_quantity, flush=True)
"""


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the algorithm's image in miniature."""
    return build_image(tmp_path_factory.mktemp("image") / "image")


def count_subscriptions(sidecar: Sidecar) -> int:
    """Return how often it has subscribed to its user events."""
    entries = (entry for entry in sidecar.paper.read_audit() if entry["kind"] == "request")
    names = [entry["name"] for entry in entries if entry["account"] == sidecar.account]
    return names.count("userDataStream.subscribe.signature")


def test_a_strategy_trades_behind_its_launcher(sidecar: Sidecar, interpreter: Path, tmp_path: Path) -> None:
    sidecar.apply_control(onStop="Flatten")
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


def test_a_user_stream_that_is_silent_on_a_living_socket_is_found_out_and_replaced(
    make_sidecar: MakeSidecar, paper: PaperExchange, interpreter: Path, tmp_path: Path
) -> None:
    assert 10 < reconcile._QUIET_SECONDS < 60, "what is asked in vain costs weight, and what is missed money"
    sidecar = make_sidecar().start(module="tests.support.impatient_sidecar")
    paper.arm("mute-new-user-streams")
    paper.disconnect("websocket-api")
    wait_until(lambda: count_subscriptions(sidecar), "the silent subscription", holds=lambda count: count == 2)
    sidecar.wait_until_ready()
    paper.choose_regime("crash")
    algorithm = AlgorithmProcess(interpreter, tmp_path, MAKER, socket_path=sidecar.socket_path)
    try:
        # Its answers come on the socket, its pongs too; only that the order filled is told by nobody.
        sidecar.wait_for_status("the fill to be found out", lambda status: status["orders"]["filled"] > 0)
        algorithm.wait_for_log("filled")
        wait_until(lambda: count_subscriptions(sidecar), "another subscription", holds=lambda count: count > 2)
        assert "user events were missed" in sidecar.output
        sidecar.wait_until_ready()
        sidecar.wait_for_same_books()
    finally:
        paper.choose_regime("usual")
        algorithm.close()
