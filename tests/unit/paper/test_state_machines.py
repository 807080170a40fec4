"""Whatever is done in whatever order: money, queues and books stay right, and the same inputs tell the same story."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from stockade_paper.accounts import Account, Accounts, ApiKey, Permissions
from stockade_paper.dispatch import WEBSOCKET_ENDPOINTS
from stockade_paper.endpoints.call import Call
from stockade_paper.errors import BinanceError
from stockade_paper.feeds.synthetic import CHARACTERS, SyntheticMarket
from stockade_paper.instruments import INSTRUMENTS
from stockade_paper.limits import Limits, LimitSettings
from stockade_paper.market_events import MarketEvent
from stockade_paper.matching import lock_needed
from stockade_paper.orders import Order
from stockade_paper.parameters import Parameters
from tests.unit.paper.conftest import Floor, build_floor

D = Decimal
FOREVER_MS = 10**9
STARTING = {"USDT": "3000", "BTC": "20", "BNB": "1"}
SIDES = st.sampled_from(["BUY", "SELL"])
MODES = st.sampled_from(["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT"])
PRICES = st.integers(190, 210).map(lambda halves: str(D(halves) / 2))
QUANTITIES = st.integers(10, 400).map(lambda hundredths: str(D(hundredths) / 100))
TYPES = st.sampled_from(
    ["LIMIT", "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
)
SHAPES = st.fixed_dictionaries(
    {
        "side": SIDES,
        "quantity": QUANTITIES,
        "price": PRICES,
        "stopPrice": PRICES,
        "timeInForce": st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK"]),
        "selfTradePreventionMode": MODES,
    }
)
WHO = st.integers(0, 2)


@dataclass(frozen=True)
class Step:
    """One input of the engine: a method that an account calls, or something that the market does."""

    verb: str
    who: int = -1
    values: dict[str, str] = field(default_factory=dict)


class Stage:
    """A floor with three accounts, on which steps are performed; the same steps give the same stage."""

    def __init__(self) -> None:
        self.floor: Floor = build_floor()
        self.limits = Limits(LimitSettings(FOREVER_MS, FOREVER_MS, FOREVER_MS), lambda: self.floor.now_ms)
        self.accounts = [self.floor.open_account(**STARTING) for _ in range(3)]
        self.accounts[2].pays_fees_in_bnb = True
        self.deposits = [{asset: D(amount) for asset, amount in STARTING.items()} for _ in self.accounts]
        self.floor.exchange.markets["BNBUSDT"].last_price = D(300)
        self.floor.draw_book([("99", "2"), ("98", "3")], [("101", "2"), ("102", "3")])
        self.floor.trade("100", "1", buyer_maker=False)

    def perform(self, step: Step) -> None:
        """Do one step; a refusal is fine, for it changes nothing."""
        self.floor.now_ms += 7
        actions: dict[str, Callable[[Step], None]] = {
            "trade": self._trade,
            "book": self._draw,
            "deposit": self._deposit,
            "expire": self._expire,
        }
        try:
            actions.get(step.verb, self._call)(step)
        except BinanceError:
            return

    def hash_events(self) -> str:
        """Return the hash of all user events so far."""
        return hashlib.sha256(msgspec.json.encode(self.floor.events)).hexdigest()

    def fills_of(self, account: Account) -> list[Any]:
        """List an account's fills."""
        return [fill for fill in self.floor.exchange.fills if fill.account_id == account.account_id]

    def _call(self, step: Step) -> None:
        account = self.accounts[step.who]
        values = {"symbol": "BTCUSDT", **step.values}
        choice = values.pop("choice", None)
        if choice is not None:
            orders = self.floor.exchange.open_of(account.account_id)
            if not orders:
                return
            values[values.pop("name")] = str(orders[int(choice) % len(orders)].order_id)
        key = ApiKey("key", account.account_id, Permissions(), 0, secret="secret")
        call = Call(self.floor.exchange, self.limits, Parameters(values), self.floor.now_ms, key)
        WEBSOCKET_ENDPOINTS[step.verb].handler(call)

    def _trade(self, step: Step) -> None:
        self.floor.trade(step.values["price"], step.values["quantity"], buyer_maker=step.values["side"] == "BUY")

    def _draw(self, step: Step) -> None:
        middle, quantity = D(step.values["price"]), step.values["quantity"]
        bids = [(str(middle - distance), quantity) for distance in (1, 2)]
        asks = [(str(middle + distance), quantity) for distance in (1, 2)]
        self.floor.draw_book(bids, asks)

    def _deposit(self, step: Step) -> None:
        asset, amount = step.values["asset"], D(step.values["amount"])
        self.floor.exchange.deposit(self.accounts[step.who], asset, amount)
        self.deposits[step.who][asset] += amount

    def _expire(self, step: Step) -> None:
        orders = self.floor.exchange.open_of(self.accounts[step.who].account_id)
        if orders:
            self.floor.exchange.expire(orders[int(step.values["choice"]) % len(orders)])


