"""Manual orders against the account's limits: what counts as held, at which price, and what is done while unknown."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from stockade_gateway.account import manual_desk, share_desk
from stockade_gateway.account.errors import RequestError
from stockade_gateway.account.exchange_client import ExchangeClient
from stockade_gateway.account.left_behind import LeftBehindReader, Reading
from stockade_gateway.account.manual_book import ManualBook
from stockade_gateway.account.manual_desk import ManualDesk
from stockade_gateway.account.manual_orders import ManualOrder
from stockade_gateway.account.share_desk import ShareDesk
from stockade_gateway.account.shares import State
from stockade_gateway.control import AccountControl, AccountLimits, Control, Trading
from stockade_gateway.errors import LedgerError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.ledger import FillRow, Ledger, OrderEventRow
from stockade_gateway.market import Market
from stockade_gateway.rate_budget import Purpose, RateBudget

NOW = datetime.now(UTC)
TIME_MS = int(NOW.timestamp() * 1000)
ENTRY = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
ORDER = ManualOrder("skm-1", "BTCUSDT", "BUY", "MARKET", None, Decimal(1), None, None, NOW)


class Exchange:
    """An exchange with one price; an order rests until it is cancelled, half filled."""

    price = "100"

    def __init__(self) -> None:
        self.trades: list[dict[str, Any]] = []
        self.status = "NEW"
        self.executed = "0"

    async def get_exchange_info(self, _symbol: str, _purpose: Purpose) -> dict[str, Any]:
        """Return the rules of the one symbol."""
        return {"symbols": [ENTRY]}

    async def get_quotes(self, symbols: list[str]) -> list[dict[str, str]]:
        """Return the price."""
        return [{"symbol": symbol, "bidPrice": self.price, "askPrice": self.price} for symbol in symbols]

    async def place_order(self, _parameters: dict[str, str]) -> dict[str, Any]:
        """Accept an order."""
        return self._describe()

    async def cancel_order(self, _symbol: str, _client_order_id: str) -> dict[str, Any]:
        """Cancel the order, of which half was executed unheard."""
        self.status, self.executed = "CANCELED", "0.5"
        return self._describe()

    async def get_order(self, _symbol: str, _client_order_id: str) -> dict[str, Any]:
        """Return the order."""
        return self._describe()

    async def get_trades_of_order(self, _symbol: str, _limit: int, _order_id: int) -> list[dict[str, Any]]:
        """Return its trades."""
        return self.trades

    def _describe(self) -> dict[str, Any]:
        quote = str(Decimal(self.executed) * 100)
        return {
            "status": self.status, "executedQty": self.executed, "cummulativeQuoteQty": quote, "orderId": 7,
            "transactTime": TIME_MS, "updateTime": TIME_MS,
        }  # fmt: skip


class Records:
    """A ledger that is empty in the beginning and keeps what it is given."""

    full = False

    def __init__(self) -> None:
        self.steps: list[OrderEventRow] = []
        self.fills: list[FillRow] = []

    @property
    def states(self) -> list[str]:
        """Return each step's state."""
        return [step.state for step in self.steps]

    def load_orders(self, **_question: str) -> list[OrderEventRow]:
        """Return nothing."""
        return []

    def load_fills(self, **_question: str) -> list[FillRow]:
        """Return nothing."""
        return []

    def record_order_event(self, row: OrderEventRow) -> None:
        """Keep the step."""
        self.steps.append(row)

    def record_fill(self, row: FillRow) -> None:
        """Keep the fill."""
        self.fills.append(row)


class Reader:
    """The right to share out, and nothing left behind, until the ledger goes away."""

    is_away = False

    def acquire(self) -> bool:
        """Have had it before."""
        return False

    def read(self, _day: date) -> Reading:
        """Return nothing."""
        if self.is_away:
            raise LedgerError("the ledger can't be read")
        return Reading([], [], [])

    def close(self) -> None:
        """Have nothing to give back."""


