"""Reconciliation against an exchange that is a dictionary: what is asked, and what follows from the answers."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from stockade_gateway import reconcile
from stockade_gateway.errors import ExchangeError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.orders import OrderState
from stockade_gateway.rate_budget import Purpose, RateBudget
from stockade_gateway.reconcile import Reconciler
from tests.support.gateway_orders import PREFIX, make_execution, make_order, make_report
from tests.unit.gateway.test_books import World

ORDER = f"{PREFIX}1"
LONG_AGO_NS = 1_000_000_000


class DictionaryExchange:
    """Answers the questions of reconciliation from what a test put in."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.delisted = False
        self.budget = RateBudget()

    def put(self, client_order_id: str, status: str, executed: str = "0") -> None:
        """Have an order."""
        self.orders[client_order_id] = {
            "symbol": "BTCUSDT", "orderId": 7, "clientOrderId": client_order_id, "price": "100", "origQty": "1",
            "executedQty": executed, "status": status, "timeInForce": "GTC", "type": "LIMIT", "side": "BUY",
            "stopPrice": "0", "updateTime": 1_760_000_000_000,
        }  # fmt: skip

    async def get(
        self, path: str, parameters: dict[str, Any], *, signed: bool, purpose: Purpose = Purpose.UPKEEP
    ) -> Any:
        """Answer one question once there is weight left for it."""
        assert signed
        await self.budget.wait(purpose)
        self.asked.append(path)
        if self.delisted:
            raise ExchangeError(400, -1121, "Invalid symbol.")
        if path == "/api/v3/order":
            order = self.orders.get(parameters["origClientOrderId"])
            if order is None:
                raise ExchangeError(400, -2013, "Order does not exist.")
            return order
        if path == "/api/v3/openOrders":
            return [order for order in self.orders.values() if order["status"] in ("NEW", "PARTIALLY_FILLED")]
        if path == "/api/v3/allOrders":
            return list(self.orders.values())
        newer = [trade for trade in self.trades if trade["id"] >= parameters.get("fromId", 0)]
        return newer[: parameters["limit"]] if "fromId" in parameters else newer[-parameters["limit"] :]


class FakeApi:
    """A connection that is up, and keeps why it was to be replaced."""

    connected = True

    def __init__(self) -> None:
        self.reconnects: list[str] = []

    @property
    def connection(self) -> "FakeApi":
        """Be the socket, too."""
        return self

    def reconnect(self, reason: str) -> None:
        """Keep the reason."""
        self.reconnects.append(reason)


TRADE: dict[str, Any] = {
    "symbol": "BTCUSDT", "id": 5, "orderId": 7, "price": "100", "qty": "1", "quoteQty": "100",
    "commission": "0", "commissionAsset": "USDT", "time": 1_760_000_000_000, "isBuyer": True, "isMaker": True,
}  # fmt: skip


def make_crowded_exchange(monkeypatch: pytest.MonkeyPatch) -> DictionaryExchange:
    """Return an exchange of whose weight neighbours have used nine tenths, in a minute that does not end."""
    monkeypatch.setattr(time, "time", lambda: 1_760_000_010.0)
    exchange = DictionaryExchange()
    exchange.budget.note_weight(5400, time.time())
    return exchange


def make_reconciler(world: World, exchange: DictionaryExchange) -> Reconciler:
    api = cast("WebsocketApi", None)
    return Reconciler(world.books, ("BTCUSDT",), cast("RestClient", exchange), api)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.books.submit(make_order())
    return world


def state_of(world: World) -> OrderState:
    order = world.books.orders.get(ORDER)
    assert order is not None
    return order.state


async def test_an_order_that_filled_unheard_is_brought_in_with_its_trades(world: World) -> None:
    exchange = DictionaryExchange()
    exchange.put(ORDER, "FILLED", "1")
    exchange.trades = [TRADE]
    assert await make_reconciler(world, exchange)._reconcile_known()
    assert state_of(world) is OrderState.FILLED
    assert world.books.positions.quantity("BTCUSDT") == Decimal(1)
    assert [row.trade_id for row in world.ledger.fills] == [5]


async def test_an_open_order_stays_open_and_is_no_news(world: World) -> None:
    exchange = DictionaryExchange()
    exchange.put(ORDER, "NEW")
    reconciler = make_reconciler(world, exchange)
    await reconciler._reconcile_known()
    assert state_of(world) is OrderState.ACCEPTED
    assert not await reconciler._reconcile_known()


async def test_an_order_just_sent_is_not_given_up_when_the_exchange_does_not_know_it(world: World) -> None:
    reconciler = make_reconciler(world, DictionaryExchange())
    order = world.books.orders.get(ORDER)
    assert order is not None
    order.sent_time_ns = time.time_ns()
    assert not await reconciler._ask(order)
    assert state_of(world) is OrderState.SUBMITTED


