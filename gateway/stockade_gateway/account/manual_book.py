"""What manual orders have bought, hold and have earned; apart from the desk, which places and follows them.

A sale of what was there before is not counted as a position: on spot it only lowers what the account has at stake.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from stockade_gateway.account.manual_orders import ManualOrder
from stockade_gateway.account.shares import ZERO, Remains
from stockade_gateway.filters import InstrumentRules, parse_instrument_rules
from stockade_gateway.ledger_entries import read_fill_row
from stockade_gateway.ledger_rows import FillRow
from stockade_gateway.market import Market
from stockade_gateway.positions import Positions


class ManualBook:
    """The account's manual fills, each counted once; those of a symbol count when its rules are known."""

    def __init__(self) -> None:
        self.rules: dict[str, InstrumentRules] = {}
        # False until the fills of earlier days were read: until then what is held is unknown, not nothing.
        self.is_whole = False
        self._positions = Positions(self.rules)
        # By order, as two orders that trade with each other have two fills of one trade id.
        self._counted: dict[str, dict[int, Decimal]] = {}
        self._waiting: list[FillRow] = []

    def take_fill(self, row: FillRow) -> None:
        """Count a fill, unless it was counted before."""
        counted = self._counted.setdefault(row.client_order_id, {})
        if row.trade_id in counted:
            return
        counted[row.trade_id] = row.quantity
        if row.symbol in self.rules:
            self._positions.apply(read_fill_row(row))
        else:
            self._waiting.append(row)

    def count_filled(self, client_order_id: str) -> Decimal:
        """Return the quantity of an order's fills counted so far."""
        return sum(self._counted.get(client_order_id, {}).values(), ZERO)

    def add_rules(self, entry: Mapping[str, Any]) -> None:
        """Take in a symbol's entry of `exchangeInfo`, and the fills that waited for it."""
        rules = parse_instrument_rules(entry)
        self.rules[rules.symbol] = rules
        ready = [row for row in self._waiting if row.symbol in self.rules]
        self._waiting = [row for row in self._waiting if row.symbol not in self.rules]
        for row in ready:
            self._positions.apply(read_fill_row(row))

    def list_unknown_symbols(self) -> set[str]:
        """Return the symbols whose rules are missing."""
        return {row.symbol for row in self._waiting}

    def list_traded_symbols(self) -> set[str]:
        """Return the symbols whose price the result depends on: more was bought than sold, or less."""
        return {symbol for symbol in self._positions.symbols() if self._positions.quantity(symbol)}

    def value(self, orders: Iterable[ManualOrder], market: Market, quote_asset: str, now: datetime) -> Remains:
        """Return the exposure of what is held and of open purchases, and the day's result; None is unknown."""
        if self._waiting or not self.is_whole:
            return Remains(None, None)
        buys: dict[str, Decimal] = {}
        prices: dict[str, Decimal] = {}
        for order in orders:
            if order.side == "BUY":
                # What was filled and is not counted yet has to stand somewhere: here it still does.
                left = order.quantity - self.count_filled(order.client_order_id)
                buys[order.symbol] = buys.get(order.symbol, ZERO) + left
                price = max(order.price or ZERO, order.stop_price or ZERO)
                prices[order.symbol] = max(prices.get(order.symbol, ZERO), price)
        exposure: Decimal | None = ZERO
        held_symbols = {symbol for symbol in self.list_traded_symbols() if self._positions.quantity(symbol) > 0}
        for symbol in held_symbols | set(buys):
            mark, rules = market.mark(symbol), self.rules.get(symbol)
            if exposure is None or mark is None or rules is None or rules.quote != quote_asset:
                exposure = None
                continue
            held = max(self._positions.quantity(symbol), ZERO)
            exposure += (held + buys.get(symbol, ZERO)) * max(mark, prices.get(symbol, ZERO))
        return Remains(exposure, self._positions.compute_day_result(market, now).total)
