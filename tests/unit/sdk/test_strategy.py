"""A strategy's verbs: what each asks of the broker."""

from decimal import Decimal
from typing import Any

import pytest

from stockade_sdk import (
    Instrument,
    Leg,
    Order,
    OrderArgumentError,
    OrderList,
    Parameters,
    Position,
    Strategy,
    UnknownSymbolError,
)
from stockade_sdk.strategy import bind_strategy
from stockade_wire.messages import OrderLeg

ORDER = Order("sk-1", "BTCUSDT", "BUY", "LIMIT", "ACCEPTED", Decimal(2), filled_quantity=Decimal("0.5"))


class RecordingBroker:
    """Writes down what it is asked for."""

    symbols = ("BTCUSDT", "ETHUSDT")

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.held = Decimal(0)

    def submit_order(self, **fields: Any) -> Order:
        """Write down an order's fields."""
        self.asked.append({name: value for name, value in fields.items() if value is not None})
        return ORDER

    def submit_order_list(self, **fields: Any) -> OrderList:
        """Write down a list's fields."""
        self.asked.append(fields)
        return OrderList("sk-0", ORDER, ORDER)

    def amend_order(self, client_order_id: str, quantity: str) -> bool:
        """Write down id and quantity."""
        self.asked.append((client_order_id, quantity))
        return True

    def replace_order(self, order: Order, *, quantity: str, terms: OrderLeg) -> Order:
        """Write down what takes the order's place."""
        self.asked.append((order.client_order_id, quantity, terms))
        return ORDER

    def cancel_order(self, client_order_id: str) -> bool:
        """Write down the id."""
        self.asked.append(client_order_id)
        return True

    def position(self, symbol: str) -> Position:
        """Return what the test says is held."""
        return Position(symbol, self.held)

    def instrument(self, symbol: str) -> Instrument:
        """Return filters with a step of 0.01."""
        return Instrument(symbol, "BTC", "USDT", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"), Decimal(5))

    def open_orders(self) -> tuple[Order, ...]:
        """Return one open order."""
        return (ORDER,)


@pytest.fixture
def broker() -> RecordingBroker:
    """Give a broker that was asked nothing yet."""
    return RecordingBroker()


@pytest.fixture
def strategy(broker: RecordingBroker) -> Strategy:
    """Give a strategy on that broker."""
    strategy = Strategy()
    bind_strategy(strategy, broker, Parameters())  # type: ignore[arg-type]  # it has what these tests ask for
    return strategy


def test_without_a_price_it_is_a_market_order(strategy: Strategy, broker: RecordingBroker) -> None:
    strategy.buy("BTCUSDT", "0.5")
    assert broker.asked == [{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.5"}]


def test_with_a_price_it_is_a_limit_order(strategy: Strategy, broker: RecordingBroker) -> None:
    strategy.sell("BTCUSDT", 1, Decimal("27000.5"))
    assert broker.asked[0] | {"type": "LIMIT", "price": "27000.5", "time_in_force": "GTC"} == broker.asked[0]


def test_other_types_are_told_in_full(strategy: Strategy, broker: RecordingBroker) -> None:
    strategy.submit_order("BTCUSDT", "SELL", "1", type="STOP_LOSS_LIMIT", price="9", stop_price="10")
    strategy.submit_order("BTCUSDT", "SELL", "1", type="LIMIT_MAKER", price="9")
    assert broker.asked[0]["time_in_force"] == "GTC"
    assert broker.asked[0]["stop_price"] == "10"
    assert "time_in_force" not in broker.asked[1]


def test_a_trailing_stop_is_told_in_basis_points(strategy: Strategy, broker: RecordingBroker) -> None:
    strategy.submit_order("BTCUSDT", "SELL", "1", type="STOP_LOSS", trailing_delta=150)
    assert broker.asked[0]["trailing_delta"] == 150
    for delta in (0, 10_001, True, "150"):
        with pytest.raises(OrderArgumentError, match="whole basis points from 1 to 10000"):
            strategy.submit_order("BTCUSDT", "SELL", "1", type="STOP_LOSS", trailing_delta=delta)  # type: ignore[arg-type]


def test_an_oco_has_two_legs(strategy: Strategy, broker: RecordingBroker) -> None:
    bracket = strategy.submit_oco(
        "BTCUSDT",
        "SELL",
        "0.5",
        above=Leg("LIMIT_MAKER", price=30000),
        below=Leg("STOP_LOSS_LIMIT", price="24900", stop_price=Decimal(25000)),
    )
    assert broker.asked == [
        {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "quantity": "0.5",
            "above": OrderLeg("LIMIT_MAKER", "30000"),
            "below": OrderLeg("STOP_LOSS_LIMIT", "24900", "25000", "GTC"),
        }
    ]
    assert not bracket.is_denied
    strategy.cancel_order(bracket)
    assert broker.asked[-1] == "sk-0"


def test_an_order_is_amended_and_replaced_by_what_changes(strategy: Strategy, broker: RecordingBroker) -> None:
    resting = Order(
        "sk-1",
        "BTCUSDT",
        "BUY",
        "LIMIT",
        "ACCEPTED",
        Decimal(2),
        price=Decimal(9),
        time_in_force="GTC",
        filled_quantity=Decimal("0.5"),
    )
    strategy.amend_order(resting, "1.5")
    strategy.replace_order(resting, price="10")
    strategy.replace_order(resting, quantity=1)
    assert broker.asked == [
        ("sk-1", "1.5"),
        ("sk-1", "1.5", OrderLeg("LIMIT", "10", time_in_force="GTC")),
        ("sk-1", "1", OrderLeg("LIMIT", "9", time_in_force="GTC")),
    ]


def test_a_position_is_valued_by_its_average_cost() -> None:
    assert Position("BTCUSDT", Decimal(2), Decimal(100)).unrealized_pnl(Decimal(90)) == -20
    assert Position("BTCUSDT", Decimal(-2), Decimal(100)).unrealized_pnl(Decimal(90)) == 20
    assert Position("BTCUSDT").unrealized_pnl(Decimal(90)) == 0


def test_a_bad_number_asks_nothing(strategy: Strategy, broker: RecordingBroker) -> None:
    with pytest.raises(OrderArgumentError, match="price is the float"):
        strategy.buy("BTCUSDT", "1", 0.5)  # type: ignore[arg-type]  # what is tested
    assert broker.asked == []


@pytest.mark.parametrize(("held", "side"), [("0.129", "SELL"), ("-0.129", "BUY")])
def test_closing_a_position_rounds_down(strategy: Strategy, broker: RecordingBroker, held: str, side: str) -> None:
    broker.held = Decimal(held)
    strategy.close_position("BTCUSDT")
    assert broker.asked == [{"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": "0.12"}]


def test_closing_dust_asks_nothing(strategy: Strategy, broker: RecordingBroker) -> None:
    broker.held = Decimal("0.009")
    assert strategy.close_position("BTCUSDT") is None
    assert broker.asked == []


def test_orders_are_canceled_by_order_or_id(strategy: Strategy, broker: RecordingBroker) -> None:
    strategy.cancel_order(ORDER)
    strategy.cancel_order("sk-7")
    assert broker.asked == ["sk-1", "sk-7"]


def test_open_orders_are_asked_by_symbol(strategy: Strategy) -> None:
    assert strategy.open_orders() == strategy.open_orders("BTCUSDT") == (ORDER,)
    assert strategy.open_orders("ETHUSDT") == ()
    with pytest.raises(UnknownSymbolError, match="DOGEUSDT is not among the Algorithm's symbols: BTCUSDT, ETHUSDT"):
        strategy.open_orders("DOGEUSDT")


def test_orders_are_snapshots() -> None:
    assert ORDER.is_open
    assert ORDER.remaining_quantity == Decimal("1.5")
    with pytest.raises(AttributeError):
        ORDER.state = "FILLED"  # type: ignore[misc]  # that it can't is what is tested