class MatchingMachine(RuleBasedStateMachine):
    """All that clients and the market can do to one symbol."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.steps: list[Step] = []
        self.names = 0

    def perform(self, step: Step) -> None:
        """Do one step and remember it."""
        self.steps.append(step)
        self.stage.perform(step)

    def name(self, prefix: str = "new") -> dict[str, str]:
        """Give a client order id, for random ones differ in each run."""
        self.names += 1
        return {f"{prefix}ClientOrderId": f"{prefix}-{self.names}"}

    @rule(who=WHO, kind=TYPES, shape=SHAPES, iceberg=st.booleans())
    def place(self, who: int, kind: str, shape: dict[str, str], *, iceberg: bool) -> None:
        """Place an order of any type."""
        self.perform(Step("order.place", who, select(kind, shape, iceberg=iceberg) | self.name()))

    @rule(who=WHO, side=SIDES, quote=st.integers(20, 900))
    def place_by_quote(self, who: int, side: str, quote: int) -> None:
        """Spend or earn an amount of the quote asset."""
        values = {"side": side, "type": "MARKET", "quoteOrderQty": str(quote)}
        self.perform(Step("order.place", who, values | self.name()))

    @rule(who=WHO, side=SIDES, quantity=QUANTITIES, delta=st.integers(10, 500))
    def place_trailing(self, who: int, side: str, quantity: str, delta: int) -> None:
        """Place a trailing stop."""
        values = {"side": side, "type": "STOP_LOSS", "quantity": quantity, "trailingDelta": str(delta)}
        self.perform(Step("order.place", who, values | self.name()))

    @rule(who=WHO, quantity=QUANTITIES, side=SIDES, far=st.integers(1, 6))
    def place_oco(self, who: int, quantity: str, side: str, far: int) -> None:
        """Place an OCO around the last price."""
        last = self.stage.floor.market.last_price or D(100)
        limit, stop = ("above", "below") if side == "SELL" else ("below", "above")
        offset = far if side == "SELL" else -far
        values = {"side": side, "quantity": quantity, f"{limit}Type": "LIMIT_MAKER", f"{stop}Type": "STOP_LOSS_LIMIT"}
        values |= {f"{limit}Price": str(last + offset), f"{stop}StopPrice": str(last - offset)}
        values |= {f"{stop}Price": str(last - offset), f"{stop}TimeInForce": "GTC"}
        values |= self.name("above") | self.name("below") | self.name("list")
        self.perform(Step("orderList.place.oco", who, values))

    @rule(who=WHO, working=PRICES, pending=PRICES, quantity=QUANTITIES, side=SIDES)
    def place_oto(self, who: int, working: str, pending: str, quantity: str, side: str) -> None:
        """Place an OTO."""
        values = {"workingType": "LIMIT", "workingSide": side, "workingPrice": working, "workingQuantity": quantity}
        values |= {"workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingTimeInForce": "GTC"}
        values |= {"pendingSide": "SELL" if side == "BUY" else "BUY", "pendingPrice": pending}
        values |= {"pendingQuantity": quantity} | self.name("working") | self.name("pending") | self.name("list")
        self.perform(Step("orderList.place.oto", who, values))

    @rule(who=WHO, choice=st.integers(0, 30))
    def cancel(self, who: int, choice: int) -> None:
        """Cancel any open order."""
        self.perform(Step("order.cancel", who, {"choice": str(choice), "name": "orderId"} | self.name()))

    @rule(who=WHO, choice=st.integers(0, 30), quantity=QUANTITIES)
    def amend(self, who: int, choice: int, quantity: str) -> None:
        """Change the quantity of any open order."""
        values = {"choice": str(choice), "name": "orderId", "newQty": quantity}
        self.perform(Step("order.amend.keepPriority", who, values | self.name()))

    @rule(who=WHO, choice=st.integers(0, 30), shape=SHAPES, mode=st.sampled_from(["STOP_ON_FAILURE", "ALLOW_FAILURE"]))
    def replace(self, who: int, choice: int, shape: dict[str, str], mode: str) -> None:
        """Cancel any open order and place another."""
        values = {"choice": str(choice), "name": "cancelOrderId", "cancelReplaceMode": mode}
        values |= {"cancelNewClientOrderId": f"cancel-{self.names}"}
        self.perform(Step("order.cancelReplace", who, select("LIMIT", shape, iceberg=False) | values | self.name()))

    @rule(who=WHO, choice=st.integers(0, 30))
    def expire(self, who: int, choice: int) -> None:
        """End an order from the exchange's side."""
        self.perform(Step("expire", who, {"choice": str(choice)}))

    @rule(price=PRICES, quantity=QUANTITIES, side=SIDES)
    def trade(self, price: str, quantity: str, side: str) -> None:
        """Let the outside market trade."""
        self.perform(Step("trade", values={"price": price, "quantity": quantity, "side": side}))

    @rule(price=PRICES, quantity=QUANTITIES)
    def draw(self, price: str, quantity: str) -> None:
        """Show another outside book."""
        self.perform(Step("book", values={"price": price, "quantity": quantity}))

    @rule(who=WHO, asset=st.sampled_from(sorted(STARTING)), amount=st.integers(-50, 200))
    def deposit(self, who: int, asset: str, amount: int) -> None:
        """Move money in or out."""
        self.perform(Step("deposit", who, {"asset": asset, "amount": str(amount)}))

    @invariant()
    def money_is_conserved(self) -> None:
        """Balances follow from deposits and fills alone, to the last digit, and none is negative."""
        for account, deposits in zip(self.stage.accounts, self.stage.deposits, strict=True):
            expected = dict(deposits)
            for fill in self.stage.fills_of(account):
                sign = 1 if fill.side == "BUY" else -1
                expected["BTC"] += sign * fill.quantity
                expected["USDT"] -= sign * fill.quantity * fill.price
                expected[fill.commission_asset] -= fill.commission
            assert {asset: each.free + each.locked for asset, each in account.balances.items()} == expected
            assert all(each.free >= 0 and each.locked >= 0 for each in account.balances.values())

    @invariant()
    def locks_are_what_open_orders_need(self) -> None:
        """What is locked is what the open orders need."""
        for account in self.stage.accounts:
            orders = self.stage.floor.exchange.open_of(account.account_id)
            for order in orders:
                # A trailing purchase keeps the lock of its first price, though it could need less by now.
                keeps_more = order.trailing_delta is not None and order.locked > lock_needed(order)
                assert keeps_more or order.locked == lock_needed(order)
            for asset, side in (("BTC", "SELL"), ("USDT", "BUY")):
                locked = sum((order.locked for order in orders if order.side == side), D(0))
                assert account.balance(asset).locked == locked

    @invariant()
    def both_sides_of_a_trade_agree(self) -> None:
        """Two accounts that met have one trade: opposite sides, one price, one quantity, one maker."""
        met: dict[int, list[Any]] = {}
        for fill in self.stage.floor.exchange.fills:
            met.setdefault(fill.trade_id, []).append(fill)
        for fills in met.values():
            assert len({(fill.price, fill.quantity) for fill in fills}) == 1
            assert len({fill.side for fill in fills}) == len({fill.is_maker for fill in fills}) == len(fills) <= 2

    @invariant()
    def book_is_not_crossed(self) -> None:
        """Nobody would still trade with anybody."""
        bid, ask = (self.stage.floor.market.book.best(side) for side in ("BUY", "SELL"))
        assert bid is None or ask is None or bid[0] < ask[0]

    @invariant()
    def levels_show_what_rests(self) -> None:
        """The book's own sums and its sorted prices agree with the orders and the feed's quantities in it."""
        book = self.stage.floor.market.book
        for side, levels in book.resting.items():
            external = book.external[side]
            prices = sorted(levels.keys() | external.keys(), reverse=side == "BUY")
            expected = [
                (price, external.get(price, D(0)) + sum((order.visible for order in levels.get(price, ())), D(0)))
                for price in prices
            ]
            assert book.levels(side, 1000) == expected
            assert all(quantity > 0 for _, quantity in expected)

    @invariant()
    def queues_are_first_in_first_out(self) -> None:
        """Nobody waits before somebody at the same price who was filled there, but for the hidden part of icebergs."""
        for levels in self.stage.floor.market.book.resting.values():
            for queue in levels.values():
                plain = [order for order in queue if order.iceberg_quantity is None]
                for earlier, later in pairwise(plain):
                    assert (earlier.queue_ahead or D(0)) <= (later.queue_ahead or D(0))
                    assert not any(fill.is_maker for fill in later.fills)

    @invariant()
    def orders_add_up(self) -> None:
        """Orders follow from their fills, and those that work stand in the book."""
        book = self.stage.floor.market.book
        resting = {order.order_id for side in book.resting.values() for order in flatten(side)}
        for order in self.stage.floor.exchange.orders.values():
            assert order.executed == sum((fill.quantity for fill in order.fills), D(0))
            assert order.cumulative_quote == sum((fill.quantity * fill.price for fill in order.fills), D(0))
            assert order.executed + order.prevented_quantity <= order.quantity
            if order.status == "FILLED":
                # What self-trade prevention took away (DECREMENT) does not keep the rest from being all of it.
                assert order.executed + order.prevented_quantity == order.quantity
            assert order.status == "FILLED" or not order.executed or order.executed < order.quantity
            is_working = order.is_open and order.status != "PENDING_NEW" and not order.waits_for_trigger
            assert (order.order_id in resting) == is_working

    def teardown(self) -> None:
        """The same steps once more give the same events, to the last byte."""
        again = Stage()
        for step in self.steps:
            again.perform(step)
        assert again.hash_events() == self.stage.hash_events()