class Account:
    """An account's two desks between an exchange and a ledger."""

    def __init__(self, exchange: Exchange, max_exposure: int) -> None:
        self.exchange, self.records, self.reader = exchange, Records(), Reader()
        account = AccountControl(limits=AccountLimits(max_exposure=Decimal(max_exposure)))
        self.control = Control(generation=1, trading=Trading.ACTIVE, account=account)
        client, self.clock = cast("ExchangeClient", exchange), ExchangeClock()
        self.shares = ShareDesk(
            key=b"", exchange=client, budget=RateBudget(), reader=cast("LeftBehindReader", self.reader),
            read_control=lambda: self.control, list_manual_orders=self.list_open,
        )  # fmt: skip
        self.desk = ManualDesk(
            "main", client, cast("Ledger", self.records), self.shares, self.clock,
            read_trading=lambda: self.control.trading, is_killed=lambda: False,
        )  # fmt: skip

    def list_open(self) -> list[ManualOrder]:
        """Return the orders that are not at their end."""
        return self.desk.list_open()

    async def buy(self, quantity: str) -> dict[str, Any]:
        """Buy at the market."""
        return await self.desk.place(
            symbol="BTCUSDT", side="BUY", type_="MARKET", quantity=Decimal(quantity), price=None, stop_price=None,
            time_in_force=None,
        )  # fmt: skip

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Run both desks for as long as the block takes, once both know what they need."""
        async with asyncio.timeout(60):
            tasks = [asyncio.create_task(self.desk.run()), asyncio.create_task(self.shares.run())]
            await until(lambda: self.desk.message is None and self.shares.message is None)
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nobody: all is there at once or never, and every price is an old one after a moment."""
    monkeypatch.setattr(share_desk, "_ROOM_SECONDS", 0.0)
    monkeypatch.setattr(share_desk, "_READ_SECONDS", 0.001)
    monkeypatch.setattr(manual_desk, "_ASK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(share_desk, "State", lambda **_start: State(epoch="this one", grants_from=0.0))


async def until(is_so: Callable[[], bool]) -> None:
    """Let the desks work until something is so; the block that runs them has the deadline."""
    while not is_so():  # noqa: ASYNC110 what is waited for are the desks' own words, which wake nobody
        await asyncio.sleep(0.01)


def make_fill(trade_id: int, quantity: str, *, order: str = "skm-1", side: str = "BUY") -> FillRow:
    """Return a fill at 100."""
    return FillRow(
        account="main", symbol="BTCUSDT", trade_id=trade_id, client_order_id=order, algorithm="", exchange_order_id=7,
        side=side, price=Decimal(100), quantity=Decimal(quantity), quote_quantity=Decimal(quantity) * 100,
        commission=Decimal(0), commission_asset=None, is_maker=False, trade_time=NOW,
    )  # fmt: skip


def make_book() -> ManualBook:
    """Return a book that has read everything and knows the symbol."""
    book = ManualBook()
    book.is_whole = True
    book.add_rules(ENTRY)
    return book


def value(book: ManualBook, *orders: ManualOrder) -> Decimal | None:
    """Return the exposure at a price of 100."""
    market = Market()
    market.seed_quote("BTCUSDT", "100", "100", 0)
    return book.value(orders, market, "USDT", NOW).exposure


def test_until_the_ledger_was_read_what_is_held_is_unknown() -> None:
    book = ManualBook()
    remains = book.value([], Market(), "USDT", NOW)
    assert (remains.exposure, remains.day_result) == (None, None)
    book.is_whole = True
    assert value(book) == 0


def test_two_orders_that_trade_with_each_other_are_two_fills() -> None:
    book = make_book()
    for _ in range(2):
        book.take_fill(make_fill(1, "3"))
        book.take_fill(make_fill(1, "1", order="skm-2", side="SELL"))
    assert value(book) == 200
    assert book.count_filled("skm-1") == 3


def test_a_fill_that_was_reported_and_is_not_counted_yet_is_still_reserved() -> None:
    book = make_book()
    filled = replace(ORDER, state="PARTIALLY_FILLED", filled_quantity=Decimal("0.75"))
    assert value(book, filled) == 100
    book.take_fill(make_fill(1, "0.75"))
    assert value(book, filled) == 100


def test_the_result_of_what_was_sold_has_a_price_too() -> None:
    book = make_book()
    book.take_fill(make_fill(1, "2", side="SELL"))
    assert book.list_traded_symbols() == {"BTCUSDT"}
    assert value(book) == 0


async def test_an_order_is_valued_at_the_price_of_now() -> None:
    account = Account(Exchange(), 250)
    async with account.run():
        for quantity, price in (("3", "100"), ("2", "150")):
            account.exchange.price = price
            await asyncio.sleep(0.01)
            with pytest.raises(RequestError) as refused:
                await account.buy(quantity)
            assert refused.value.code == "ACCOUNT_LIMIT_EXCEEDED"
            assert "The order needs 300 of the account's maxExposure 250; 250 is not in use" in refused.value.message
        await account.buy("1")
    assert account.records.states == ["SUBMITTED", "ACCEPTED"]


async def test_an_order_that_ended_counts_until_its_last_fill_is_known() -> None:
    account = Account(Exchange(), 250)
    async with account.run():
        await account.buy("1")
        order = account.list_open()[0]
        await account.desk.cancel("BTCUSDT", order.client_order_id)
        assert account.list_open() == [order]
        trade = {"id": 1, "orderId": 7, "price": "100", "qty": "0.5", "commission": "0", "commissionAsset": "BTC"}
        account.exchange.trades.append({**trade, "isMaker": True, "time": TIME_MS})
        await until(lambda: not account.list_open())
        assert value(account.shares.manual) == 50
    assert account.records.states == ["SUBMITTED", "ACCEPTED", "CANCELED"]
    assert [fill.quantity for fill in account.records.fills] == [Decimal("0.5")]


async def test_each_step_and_fill_says_when_it_was_heard_of_by_the_exchanges_clock() -> None:
    account = Account(Exchange(), 250)
    # This machine's clock is an hour behind the exchange's.
    account.clock.offset_ms = 3_600_000
    async with account.run():
        await account.buy("1")
        order = account.list_open()[0]
        trade = {"id": 1, "orderId": 7, "price": "100", "qty": "0.5", "commission": "0", "commissionAsset": "BTC"}
        account.exchange.trades.append({**trade, "isMaker": True, "time": TIME_MS})
        await account.desk.cancel("BTCUSDT", order.client_order_id)
        await until(lambda: not account.list_open())
    assert account.records.states == ["SUBMITTED", "ACCEPTED", "CANCELED"]
    heard = [step.received_time for step in account.records.steps]
    heard += [fill.received_time for fill in account.records.fills]
    assert all(time is not None and NOW < time - timedelta(hours=1) <= datetime.now(UTC) for time in heard)


async def test_without_the_ledger_what_is_held_is_valued_at_the_price_of_now_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(share_desk, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(share_desk, "_ROOM_SECONDS", 30.0)
    monkeypatch.setattr(share_desk, "_STALE_SECONDS", 0.5)
    account = Account(Exchange(), 250)
    async with account.run():
        await account.buy("1")
        account.reader.is_away = True
        await until(lambda: account.shares.message == "the ledger can't be read")
        # Longer than a price is believed.
        await asyncio.sleep(0.6)
        await account.buy("1")
    assert len(account.list_open()) == 2
