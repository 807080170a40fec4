"""What an account may ask about itself ("Account endpoints")."""

from collections.abc import Sequence
from typing import Any, TypeVar

from stockade_paper.amounts import ZERO, format_amount
from stockade_paper.candles import DAY_MS
from stockade_paper.endpoints.call import Call, Endpoint
from stockade_paper.errors import BinanceError, missing_either, missing_parameter, no_such_order
from stockade_paper.instruments import describe_filters
from stockade_paper.orders import describe_query
from stockade_paper.parameters import Parameters

Row = TypeVar("Row")


def show_account(call: Call) -> dict[str, Any]:
    """Tell rates, rights and balances."""
    account, fees = call.account, call.exchange.fees
    omit_zero = call.parameters.boolean("omitZeroBalances", default=False)
    permissions = call.key.permissions if call.key is not None else None
    basis_points = 10_000
    return {
        "makerCommission": int(fees.maker * basis_points),
        "takerCommission": int(fees.taker * basis_points),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": format_amount(fees.maker),
            "taker": format_amount(fees.taker),
            "buyer": format_amount(ZERO),
            "seller": format_amount(ZERO),
        },
        "canTrade": permissions is None or permissions.can_trade,
        "canWithdraw": permissions is not None and permissions.can_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": account.updated_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": format_amount(balance.free), "locked": format_amount(balance.locked)}
            for asset, balance in sorted(account.balances.items())
            if not omit_zero or balance.free or balance.locked
        ],
        "permissions": ["SPOT"],
        "uid": account.account_id,
    }


def show_order(call: Call) -> dict[str, Any]:
    """Tell one order."""
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    order_id = call.parameters.integer("orderId")
    client_id = call.parameters.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise missing_either("origClientOrderId", "orderId")
    order = call.exchange.find(call.account.account_id, symbol, order_id, client_id)
    if order is None:
        raise no_such_order()
    return describe_query(order)


def list_open_orders(call: Call) -> list[dict[str, Any]]:
    """List open orders of one or all symbols."""
    symbol = call.parameters.symbol() if call.parameters.has("symbol") else None
    if symbol is not None:
        call.exchange.market(symbol)
    orders = call.exchange.open_of(call.account.account_id)
    return [describe_query(order) for order in orders if symbol in {None, order.symbol}]


def list_all_orders(call: Call) -> list[dict[str, Any]]:
    """List orders of a symbol, open or not, from an id or a time on, else the newest."""
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    first = call.parameters.integer("orderId")
    start, end = read_times(call.parameters)
    orders = [
        order
        for order in call.exchange.orders.values()
        if order.account_id == call.account.account_id
        and order.symbol == symbol
        and (first is None or order.order_id >= first)
        and is_within(order.created_ms, start, end)
    ]
    return [describe_query(order) for order in page(call.parameters, orders, oldest=first is not None or bool(start))]


def list_my_trades(call: Call) -> list[dict[str, Any]]:
    """List an account's trades of a symbol."""
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    first, order_id = call.parameters.integer("fromId"), call.parameters.integer("orderId")
    start, end = read_times(call.parameters)
    if first is not None and (start is not None or end is not None):
        raise BinanceError(-1128, "Combination of optional parameters invalid.")
    fills = [
        fill
        for fill in call.exchange.fills
        if fill.account_id == call.account.account_id
        and fill.symbol == symbol
        and fill.allocation_id is None
        and (first is None or fill.trade_id >= first)
        and (order_id is None or fill.order_id == order_id)
        and is_within(fill.time_ms, start, end)
    ]
    return [fill.describe() for fill in page(call.parameters, fills, oldest=first is not None or bool(start))]


def show_order_limits(call: Call) -> list[dict[str, Any]]:
    """Tell the unfilled-order counts."""
    return call.limits.describe_orders(call.account.account_id)


def show_commission(call: Call) -> dict[str, Any]:
    """Tell the commission rates of a symbol."""
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    fees = call.exchange.fees
    zero = dict.fromkeys(("maker", "taker", "buyer", "seller"), format_amount(ZERO))
    return {
        "symbol": symbol,
        "standardCommission": zero | {"maker": format_amount(fees.maker), "taker": format_amount(fees.taker)},
        "specialCommission": zero,
        "taxCommission": zero,
        "discount": {
            "enabledForAccount": call.account.pays_fees_in_bnb,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        },
    }


def list_amendments(call: Call) -> list[dict[str, Any]]:
    """List the amendments of an order."""
    order_id = call.parameters.integer("orderId")
    if order_id is None:
        raise missing_parameter("orderId")
    order = call.exchange.find(call.account.account_id, call.parameters.symbol(), order_id, None)
    if order is None:
        raise no_such_order()
    return order.amends


def list_prevented_matches(call: Call) -> list[dict[str, Any]]:
    """List self-trades that were prevented."""
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    names = ("preventedMatchId", "orderId", "fromPreventedMatchId")
    match_id, order_id, first = (call.parameters.integer(name) for name in names)
    if match_id is None and order_id is None:
        raise missing_either("preventedMatchId", "orderId")
    matches = [
        match
        for match in call.exchange.prevented
        if match.account_id == call.account.account_id
        and match.symbol == symbol
        and match_id in {None, match.match_id}
        and order_id in {None, match.taker_order_id, match.maker_order_id}
        and (first is None or match.match_id >= first)
    ]
    return [match.describe() for match in page(call.parameters, matches, oldest=True)]