class BooksMachine(RuleBasedStateMachine):
    """An account's verbs against a model that is two numbers per asset."""

    locks = Bundle("locks")

    @initialize(amount=st.integers(0, 10**12))
    def open(self, amount: int) -> None:
        """Open an account."""
        self.account = Accounts().create({"USDT": D(amount) / 10**8})
        self.free, self.locked = D(amount) / 10**8, D(0)

    @rule(amount=st.integers(-(10**12), 10**12))
    def deposit(self, amount: int) -> None:
        """Move money in or out."""
        change = D(amount) / 10**8
        if self.free + change < 0:
            with pytest.raises(BinanceError):
                self.account.deposit("USDT", change)
        else:
            self.account.deposit("USDT", change)
            self.free += change

    @rule(target=locks, amount=st.integers(0, 10**12))
    def lock(self, amount: int) -> Decimal:
        """Lock an amount for a new order."""
        return self.move(D(0), D(amount) / 10**8)

    @rule(lock=st.data())
    def release_a_part(self, lock: st.DataObject) -> None:
        """Change what is locked for an order."""
        before = D(lock.draw(st.integers(0, int(self.locked * 10**8)))) / 10**8
        after = D(lock.draw(st.integers(0, 10**12))) / 10**8
        self.move(before, after)

    def move(self, before: Decimal, after: Decimal) -> Decimal:
        """Change a lock in the account and in the model, unless there is too little."""
        if self.free + before - after < 0:
            with pytest.raises(BinanceError):
                self.account.move_lock("USDT", before, after)
            return before
        self.account.move_lock("USDT", before, after)
        self.free, self.locked = self.free + before - after, self.locked + after - before
        return after

    @invariant()
    def agrees(self) -> None:
        """Account and model hold the same."""
        balance = self.account.balance("USDT")
        assert (balance.free, balance.locked) == (self.free, self.locked)
        assert min(balance.free, balance.locked) >= 0


