"""A strategy's life between start and stop: what it sees, what it asks for, in which order."""

import msgspec

from stockade_wire.messages import (
    AmendOrder,
    AmendRejected,
    Bye,
    CancelAllOrders,
    CancelOrder,
    Connection,
    LoadState,
    OrderEvent,
    OrderLeg,
    OrderListReply,
    OrderReply,
    PositionChanged,
    ReplaceOrder,
    SavedState,
    SaveState,
    SubmitOrder,
    SubmitOrderList,
    TradingChanged,
)
from tests.contract.runner.conftest import StartAlgorithm
from tests.support.gateway_double import GatewayDouble

RECORDING = """
from stockade_sdk import Strategy

class Recording(Strategy):
    def on_start(self):
        print("start", self.symbols, self.trading, self.position("BTCUSDT").quantity)
        for symbol in self.symbols:
            self.subscribe_quotes(symbol)
        self.subscribe_trades("BTCUSDT")
        self.subscribe_bars("BTCUSDT")
        self.subscribe_order_book("BTCUSDT")
        self.set_timer("tick", 0.01)
        self.ticks = 0
    def on_quote_tick(self, tick):
        print("quote", tick.symbol, tick.update_id, tick.bid_price, tick.ask_price)
    def on_trade_tick(self, tick):
        print("trade", tick.trade_id, tick.price, tick.quantity, self.last_trade("BTCUSDT").trade_id)
    def on_bar(self, bar):
        print("bar", bar.open_time_ns, bar.close, bar.interval_seconds)
    def on_order_book(self, book):
        print("book", book.bids[0].price, book.asks[0].price)
    def on_timer(self, name):
        self.ticks += 1
        if self.ticks == 3:
            print("timer", name)
            self.cancel_timer(name)
    def on_stop(self):
        print("stop")
"""


