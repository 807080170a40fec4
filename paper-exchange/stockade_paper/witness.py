"""The witness: everything the exchange knows about its accounts, for tests that must not believe the client."""

from typing import Any

from stockade_paper.accounts import Account
from stockade_paper.amounts import format_amount
from stockade_paper.exchange import Exchange
from stockade_paper.orders import Fill, Order, describe_query


def describe_state(exchange: Exchange) -> dict[str, Any]:
    """Write all accounts with their balances, orders and fills; no secret is in it."""
    orders: dict[int, list[Order]] = {}
    for order in exchange.orders.values():
        orders.setdefault(order.account_id, []).append(order)
    fills: dict[int, list[Fill]] = {}
    for fill in exchange.fills:
        fills.setdefault(fill.account_id, []).append(fill)
    return {
        "serverTime": exchange.clock(),
        "accounts": [
            _describe_account(exchange, account, orders.get(number, []), fills.get(number, []))
            for number, account in exchange.accounts.by_id.items()
        ],
        "markets": {
            symbol: {
                "status": market.status,
                "lastPrice": format_amount(market.last_price) if market.last_price is not None else None,
                "lastTradeId": market.trades[-1].trade_id if market.trades else None,
                "updateId": market.book.update_id,
            }
            for symbol, market in exchange.markets.items()
        },
    }


def _describe_account(exchange: Exchange, account: Account, orders: list[Order], fills: list[Fill]) -> dict[str, Any]:
    number = account.account_id
    return {
        "account": number,
        "apiKeys": [key.api_key for key in exchange.accounts.keys.values() if key.account_id == number],
        "balances": {
            asset: {"free": format_amount(balance.free), "locked": format_amount(balance.locked)}
            for asset, balance in sorted(account.balances.items())
        },
        "orders": [describe_query(order) for order in orders],
        "openOrders": [describe_query(order) for order in exchange.open_of(number)],
        "fills": [fill.describe() for fill in fills],
        "orderLists": [
            order_list.describe("ALL_DONE" if order_list.is_done else "EXEC_STARTED", order_list.created_ms)
            for order_list in exchange.lists.of_account(number)
        ],
    }