def select(kind: str, shape: dict[str, str], *, iceberg: bool) -> dict[str, str]:
    """Keep of a shape what an order of this type takes."""
    values = {"type": kind, **shape}
    if kind in {"MARKET", "STOP_LOSS", "TAKE_PROFIT"}:
        del values["price"]
    if kind in {"LIMIT", "LIMIT_MAKER", "MARKET"}:
        del values["stopPrice"]
    if kind in {"MARKET", "STOP_LOSS", "TAKE_PROFIT", "LIMIT_MAKER"}:
        del values["timeInForce"]
    if iceberg and values.get("timeInForce") == "GTC":
        values["icebergQty"] = "0.1"
    return values


def flatten(levels: dict[Decimal, list[Order]]) -> list[Order]:
    """List the orders of one side of a book."""
    return [order for queue in levels.values() for order in queue]


# Shrinking a failure could take minutes here; the failing steps are printed as they were.
BOUNDED = settings(max_examples=40, stateful_step_count=40, deadline=None, derandomize=True, phases=[Phase.generate])
TestMatching = MatchingMachine.TestCase
TestMatching.settings = BOUNDED
TestBooks = BooksMachine.TestCase
TestBooks.settings = BOUNDED


def run_synthetic_day(seed: int) -> str:
    """Return the hash of everything told of a day in which a trader and a seeded market meet."""
    stage = Stage()
    character = CHARACTERS["BTCUSDT"]
    source = SyntheticMarket(INSTRUMENTS[0], character, seed, 1.0, start_price=D(100))
    told: list[MarketEvent] = []
    for number in range(300):
        events = source.advance()
        told += events
        for event in events:
            stage.floor.exchange.apply_feed(event)
        price = (stage.floor.market.last_price or D(100)).quantize(D("0.01"))
        values = {"side": "BUY" if number % 2 else "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1"}
        values |= {"price": str(price), "newClientOrderId": f"order-{number}"}
        stage.perform(Step("order.place", number % 3, values))
    return hashlib.sha256((stage.hash_events() + repr(told)).encode()).hexdigest()


def test_same_seed_and_inputs_tell_the_same_story() -> None:
    assert run_synthetic_day(7) == run_synthetic_day(7)
    assert run_synthetic_day(7) != run_synthetic_day(8)
