"""What self-trade prevention kept from trading, apart because queries and events tell of it in words of their own."""

from decimal import Decimal
from typing import Any

import msgspec

from stockade_paper.amounts import format_amount
from stockade_paper.orders import Order


class PreventedMatch(msgspec.Struct, frozen=True, gc=False):
    """Two orders of one account that met ("Self-Trade Prevention FAQ")."""

    match_id: int
    account_id: int
    symbol: str
    taker_order_id: int
    maker_order_id: int
    mode: str
    price: Decimal
    quantity: Decimal
    time_ms: int

    def describe(self) -> dict[str, Any]:
        """Write it as a row of myPreventedMatches."""
        return {
            "symbol": self.symbol,
            "preventedMatchId": self.match_id,
            "takerOrderId": self.taker_order_id,
            "makerSymbol": self.symbol,
            "makerOrderId": self.maker_order_id,
            "tradeGroupId": self.account_id,
            "selfTradePreventionMode": self.mode,
            "price": format_amount(self.price),
            "makerPreventedQuantity": format_amount(self.quantity),
            "transactTime": self.time_ms,
        }

    def report(self, order: Order) -> dict[str, Any]:
        """Write the keys that the executionReport of one of the two orders has besides the usual ones."""
        is_taker = order.order_id == self.taker_order_id
        return {
            "B": format_amount(self.quantity),
            "u": self.account_id,
            "U": self.maker_order_id if is_taker else self.taker_order_id,
            "Cs": self.symbol,
            "pl": format_amount(self.quantity),
            "pL": format_amount(self.price),
            "pY": format_amount(self.price * self.quantity),
        }