async def test_an_order_that_can_no_longer_arrive_is_rejected(world: World) -> None:
    reconciler = make_reconciler(world, DictionaryExchange())
    order = world.books.orders.get(ORDER)
    assert order is not None
    order.sent_time_ns = LONG_AGO_NS
    assert await reconciler._ask(order)
    assert state_of(world) is OrderState.REJECTED
    assert "never reached" in str(order.reason)


async def test_an_order_not_sent_yet_is_not_asked_for(world: World) -> None:
    exchange = DictionaryExchange()
    reconciler = make_reconciler(world, exchange)
    order = world.books.orders.get(ORDER)
    assert order is not None
    order.sent_time_ns = None
    assert not await reconciler._ask(order)
    assert exchange.asked == []


async def test_an_accepted_order_that_the_exchange_forgot_is_closed(world: World) -> None:
    exchange = DictionaryExchange()
    exchange.put(ORDER, "NEW")
    reconciler = make_reconciler(world, exchange)
    await reconciler._reconcile_known()
    exchange.orders.clear()
    order = world.books.orders.get(ORDER)
    assert order is not None
    order.sent_time_ns = LONG_AGO_NS
    await reconciler._reconcile_known()
    assert state_of(world) is OrderState.CANCELED
    assert "no longer knows" in str(order.reason)


async def test_the_first_reconciliation_adopts_orders_and_leaves_foreign_ones(world: World) -> None:
    exchange = DictionaryExchange()
    exchange.put(ORDER, "NEW")
    exchange.put(f"{PREFIX}2", "CANCELED")
    exchange.put("x-HNA2TXFJ77", "NEW")
    await make_reconciler(world, exchange)._reconcile_all()
    known = {order.client_order_id: order.state for order in world.books.orders.all()}
    assert known == {ORDER: OrderState.ACCEPTED, f"{PREFIX}2": OrderState.CANCELED}


async def test_what_is_closed_is_not_taken_in_anew_before_the_ledger_told_the_past(world: World) -> None:
    exchange = DictionaryExchange()
    for number, status in ((1, "NEW"), (2, "CANCELED"), (3, "NEW")):
        exchange.put(f"{PREFIX}{number}", status)
    reconciler = make_reconciler(world, exchange)
    reconciler._api = cast("WebsocketApi", FakeApi())
    reconciler.past_unknown = "PostgreSQL is away"
    reconciler.look_again()
    running = asyncio.create_task(reconciler.run())
    async with asyncio.timeout(30):
        while reconciler.last_time is None:  # noqa: ASYNC110 - it is polled as the status is
            await asyncio.sleep(0.01)
        # What is open may have to be cancelled; the steps of the rest are in the ledger, and come from there.
        assert world.books.orders.get(f"{PREFIX}3") is not None
        assert world.books.orders.get(f"{PREFIX}2") is None
        reconciler.note_past()
        while reconciler.pending is not None:  # noqa: ASYNC110 - it is polled as the status is
            await asyncio.sleep(0.01)
    assert world.books.orders.get(f"{PREFIX}2") is not None
    running.cancel()