def list_allocations(call: Call) -> list[dict[str, Any]]:
    """List an account's allocations, what smart order routing gave its orders."""
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    first, order_id = call.parameters.integer("fromAllocationId"), call.parameters.integer("orderId")
    start, end = read_times(call.parameters)
    fills = [
        fill
        for fill in call.exchange.fills
        if fill.account_id == call.account.account_id
        and fill.symbol == symbol
        and fill.allocation_id is not None
        and (first is None or fill.allocation_id >= first)
        and (order_id is None or fill.order_id == order_id)
        and is_within(fill.time_ms, start, end)
    ]
    chosen = page(call.parameters, fills, oldest=first is not None or bool(start))
    return [fill.describe_allocation() for fill in chosen]


def show_filters(call: Call) -> dict[str, Any]:
    """Tell the filters that hold for this account on a symbol."""
    market = call.exchange.market(call.parameters.symbol())
    return {"exchangeFilters": [], "symbolFilters": describe_filters(market.instrument), "assetFilters": []}


def show_key_restrictions(call: Call) -> dict[str, Any]:
    """Tell what the calling key may do (`/sapi/v1/account/apiRestrictions`)."""
    if call.key is None:
        raise LookupError("a signed endpoint was called without a key")
    permissions = call.key.permissions
    return {
        "ipRestrict": permissions.ip_restricted,
        "createTime": call.key.created_ms,
        "enableReading": True,
        "enableSpotAndMarginTrading": permissions.can_trade,
        "enableWithdrawals": permissions.can_withdraw,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableMargin": False,
        "enableFutures": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


def list_trade_fees(call: Call) -> list[dict[str, str]]:
    """Tell the rates of one or all symbols (`/sapi/v1/asset/tradeFee`)."""
    symbols = [call.parameters.symbol()] if call.parameters.has("symbol") else list(call.exchange.markets)
    maker, taker = str(call.exchange.fees.maker), str(call.exchange.fees.taker)
    markets = [call.exchange.market(symbol) for symbol in symbols]
    return [
        {"symbol": market.instrument.symbol, "makerCommission": maker, "takerCommission": taker} for market in markets
    ]


def read_times(parameters: Parameters) -> tuple[int | None, int | None]:
    """Read `startTime` and `endTime`; raises BinanceError -1127 when they are more than 24 hours apart."""
    start, end = parameters.integer("startTime"), parameters.integer("endTime")
    if start is not None and end is not None and end - start > DAY_MS:
        raise BinanceError(-1127, "More than 24 hours between startTime and endTime.")
    return start, end


def is_within(time_ms: int, start: int | None, end: int | None) -> bool:
    """Whether a time lies between two bounds, each of which may be missing."""
    return (start is None or time_ms >= start) and (end is None or time_ms <= end)


def page(parameters: Parameters, rows: Sequence[Row], *, oldest: bool) -> Sequence[Row]:
    """Cut to `limit`: the oldest rows when the caller said where to begin, else the newest."""
    limit = parameters.limit(500, 1000)
    return rows[:limit] if oldest else rows[-limit:]


def _weigh_open_orders(parameters: Parameters) -> int:
    return 6 if parameters.has("symbol") else 80


def _weigh_my_trades(parameters: Parameters) -> int:
    return 5 if parameters.has("orderId") else 20


def _weigh_prevented(parameters: Parameters) -> int:
    return 20 if parameters.has("orderId") else 2


ENDPOINTS = (
    Endpoint(show_account, 20, ("GET", "/api/v3/account"), "account.status", signed=True),
    Endpoint(show_order, 4, ("GET", "/api/v3/order"), "order.status", signed=True),
    Endpoint(list_open_orders, _weigh_open_orders, ("GET", "/api/v3/openOrders"), "openOrders.status", signed=True),
    Endpoint(list_all_orders, 20, ("GET", "/api/v3/allOrders"), "allOrders", signed=True),
    Endpoint(list_my_trades, _weigh_my_trades, ("GET", "/api/v3/myTrades"), "myTrades", signed=True),
    Endpoint(show_order_limits, 40, ("GET", "/api/v3/rateLimit/order"), "account.rateLimits.orders", signed=True),
    Endpoint(show_commission, 20, ("GET", "/api/v3/account/commission"), "account.commission", signed=True),
    Endpoint(list_amendments, 4, ("GET", "/api/v3/order/amendments"), "order.amendments", signed=True),
    Endpoint(
        list_prevented_matches,
        _weigh_prevented,
        ("GET", "/api/v3/myPreventedMatches"),
        "myPreventedMatches",
        signed=True,
    ),
    Endpoint(list_allocations, 20, ("GET", "/api/v3/myAllocations"), "myAllocations", signed=True),
    Endpoint(show_filters, 40, ("GET", "/api/v3/myFilters"), "myFilters", signed=True),
    Endpoint(list_trade_fees, 1, ("GET", "/sapi/v1/asset/tradeFee"), signed=True),
    Endpoint(show_key_restrictions, 1, ("GET", "/sapi/v1/account/apiRestrictions"), signed=True),
)
