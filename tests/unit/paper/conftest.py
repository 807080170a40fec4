"""An exchange in memory with one market, a book that tests draw themselves and a clock that they move."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from stockade_paper.accounts import Account
from stockade_paper.book import Book
from stockade_paper.exchange import Exchange
from stockade_paper.fees import FeeSchedule
from stockade_paper.instruments import INSTRUMENTS
from stockade_paper.market import Market
from stockade_paper.market_events import BookChange, MarketTrade
from stockade_paper.order_requests import read_order
from stockade_paper.orders import Order
from stockade_paper.parameters import Parameters
from stockade_paper.turn import Turn

START_MS = 1_700_000_000_000
Levels = Sequence[tuple[str, str]]


@dataclass
class Floor:
    """The trading floor of a test."""

    exchange: Exchange
    market: Market
    now_ms: int = START_MS
    events: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def open_account(self, **balances: str) -> Account:
        """Open an account with these balances."""
        return self.exchange.accounts.create({asset: Decimal(amount) for asset, amount in balances.items()})

    def draw_book(self, bids: Levels, asks: Levels) -> None:
        """Show this outside book and nothing else."""
        change = BookChange("BTCUSDT", _levels(bids), _levels(asks), replaces=True)
        self.exchange.apply_feed(change)

    def trade(self, price: str, quantity: str, *, buyer_maker: bool) -> None:
        """Let the outside market trade."""
        event = MarketTrade("BTCUSDT", Decimal(price), Decimal(quantity), buyer_maker)
        self.exchange.apply_feed(event)

    def place(self, account: Account, side: str, kind: str, **parameters: str) -> Order:
        """Place an order through the same reading as a request."""
        values = {"symbol": "BTCUSDT", "side": side, "type": kind, **parameters}
        if kind in {"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"}:
            values.setdefault("timeInForce", "GTC")
        order = read_order(Parameters(values), account.account_id, self.now_ms).order
        return self.exchange.place(order)

    def reports_of(self, order: Order) -> list[str]:
        """List the execution types that were reported of an order."""
        reports = [event for _, event in self.events if event["e"] == "executionReport"]
        return [report["x"] for report in reports if report["i"] == order.order_id]


def build_floor(*, full_depth: bool = True, fee: str = "0.001") -> Floor:
    """Build an empty floor; `full_depth` False is a feed that knows the best quote only."""
    market = Market(INSTRUMENTS[0], Book(has_full_depth=full_depth), prints_own_trades=full_depth, first_trade_id=1)
    bnb = Market(INSTRUMENTS[2], Book(has_full_depth=True), prints_own_trades=True, first_trade_id=1)
    rates = FeeSchedule(Decimal(fee), Decimal(fee))
    exchange = Exchange([market, bnb], rates, lambda: made.now_ms)
    made = Floor(exchange, market)

    def listen(turn: Turn) -> None:
        made.events += turn.events

    exchange.sinks.append(listen)
    return made


@pytest.fixture
def make_floor() -> Callable[..., Floor]:
    """Return the maker of floors."""
    return build_floor


@pytest.fixture
def floor(make_floor: Callable[..., Floor]) -> Floor:
    """Return a floor whose market trades at 100 with a book one wide."""
    made = make_floor()
    made.draw_book([("99", "5"), ("98", "10")], [("101", "5"), ("102", "10")])
    made.trade("100", "1", buyer_maker=False)
    return made


def _levels(levels: Levels) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in levels)