async def test_neighbours_that_use_the_weight_up_do_not_keep_it_from_reconciling(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = make_crowded_exchange(monkeypatch)
    assert exchange.budget.seconds_until_free(Purpose.ORDER, time.time()) > 0
    exchange.put(ORDER, "FILLED", "1")
    exchange.trades = [TRADE]
    reconciler = make_reconciler(world, exchange)
    # The clock stands still: whoever waits here for the minute's end waits for ever.
    async with asyncio.timeout(30):
        await reconciler._reconcile_all()
    assert state_of(world) is OrderState.FILLED
    assert set(exchange.asked) == {f"/api/v3/{name}" for name in ("openOrders", "allOrders", "order", "myTrades")}


async def test_an_unknown_orders_fate_is_asked_for_out_of_the_reserve(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = make_crowded_exchange(monkeypatch)
    exchange.put(ORDER, "NEW")
    order = world.books.orders.get(ORDER)
    assert order is not None
    order.sent_time_ns = LONG_AGO_NS
    async with asyncio.timeout(30):
        await make_reconciler(world, exchange).resolve(order)
    assert state_of(world) is OrderState.ACCEPTED


async def test_while_the_connection_is_away_orders_wait(world: World) -> None:
    reconciler = make_reconciler(world, DictionaryExchange())
    assert reconciler.pending is not None
    reconciler.note_connection(connected=True)
    assert "reconciling" in str(reconciler.pending)
    reconciler.note_connection(connected=False)
    assert "lost" in str(reconciler.pending)


async def test_an_order_of_more_executions_than_a_page_holds_is_read_whole(world: World) -> None:
    exchange = DictionaryExchange()
    exchange.put(ORDER, "FILLED", "1")
    exchange.trades = [
        {
            "symbol": "BTCUSDT", "id": trade_id, "orderId": 7, "price": "100", "qty": "0.0004", "quoteQty": "0.04",
            "commission": "0", "commissionAsset": "USDT", "time": 1_760_000_000_000, "isBuyer": True, "isMaker": True,
        }
        for trade_id in range(1, 2501)
    ]  # fmt: skip
    await make_reconciler(world, exchange)._reconcile_known()
    assert state_of(world) is OrderState.FILLED
    assert world.books.positions.quantity("BTCUSDT") == Decimal(1)


@pytest.mark.parametrize("missed", [True, False])
async def test_a_user_stream_that_fell_silent_is_replaced_when_news_were_missed(
    world: World, monkeypatch: pytest.MonkeyPatch, *, missed: bool
) -> None:
    monkeypatch.setattr(reconcile, "_QUIET_SECONDS", 0.01)
    exchange, api = DictionaryExchange(), FakeApi()
    exchange.put(ORDER, "NEW")
    reconciler = make_reconciler(world, exchange)
    reconciler._api = cast("WebsocketApi", api)
    await reconciler._reconcile_all()
    reconciler._complete_once = True
    if missed:
        # Its end is long ago, and no event told it.
        exchange.put(ORDER, "CANCELED")
    asked = len(exchange.asked)
    running = asyncio.create_task(reconciler.run())
    async with asyncio.timeout(30):
        while not (api.reconnects if missed else len(exchange.asked) > asked + 3):  # noqa: ASYNC110 - plain figures
            await asyncio.sleep(0.01)
    running.cancel()
    assert api.reconnects == (["user events were missed"] if missed else [])
    assert state_of(world) is (OrderState.CANCELED if missed else OrderState.ACCEPTED)


async def test_a_delisted_symbol_ends_its_orders_and_holds_up_nothing(world: World) -> None:
    exchange = DictionaryExchange()
    exchange.put(ORDER, "NEW")
    reconciler = make_reconciler(world, exchange)
    await reconciler._reconcile_all()
    order = world.books.orders.get(ORDER)
    assert order is not None
    order.sent_time_ns = LONG_AGO_NS
    exchange.delisted = True
    await reconciler._reconcile_all()
    assert state_of(world) is OrderState.CANCELED


# --- What the exchange has differently --------------------------------------------------------------------------------


async def find_differences(world: World, exchange: DictionaryExchange) -> list[str]:
    """Ask about everything since the beginning."""
    return await make_reconciler(world, exchange).find_differences(0)


async def test_books_that_agree_with_the_exchange_show_no_difference(world: World) -> None:
    exchange = DictionaryExchange()
    exchange.put(ORDER, "FILLED", "1")
    exchange.put("x-HNA2TXFJ77", "NEW")
    exchange.trades = [TRADE]
    await make_reconciler(world, exchange)._reconcile_known()
    exchange.asked.clear()
    assert await find_differences(world, exchange) == []
    assert exchange.asked == ["/api/v3/openOrders", "/api/v3/order"]


async def test_an_execution_nobody_told_of_is_brought_in_and_then_is_no_difference(world: World) -> None:
    exchange = DictionaryExchange()
    world.books.take_report(make_report("CANCELED"))
    exchange.put(ORDER, "CANCELED", "0.4")
    exchange.trades = [{**TRADE, "qty": "0.4", "quoteQty": "40"}]
    assert await find_differences(world, exchange) == []
    assert world.books.positions.quantity("BTCUSDT") == Decimal("0.4")


async def test_an_order_the_exchange_has_open_is_one_whether_the_books_know_it_or_not(world: World) -> None:
    exchange = DictionaryExchange()
    world.books.take_report(make_report("CANCELED"))
    for number in (1, 2):
        exchange.put(f"{PREFIX}{number}", "NEW")
    assert await find_differences(world, exchange) == [f"{PREFIX}{n} is open at the exchange" for n in (1, 2)]
    adopted = world.books.orders.get(f"{PREFIX}2")
    assert adopted is not None
    assert adopted.state is OrderState.ACCEPTED


async def test_a_quantity_that_can_not_be_explained_is_named(world: World) -> None:
    exchange = DictionaryExchange()
    world.books.take_report(make_report("FILLED", "1", make_execution(5, "1")))
    exchange.put(ORDER, "CANCELED", "0.50")
    assert await find_differences(world, exchange) == [f"{ORDER} executed 0.5, not 1, by the exchange's word"]


async def test_an_order_that_never_reached_the_exchange_is_not_asked_for(world: World) -> None:
    exchange = DictionaryExchange()
    order = world.books.orders.get(ORDER)
    assert order is not None
    world.books.reject(order, "insufficient balance")
    assert await find_differences(world, exchange) == []
    assert exchange.asked == ["/api/v3/openOrders"]