def test_market_data_timers_and_stop(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(RECORDING)
    hello = gateway.serve()
    assert hello.strategy == "Recording"
    assert (hello.launcher.no_new_privs, hello.launcher.seccomp, hello.launcher.self_test_passed) == (True, True, True)
    for symbol, kind in (
        ("BTCUSDT", "quote"),
        ("ETHUSDT", "quote"),
        ("BTCUSDT", "trade"),
        ("BTCUSDT", "bar"),
        ("BTCUSDT", "book"),
    ):
        gateway.receive_subscription(symbol, kind)
    gateway.publish_quote("ETHUSDT", 7, "1800.10", "1800.2")
    gateway.publish_trade("ETHUSDT", 1, "1800.15", "1")
    gateway.publish_trade("BTCUSDT", 2, "27000.01", "0.5")
    gateway.publish_bar("BTCUSDT", "27000", closed=False)
    gateway.publish_bar("BTCUSDT", "27001", closed=True, minute=3)
    gateway.publish_book("BTCUSDT", 9, "26999", "27001")
    algorithm.wait_for_log("book ")
    algorithm.wait_for_log("timer tick")
    algorithm.terminate()
    assert isinstance(gateway.receive_any(), Bye)
    assert algorithm.wait() == 0
    said = [line for line in algorithm.log().splitlines() if "Z INFO" not in line and not line.startswith("timer")]
    assert said == [
        "start ('BTCUSDT', 'ETHUSDT') Active 0",
        "quote ETHUSDT 7 1800.10000000 1800.20000000",
        "trade 2 27000.01000000 0.50000000 2",
        "bar 180000000000 27001.00000000 60",
        "book 26999.00000000 27001.00000000",
        "stop",
    ]
    assert algorithm.termination_log.read_text() == ""


ORDERING = """
from decimal import Decimal
from stockade_sdk import Strategy

class Ordering(Strategy):
    def on_start(self):
        instrument = self.instrument("BTCUSDT")
        quantity = instrument.round_quantity(Decimal("0.0012345"))
        order = self.buy("BTCUSDT", quantity, instrument.round_price(Decimal("27000.014")))
        print("asked", order.client_order_id, order.state, order.quantity, order.price, len(self.open_orders()))
        order = self.sell("BTCUSDT", "1")
        print("asked", order.state, order.reason, len(self.open_orders()))
    def on_order_denied(self, order):
        print("denied", order.type, order.reason)
    def on_order_accepted(self, order):
        print("accepted", order.client_order_id, self.cancel_order(order), self.cancel_order("sk-gone"))
    def on_order_partially_filled(self, order):
        print("part", order.remaining_quantity, order.average_price)
        self.cancel_all_orders()
    def on_position_changed(self, position):
        print("position", position.quantity, position.average_price, self.position("BTCUSDT") == position)
        self.close_position("BTCUSDT")
    def on_order_canceled(self, order):
        print("canceled", order.client_order_id, self.open_orders("BTCUSDT"))
    def on_trading_changed(self, trading):
        print("trading", trading, self.trading)
"""


def test_orders_and_what_becomes_of_them(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(ORDERING)
    gateway.serve()
    order = gateway.accept_order("sk-1")
    assert (order.type, order.side, order.time_in_force) == ("LIMIT", "BUY", "GTC")
    assert (order.quantity, order.price) == ("0.00123", "27000.01")
    # What comes while a verb waits for its reply must not be lost, nor called within the callback.
    gateway.send_state(order, "sk-1", "ACCEPTED")
    second = gateway.receive(SubmitOrder)
    gateway.send(OrderReply(999, "sk-other"))
    gateway.send(OrderReply(second.request_id, "sk-2", "POSITION_EXCEEDS_MAX", "too much"))
    for denied in (None, "INVALID_ORDER"):
        cancel = gateway.receive(CancelOrder)
        gateway.send(OrderReply(cancel.request_id, cancel.client_order_id, denied))
    gateway.send_state(order, "sk-1", "PARTIALLY_FILLED", filled="0.001")
    cancel_all = gateway.receive(CancelAllOrders)
    assert cancel_all.symbol is None
    gateway.send(OrderReply(cancel_all.request_id, None))
    gateway.send(PositionChanged("BTCUSDT", "0.001009", "27000.01", "0"))
    closing = gateway.accept_order("sk-3")
    assert (closing.side, closing.type, closing.quantity) == ("SELL", "MARKET", "0.00100")
    gateway.send_state(closing, "sk-3", "CANCELED")
    gateway.send_state(order, "sk-1", "CANCELED", filled="0.001")
    gateway.send(TradingChanged("Reducing"))
    algorithm.wait_for_log("trading ")
    said = [line for line in algorithm.log().splitlines() if "Z INFO" not in line]
    assert sorted(said) == sorted(
        [
            "asked sk-1 SUBMITTED 0.00123 27000.01 1",
            "asked DENIED POSITION_EXCEEDS_MAX: too much 1",
            "denied MARKET POSITION_EXCEEDS_MAX: too much",
            "accepted sk-1 True False",
            "part 0.00023 27000.01",
            "position 0.001009 27000.01 True",
            f"canceled sk-3 {_repr_of_first_open(said)}",
            "canceled sk-1 ()",
            "trading Reducing Reducing",
        ]
    )
    assert said[:2] == ["asked sk-1 SUBMITTED 0.00123 27000.01 1", "asked DENIED POSITION_EXCEEDS_MAX: too much 1"]


def _repr_of_first_open(said: list[str]) -> str:
    (line,) = (line for line in said if line.startswith("canceled sk-3 "))
    assert "client_order_id='sk-1'" in line
    return line.removeprefix("canceled sk-3 ")


OPEN_ORDER = OrderEvent(
    client_order_id="sk-9",
    symbol="BTCUSDT",
    side="BUY",
    type="LIMIT",
    state="ACCEPTED",
    quantity="1",
    filled_quantity="0",
    average_price=None,
    last_fill=None,
    reason=None,
    event_time_ns=1,
    price="12.5",
    time_in_force="GTC",
)

RECONNECTING = """
from stockade_sdk import GatewayGoneError, Strategy

class Reconnecting(Strategy):
    def on_start(self):
        self.subscribe_trades("BTCUSDT")
    def on_trade_tick(self, tick):
        print("trade", tick.trade_id)
    def on_disconnect(self):
        try:
            self.buy("BTCUSDT", "1")
        except GatewayGoneError:
            print("gone", self.connected)
    def on_reconnect(self):
        orders = [(order.client_order_id, str(order.price)) for order in self.open_orders()]
        print("back", self.connected, self.position("BTCUSDT").quantity, orders)
"""


def test_a_gateway_that_restarts(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(RECONNECTING)
    gateway.serve()
    gateway.receive_subscription("BTCUSDT", "trade")
    gateway.publish_trade("BTCUSDT", 1, "1", "1")
    algorithm.wait_for_log("trade 1")
    pod = gateway.socket_path.parent
    gateway.close()
    gateway.socket_path.unlink()
    algorithm.wait_for_log("gone False")
    restarted = GatewayDouble(pod)
    try:
        restarted.accept()
        restarted.welcome(
            positions=(PositionChanged("BTCUSDT", "0.25", "10", "0"),), open_orders=(OPEN_ORDER,), trading="Reducing"
        )
        restarted.receive_subscription("BTCUSDT", "trade")
        algorithm.wait_for_log("back True 0.25 [('sk-9', '12.5')]")
        restarted.publish_trade("BTCUSDT", 2, "1", "1")
        algorithm.wait_for_log("trade 2")
    finally:
        restarted.close()


def test_an_exchange_that_goes_away(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(
        """
from stockade_sdk import Strategy
class Watching(Strategy):
    def on_disconnect(self): print("away", self.connected)
    def on_reconnect(self): print("again", self.connected)
"""
    )
    gateway.serve()
    for connected in (False, False, True, True):
        gateway.send(Connection(connected))
    algorithm.wait_for_log("again True")
    assert algorithm.log().count("away False") == algorithm.log().count("again True") == 1


def test_a_slow_algorithm_is_told_what_it_missed(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(
        """
import time
from pathlib import Path
from stockade_sdk import Strategy
class Slow(Strategy):
    seen = missed = 0
    def on_start(self):
        self.subscribe_trades("BTCUSDT")
        input_ready = Path(__file__).parent / "ready"
        while not input_ready.exists():
            time.sleep(0.01)
    def on_trade_tick(self, tick):
        self.seen += 1
        if tick.trade_id == 5000:
            print("all", self.seen + self.missed, self.missed)
    def on_gap(self, missed):
        self.missed += missed
"""
    )
    gateway.serve()
    gateway.receive_subscription("BTCUSDT", "trade")
    for number in range(1, 5001):
        gateway.publish_trade("BTCUSDT", number, "1", "1", ring_bell=False)
    gateway.ring_bell()
    (gateway.socket_path.parent / "algorithm" / "ready").touch()
    algorithm.wait_for_log(f"all 5000 {5000 - 1023}")


def test_the_algorithm_gives_signs_of_life(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    start_algorithm("from stockade_sdk import Strategy\nclass Idle(Strategy):\n    pass\n")
    gateway.serve()
    gateway.wait_for_heartbeats(3)


def test_the_environment_is_an_allow_list(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(
        """
import os
from stockade_sdk import Strategy
class Looking(Strategy):
    def on_start(self):
        others = sorted(name for name in os.environ if not name.startswith("STOCKADE_"))
        print("canary" in str(dict(os.environ)), others)
        print("stdin", os.read(0, 10))
"""
    )
    gateway.serve()
    algorithm.wait_for_log("stdin b''")
    assert "False ['HOME', 'LC_CTYPE', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH']" in algorithm.log()


CHANGING = """
from stockade_sdk import Leg, Strategy

class Changing(Strategy):
    def on_load(self, state):
        print("loaded", state, self.now_ns > 0)
    def on_save(self):
        return {"bought": self.order.quantity}
    def on_start(self):
        self.order = self.buy("BTCUSDT", "2", price=100)
        self.bracket = self.submit_oco(
            "BTCUSDT", "SELL", "1",
            above=Leg("LIMIT_MAKER", price=120), below=Leg("STOP_LOSS", trailing_delta=50),
        )
        print("oco", self.bracket.is_denied, self.bracket.below.reason, len(self.open_orders()))
        print("amend", self.amend_order(self.order, "1.5"), self.amend_order("sk-gone", "1"))
        replaced = self.replace_order(self.order, price=101)
        print("replace", replaced.client_order_id, replaced.state, replaced.price, replaced.quantity)
    def on_order_event(self, order):
        print("event", order.client_order_id, order.state)
    def on_order_submitted(self, order):
        print("submitted", order.client_order_id)
    def on_order_denied(self, order):
        print("denied", order.client_order_id, order.trailing_delta, order.list_id)
    def on_order_accepted(self, order):
        print("accepted", order.client_order_id)
    def on_order_partially_filled(self, order):
        print("part", order.client_order_id)
    def on_order_amended(self, order):
        print("amended", order.client_order_id, order.quantity)
    def on_order_amend_rejected(self, order):
        print("not amended", order.client_order_id, order.quantity, order.reason)
    def on_order_canceled(self, order):
        print("canceled", order.client_order_id)
"""


def test_lists_amendments_replacements_and_what_is_kept(
    gateway: GatewayDouble, start_algorithm: StartAlgorithm
) -> None:
    algorithm = start_algorithm(CHANGING)
    gateway.serve()
    load = gateway.receive(LoadState)
    gateway.send(SavedState(load.request_id, b'j{"bought":"1"}'))
    order = gateway.accept_order("sk-1")
    gateway.send_state(order, "sk-1", "ACCEPTED")
    oco = gateway.receive(SubmitOrderList)
    assert (oco.above, oco.below) == (OrderLeg("LIMIT_MAKER", "120"), OrderLeg("STOP_LOSS", trailing_delta=50))
    gateway.send(OrderListReply(oco.request_id, "sk-2", ("sk-3", "sk-4"), "TRADING_REDUCING", "only what lowers"))
    amend = gateway.receive(AmendOrder)
    assert (amend.client_order_id, amend.quantity) == ("sk-1", "1.5")
    gateway.send(OrderReply(amend.request_id, "sk-1"))
    refused = gateway.receive(AmendOrder)
    gateway.send(OrderReply(refused.request_id, "sk-gone", "INVALID_ORDER", "no such order"))
    replacement = gateway.receive(ReplaceOrder)
    assert replacement.order == OrderLeg("LIMIT", "101", time_in_force="GTC")
    gateway.send(OrderReply(replacement.request_id, "sk-5"))
    smaller = msgspec.structs.replace(order, quantity="1.5")
    gateway.send_state(smaller, "sk-1", "ACCEPTED")
    gateway.send(AmendRejected("sk-1", "no change (-2038)"))
    gateway.send_state(smaller, "sk-1", "PARTIALLY_FILLED", filled="0.5")
    gateway.send_state(smaller, "sk-1", "CANCELED", filled="0.5")
    algorithm.wait_for_log("event sk-1 CANCELED")
    algorithm.terminate()
    assert gateway.receive(SaveState).content == b'j{"bought":"2"}'
    gateway.receive(Bye)
    assert algorithm.wait() == 0, algorithm.log()
    said = [line for line in algorithm.log().splitlines() if "Z INFO" not in line]
    assert said == [
        "loaded {'bought': '1'} True",
        "oco True TRADING_REDUCING: only what lowers 1",
        "amend True False",
        "replace sk-5 SUBMITTED 101 2",
        "submitted sk-1",
        "event sk-1 SUBMITTED",
        "accepted sk-1",
        "event sk-1 ACCEPTED",
        "denied sk-3 None sk-2",
        "event sk-3 DENIED",
        "denied sk-4 50 sk-2",
        "event sk-4 DENIED",
        "submitted sk-5",
        "event sk-5 SUBMITTED",
        "amended sk-1 1.5",
        "event sk-1 ACCEPTED",
        "not amended sk-1 1.5 no change (-2038)",
        "event sk-1 ACCEPTED",
        "part sk-1",
        "event sk-1 PARTIALLY_FILLED",
        "canceled sk-1",
        "event sk-1 CANCELED",
    ]
