"""Shares out the account's limits: answers the sidecars' reports, makes room for manual orders, keeps itself informed.

The decisions are `shares.py`'s; here is what they are made from: control, ledger, prices, and the order limit.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from stockade_gateway.account.errors import OtherGranterError, RequestError
from stockade_gateway.account.exchange_client import ExchangeClient
from stockade_gateway.account.left_behind import LeftBehindReader, Reading, value_left_behind
from stockade_gateway.account.manual_book import ManualBook
from stockade_gateway.account.manual_orders import ManualOrder
from stockade_gateway.account.shares import (
    MARGIN_SECONDS,
    SOLE_SECONDS,
    ZERO,
    Remains,
    State,
    Terms,
    compute_result,
    decide,
    find_hindrance,
    find_room,
)
from stockade_gateway.control import AccountLimits, Control
from stockade_gateway.errors import ExchangeError, LedgerError, ShareError
from stockade_gateway.market import Market
from stockade_gateway.rate_budget import Purpose, RateBudget
from stockade_gateway.share_messages import LATEST_SECONDS, LEASE_SECONDS, Report, check_mac, make_mac

_READ_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_STALE_SECONDS = 60.0
# Three reports of every sidecar: by then what they don't use has moved to where it is wanted.
_ROOM_SECONDS = 4.0
_ORDER_WINDOW_SECONDS = 10

_LOG = logging.getLogger(__name__)
_report_decoder = msgspec.json.Decoder(Report)
_encoder = msgspec.json.Encoder()


class ShareDesk:
    """One account's giver of leases; `run` it."""

    def __init__(
        self,
        *,
        key: bytes,
        exchange: ExchangeClient,
        budget: RateBudget,
        reader: LeftBehindReader,
        read_control: Callable[[], Control | None],
        list_manual_orders: Callable[[], Iterable[ManualOrder]],
    ) -> None:
        self._key = key
        self._exchange = exchange
        self._budget = budget
        self._reader = reader
        self._read_control = read_control
        self._list_manual_orders = list_manual_orders
        self.manual = ManualBook()
        self._state = State(epoch=os.urandom(8).hex(), grants_from=None)
        self._reading = Reading([], [], [])
        self._reading_time: float | None = None
        self._market = Market()
        self._priced_time = -_STALE_SECONDS
        self._manual_wanted = (0.0, ZERO)
        self._order_limit_known = False
        self.message: str | None = "the limits are not shared out yet"

    def answer(self, body: bytes, mac: str) -> tuple[bytes, str]:
        """Return the answer to a report and its MAC. Raises ShareError for one that is not from this account."""
        check_mac(self._key, mac, body)
        try:
            report = _report_decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise ShareError(f"the report can't be read: {error}") from error
        if abs(time.time_ns() - report.sent_ns) > LATEST_SECONDS * 1e9:
            raise ShareError("the report is too old, or the clocks of the two pods differ")
        self._state, lease = decide(self._state, report, self._make_terms(), time.monotonic())
        answer = _encoder.encode(lease)
        return answer, make_mac(self._key, mac.encode(), answer)

    def count_holders(self) -> int:
        """Return how many sidecars hold a lease or may still."""
        return len(self._state.holders)

    async def make_room(self, order: ManualOrder) -> None:
        """Return when the account's limits have room for the order; the caller counts it in the same step.

        Raises RequestError (409) when they don't within a few seconds.
        """
        limits = self._find_limits()
        if limits is None or order.side == "SELL":
            return
        await self._learn_symbol(order.symbol)
        ends = time.monotonic() + _ROOM_SECONDS
        while (fault := self._find_fault(order)) is not None:
            if time.monotonic() > ends:
                raise RequestError(409, "ACCOUNT_LIMIT_EXCEEDED", fault)
            await asyncio.sleep(_ORDER_WINDOW_SECONDS / 50)

    async def run(self) -> None:
        """Keep the lock, the ledger's reading, prices and the order limit fresh until cancelled."""
        try:
            while True:
                pause = _READ_SECONDS
                try:
                    await self._refresh()
                except OtherGranterError as error:
                    self._state = msgspec.structs.replace(self._state, grants_from=None)
                    self._note(str(error))
                    pause = _RETRY_SECONDS
                except (LedgerError, ExchangeError) as error:
                    self._note(str(error))
                    pause = _RETRY_SECONDS
                else:
                    self._note(None)
                await asyncio.sleep(pause)
        finally:
            self._reader.close()

    async def _refresh(self) -> None:
        if not self._order_limit_known:
            await self._exchange.get_exchange_info("BTCUSDT", Purpose.ORDER)
            self._order_limit_known = True
        for symbol in self.manual.list_unknown_symbols():
            await self._learn_symbol(symbol)
        reading, read_time, failure = self._reading, self._reading_time, None
        try:
            reading, read_time = await self._read_ledger()
        except OtherGranterError:
            raise
        except LedgerError as error:
            # What was read last is still what is left behind; its price is not.
            failure = error
        is_due = failure is None or time.monotonic() > self._priced_time + _READ_SECONDS
        if is_due and self._find_limits() is not None:
            orders = {order.symbol for order in self._list_manual_orders()}
            await self._refresh_prices(reading.list_symbols() | self.manual.list_traded_symbols() | orders)
        self._reading, self._reading_time = reading, read_time
        if failure is not None:
            raise failure

    async def _read_ledger(self) -> tuple[Reading, float | None]:
        """Return what is left behind and when that was asked, having taken the lock if it was not held."""
        if await asyncio.to_thread(self._reader.acquire):
            # Whoever had the lock before may have granted until this moment.
            started = time.monotonic() + LEASE_SECONDS + MARGIN_SECONDS
            self._state = msgspec.structs.replace(self._state, grants_from=started)
        if self._find_limits() is None:
            return self._reading, self._reading_time
        begun = time.monotonic()
        return await asyncio.to_thread(self._reader.read, datetime.now(UTC).date()), begun

    async def _refresh_prices(self, symbols: set[str]) -> None:
        if symbols:
            await self._ask_prices(symbols)
        self._priced_time = time.monotonic()

    async def _ask_prices(self, symbols: set[str]) -> None:
        for row in await self._exchange.get_quotes(sorted(symbols)):
            self._market.quotes.pop(row["symbol"], None)
            self._market.seed_quote(row["symbol"], row["bidPrice"], row["askPrice"], time.time_ns())

    async def _learn_symbol(self, symbol: str) -> None:
        try:
            if symbol not in self.manual.rules:
                info = await self._exchange.get_exchange_info(symbol, Purpose.ORDER)
                for entry in info["symbols"]:
                    self.manual.add_rules(entry)
            if self._find_price(symbol, _READ_SECONDS) is None:
                await self._ask_prices({symbol})
        except ExchangeError as error:
            _LOG.warning("%s can't be valued: %s", symbol, error)

    def _find_price(self, symbol: str, most_seconds: float = _STALE_SECONDS) -> Decimal | None:
        """Return the symbol's price unless it is older than that: a price of long ago would let too much through."""
        quote = self._market.quotes.get(symbol)
        is_young = quote is not None and time.time_ns() - quote[2] < most_seconds * 1e9
        return self._market.mark(symbol) if is_young else None

    def _find_fault(self, order: ManualOrder) -> str | None:
        """Return why the account's limits have no room for the order."""
        terms, now = self._make_terms(), time.monotonic()
        if (hindrance := find_hindrance(self._state, terms, now)) is not None:
            return f"The account's limits let nothing grow: {hindrance}."
        price = self._find_price(order.symbol)
        rules = self.manual.rules.get(order.symbol)
        if price is None or rules is None:
            return f"There is no price to value {order.symbol} with: the exchange does not tell it. Try again."
        if rules.quote != terms.quote_asset:
            return f"The account's limits are in {terms.quote_asset}, {order.symbol} is priced in {rules.quote}."
        if terms.max_daily_loss is not None and -compute_result(self._state, terms) >= terms.max_daily_loss:
            return "Today's loss of the account has reached its maxDailyLoss."
        room = find_room(self._state, terms, now)
        needed = order.quantity * max(price, order.price or ZERO, order.stop_price or ZERO)
        if room is None or needed <= room:
            self._manual_wanted = (0.0, ZERO)
            return None
        self._manual_wanted = (now, needed)
        return (
            f"The order needs {needed.normalize():f} of the account's maxExposure {terms.max_exposure}; "
            f"{room.normalize():f} is not in use or lent to algorithms."
        )

    def _find_limits(self) -> AccountLimits | None:
        control = self._read_control()
        return None if control is None else control.account.limits

    def _make_terms(self) -> Terms:
        now = time.monotonic()
        limits = self._find_limits() or AccountLimits()
        fresh = now < self._priced_time + _STALE_SECONDS
        market = self._market if fresh else Market()
        marks = {symbol: mark for symbol in self._reading.list_symbols() if (mark := market.mark(symbol)) is not None}
        limited = limits.max_exposure is not None or limits.max_daily_loss is not None
        today = datetime.now(UTC)
        return Terms(
            max_exposure=limits.max_exposure,
            max_daily_loss=limits.max_daily_loss,
            quote_asset=limits.quote_asset,
            order_limit=self._budget.find_order_limit(_ORDER_WINDOW_SECONDS),
            day=today.date().isoformat(),
            left_behind=value_left_behind(self._reading, marks, limits.quote_asset) if limited else {},
            left_behind_time=self._reading_time,
            # The lock is held by the connection that reads, and lives as long as it.
            sole_until=0.0 if self._reading_time is None else self._reading_time + SOLE_SECONDS,
            manual=self.manual.value(self._list_manual_orders(), market, limits.quote_asset, today)
            if limited
            else Remains(ZERO, ZERO),
            manual_wanted=self._manual_wanted[1] if now < self._manual_wanted[0] + _ROOM_SECONDS else Decimal(0),
        )

    def _note(self, message: str | None) -> None:
        if message != self.message and message is not None:
            _LOG.warning("the account's limits: %s", message)
        self.message = message
