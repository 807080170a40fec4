"""The examples' decisions, on a broker that the test drives; their lives in a process are tested with the runner."""

import ast
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from stockade_sdk import Order, Strategy
from tests.support.scripted_broker import EXAMPLES, ScriptedBroker, start_example


def _sides(broker: ScriptedBroker) -> list[str]:
    return [order.side for order in broker.submitted]


def _feed_trades(broker: ScriptedBroker, strategy: Strategy, *prices: str) -> None:
    for price in prices:
        broker.pass_seconds(1)
        strategy.on_trade_tick(broker.make_trade("BTCUSDT", price))
        strategy.on_timer("decide")
        broker.settle(strategy)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_begins_with_a_title_and_its_weakness(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    title, _, rest = docstring.partition("\n\n")
    assert "\n" not in title
    assert len(title) < 100
    assert rest


def test_momentum_buys_what_rises_and_sells_what_falls() -> None:
    broker = ScriptedBroker()
    strategy = start_example("momentum", broker, hold_seconds=0)
    assert broker.subscriptions == [("BTCUSDT", "trade")]
    _feed_trades(broker, strategy, "60000", "60001", "60002")
    assert _sides(broker) == ["BUY"]
    assert broker.submitted[0].quantity == Decimal("0.00018"), "twice the smallest that is worth 5 USDT"
    _feed_trades(broker, strategy, "59990", "59980")
    assert _sides(broker) == ["BUY", "SELL"]
    assert 0 < broker.position("BTCUSDT").quantity < Decimal("0.00001"), "the fee leaves dust"
    _feed_trades(broker, strategy, "59990", "60000", "60010")
    assert _sides(broker) == ["BUY", "SELL", "BUY"], "dust is no position"


def test_momentum_takes_its_time_between_orders() -> None:
    broker = ScriptedBroker()
    strategy = start_example("momentum", broker, hold_seconds=10)
    _feed_trades(broker, strategy, "60000", "60001", "59990", "59980", "59970")
    assert _sides(broker) == ["BUY"]


def test_momentum_rests_after_a_denial() -> None:
    broker = ScriptedBroker()
    strategy = start_example("momentum", broker, hold_seconds=0, pause_seconds=5)
    broker.denial = "TRADING_HALTED"
    _feed_trades(broker, strategy, "60000", "60001", "60002", "60003", "60004")
    assert len(broker.submitted) == 1
    _feed_trades(broker, strategy, "60005", "60006")
    assert len(broker.submitted) == 2


def _quotes(broker: ScriptedBroker) -> dict[str, Order]:
    return {order.side: order for order in broker.open_orders()}


def test_market_maker_quotes_both_sides_within_its_bounds() -> None:
    broker = ScriptedBroker()
    strategy = start_example("market_maker", broker, quantity="0.01", max_position="0.015", spread_percent="0.1")
    strategy.on_timer("refresh")
    assert broker.submitted == [], "no price, no quote"
    broker.set_quote("BTCUSDT", "59999", "60001")
    strategy.on_timer("refresh")
    bid = _quotes(broker)["BUY"]
    assert (bid.price, bid.quantity, bid.type) == (Decimal("59970.00"), Decimal("0.01000"), "LIMIT_MAKER")
    assert "SELL" not in _quotes(broker), "nothing held, nothing to sell"
    broker.fill(bid, strategy)
    strategy.on_timer("refresh")
    assert _quotes(broker)["SELL"].price == Decimal("60030.00")
    assert _quotes(broker)["SELL"].quantity == Decimal("0.00999")
    assert _quotes(broker)["BUY"].quantity == Decimal("0.00501"), "no more than max_position"


def test_market_maker_follows_the_price() -> None:
    broker = ScriptedBroker()
    strategy = start_example("market_maker", broker)
    broker.set_quote("BTCUSDT", "59999", "60001")
    strategy.on_timer("refresh")
    first = _quotes(broker)["BUY"]
    strategy.on_timer("refresh")
    assert _quotes(broker)["BUY"] == first, "a price that stands still moves no order"
    broker.set_quote("BTCUSDT", "60499", "60501")
    strategy.on_timer("refresh")
    strategy.on_timer("refresh")
    assert _quotes(broker)["BUY"].price == Decimal("60469.75")
    strategy.on_stop()
    assert broker.open_orders() == ()


def test_market_maker_is_quiet_when_halted() -> None:
    broker = ScriptedBroker()
    strategy = start_example("market_maker", broker)
    broker.set_quote("BTCUSDT", "59999", "60001")
    broker.trading = "Halted"
    strategy.on_timer("refresh")
    assert broker.submitted == []


def test_dca_buys_in_turn_for_the_same_money() -> None:
    broker = ScriptedBroker(("BTCUSDT", "ETHUSDT"))
    strategy = start_example("dca", broker, spend="30", every_seconds=60)
    assert broker.timers == {"buy": 60}
    strategy.on_timer("buy")
    assert broker.submitted == [], "no price yet"
    broker.set_quote("BTCUSDT", "60000", "60000")
    broker.set_quote("ETHUSDT", "3000", "3000")
    for _ in range(2):
        strategy.on_timer("buy")
    bought = [(order.symbol, order.quantity) for order in broker.submitted]
    assert bought == [("ETHUSDT", Decimal("0.01000")), ("BTCUSDT", Decimal("0.00050"))]


@pytest.mark.parametrize("parameters", [{"spend": "4.9"}, {"max_position": "0.0001"}])
def test_dca_knows_when_not_to_buy(parameters: dict[str, str]) -> None:
    broker = ScriptedBroker()
    strategy = start_example("dca", broker, **parameters)
    broker.set_quote("BTCUSDT", "60000", "60000")
    for _ in range(3):
        strategy.on_timer("buy")
    assert len(broker.submitted) == (1 if "max_position" in parameters else 0)


def test_crossover_holds_while_the_fast_average_is_above() -> None:
    broker = ScriptedBroker()
    strategy = start_example("bars_crossover", broker, fast=2, slow=3, quantity="1")
    for close, sides in (
        ("100", []),
        ("100", []),
        ("100", []),
        ("103", ["BUY"]),
        ("104", ["BUY"]),
        ("90", ["BUY", "SELL"]),
        ("80", ["BUY", "SELL"]),
        ("120", ["BUY", "SELL", "BUY"]),
    ):
        strategy.on_bar(broker.make_bar("BTCUSDT", close))
        broker.settle(strategy)
        assert _sides(broker) == sides, f"after {close}"


def test_crossover_wants_its_averages_the_right_way_round() -> None:
    with pytest.raises(ValueError, match="fast is 8 and slow 3"):
        start_example("bars_crossover", ScriptedBroker(), fast=8, slow=3)


def test_bracket_puts_two_orders_around_what_it_bought() -> None:
    broker = ScriptedBroker()
    strategy = start_example("bracket", broker, quantity="0.001", pause_seconds=10)
    strategy.on_load({"gains": 3, "losses": 1})
    strategy.on_quote_tick(broker.set_quote("BTCUSDT", "60000", "60000"))
    broker.settle(strategy)
    strategy.on_quote_tick(broker.set_quote("BTCUSDT", "60000", "60000"))
    _, above, below = broker.submitted
    assert (above.type, above.price, above.quantity) == ("LIMIT_MAKER", Decimal(60300), Decimal("0.00099"))
    assert (below.type, below.stop_price, below.side) == ("STOP_LOSS", Decimal(59700), "SELL")
    strategy.on_quote_tick(broker.set_quote("BTCUSDT", "60001", "60001"))
    assert len(broker.submitted) == 3, "two orders are enough"
    broker.cancel_order(below.client_order_id)
    broker.fill(above, strategy)
    assert strategy.on_save() == {"gains": 4, "losses": 1}
    strategy.on_quote_tick(broker.set_quote("BTCUSDT", "60300", "60300"))
    assert len(broker.submitted) == 3, "it rests after a sale"
    broker.pass_seconds(11)
    strategy.on_quote_tick(broker.set_quote("BTCUSDT", "60300", "60300"))
    assert broker.submitted[3].side == "BUY"


def test_bracket_sells_at_once_what_the_exchange_does_not_let_it_protect() -> None:
    broker = ScriptedBroker()
    strategy = start_example("bracket", broker, quantity="0.001")
    strategy.on_quote_tick(broker.set_quote("BTCUSDT", "60000", "60000"))
    broker.settle(strategy)
    leg = msgspec.structs.replace(broker.submitted[0], side="SELL", list_id="sk-7", state="REJECTED", reason="prices")
    strategy.on_order_rejected(leg)
    assert (broker.submitted[-1].type, broker.submitted[-1].side) == ("MARKET", "SELL")
