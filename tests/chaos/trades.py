"""The exchange's orders and trades of one algorithm, in the ledger's words: what rules about fills compare with."""

from decimal import Decimal
from typing import Any

from tests.chaos.evidence import AlgorithmEvidence, Evidence

# Symbol, trade id and client order id: an algorithm that trades with itself has two trades of one id.
TradeKey = tuple[str, int, str]


def index_own_orders(evidence: Evidence, algorithm: AlgorithmEvidence) -> dict[str, dict[str, Any]]:
    """Return the exchange's orders of the algorithm by client order id."""
    return {
        order["clientOrderId"]: order
        for account in evidence.accounts
        for order in account["orders"]
        if order["clientOrderId"].startswith(algorithm.prefix)
    }


def index_own_trades(evidence: Evidence, algorithm: AlgorithmEvidence) -> dict[TradeKey, dict[str, Any]]:
    """Return the exchange's trades of the algorithm's orders."""
    numbers = {order["orderId"]: number for number, order in index_own_orders(evidence, algorithm).items()}
    return {
        (fill["symbol"], fill["id"], numbers[fill["orderId"]]): {
            "side": "BUY" if fill["isBuyer"] else "SELL",
            "price": Decimal(fill["price"]),
            "quantity": Decimal(fill["qty"]),
            "quote_quantity": Decimal(fill["quoteQty"]),
            "commission": Decimal(fill["commission"]),
            "commission_asset": fill["commissionAsset"],
            "is_maker": fill["isMaker"],
            "trade_time_ms": fill["time"],
        }
        for account in evidence.accounts
        for fill in account["fills"]
        if fill["orderId"] in numbers
    }
