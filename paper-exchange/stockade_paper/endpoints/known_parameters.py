"""Which parameters each function knows; apart because anything else is refused before a handler sees the request.

An endpoint that is not listed knows none. The WebSocket API refuses in the same words: a function goes by its REST
route there too, and the few of its own by their method.
"""

from collections.abc import Mapping

from stockade_paper.errors import BinanceError

Name = tuple[str, str] | str
# What belongs to every request rather than to its endpoint.
ENVELOPE = frozenset({"apiKey", "signature", "timestamp", "recvWindow", "returnRateLimits"})
LEG = ("ClientOrderId", "IcebergQty", "Price", "StrategyId", "StrategyType", "TimeInForce")
STOP_LEG = (*LEG, "StopPrice", "TrailingDelta", "Type")
SHARED = "symbol listClientOrderId newOrderRespType selfTradePreventionMode"
ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)
SOR_ORDER = (
    "symbol side type timeInForce quantity price newClientOrderId strategyId strategyType icebergQty newOrderRespType "
    "selfTradePreventionMode"
)
CANCEL = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
REPLACE = (
    "cancelReplaceMode cancelOrderId cancelOrigClientOrderId cancelNewClientOrderId cancelRestrictions "
    "orderRateLimitExceededMode"
)
OLD_OCO = (
    "side quantity limitClientOrderId limitStrategyId limitStrategyType price limitIcebergQty trailingDelta "
    "stopClientOrderId stopPrice stopStrategyId stopStrategyType stopLimitPrice stopIcebergQty stopLimitTimeInForce"
)


def _legs(prefix: str, suffixes: tuple[str, ...]) -> str:
    return " ".join(f"{prefix}{suffix}" for suffix in suffixes)


WORKING = _legs("working", (*LEG, "Type", "Side", "Quantity"))
PENDING = _legs("pending", (*STOP_LEG, "Side"))
PENDING_PAIR = f"pendingSide {_legs('pendingAbove', STOP_LEG)} {_legs('pendingBelow', STOP_LEG)}"
NAMES: dict[Name, str] = {
    ("GET", "/api/v3/exchangeInfo"): "symbol symbols permissions showPermissionSets symbolStatus",
    ("GET", "/api/v3/executionRules"): "symbol symbols symbolStatus",
    ("GET", "/api/v3/referencePrice"): "symbol",
    ("GET", "/api/v3/referencePrice/calculation"): "symbol symbolStatus",
    ("GET", "/api/v3/historicalBlockTrades"): "symbol fromId limit",
    ("GET", "/api/v3/depth"): "symbol limit symbolStatus",
    ("GET", "/api/v3/trades"): "symbol limit",
    ("GET", "/api/v3/historicalTrades"): "symbol limit fromId",
    ("GET", "/api/v3/aggTrades"): "symbol fromId startTime endTime limit",
    ("GET", "/api/v3/klines"): "symbol interval startTime endTime timeZone limit",
    ("GET", "/api/v3/uiKlines"): "symbol interval startTime endTime timeZone limit",
    ("GET", "/api/v3/avgPrice"): "symbol",
    ("GET", "/api/v3/ticker/24hr"): "symbol symbols type symbolStatus",
    ("GET", "/api/v3/ticker/tradingDay"): "symbol symbols timeZone type symbolStatus",
    ("GET", "/api/v3/ticker"): "symbol symbols windowSize type symbolStatus",
    ("GET", "/api/v3/ticker/price"): "symbol symbols symbolStatus",
    ("GET", "/api/v3/ticker/bookTicker"): "symbol symbols symbolStatus",
    ("POST", "/api/v3/order"): ORDER,
    ("POST", "/api/v3/order/test"): f"{ORDER} computeCommissionRates",
    ("POST", "/api/v3/sor/order"): SOR_ORDER,
    ("POST", "/api/v3/sor/order/test"): f"{SOR_ORDER} computeCommissionRates",
    ("DELETE", "/api/v3/order"): CANCEL,
    ("DELETE", "/api/v3/openOrders"): "symbol",
    ("POST", "/api/v3/order/cancelReplace"): f"{ORDER} {REPLACE}",
    ("PUT", "/api/v3/order/amend/keepPriority"): "symbol orderId origClientOrderId newClientOrderId newQty",
    ("POST", "/api/v3/order/oco"): f"{SHARED} {OLD_OCO}",
    ("POST", "/api/v3/orderList/oco"): f"{SHARED} side quantity {_legs('above', STOP_LEG)} {_legs('below', STOP_LEG)}",
    ("POST", "/api/v3/orderList/oto"): f"{SHARED} {WORKING} {PENDING} pendingQuantity",
    ("POST", "/api/v3/orderList/otoco"): f"{SHARED} {WORKING} {PENDING_PAIR} pendingQuantity",
    ("POST", "/api/v3/orderList/opo"): f"{SHARED} {WORKING} {PENDING}",
    ("POST", "/api/v3/orderList/opoco"): f"{SHARED} {WORKING} {PENDING_PAIR}",
    ("DELETE", "/api/v3/orderList"): "symbol orderListId listClientOrderId newClientOrderId",
    ("GET", "/api/v3/orderList"): "orderListId origClientOrderId",
    ("GET", "/api/v3/allOrderList"): "fromId startTime endTime limit",
    ("GET", "/api/v3/account"): "omitZeroBalances",
    ("GET", "/api/v3/order"): "symbol orderId origClientOrderId",
    ("GET", "/api/v3/openOrders"): "symbol",
    ("GET", "/api/v3/allOrders"): "symbol orderId startTime endTime limit",
    ("GET", "/api/v3/myTrades"): "symbol orderId startTime endTime fromId limit",
    ("GET", "/api/v3/account/commission"): "symbol",
    ("GET", "/api/v3/order/amendments"): "symbol orderId fromExecutionId limit",
    ("GET", "/api/v3/myPreventedMatches"): "symbol preventedMatchId orderId fromPreventedMatchId limit",
    ("GET", "/api/v3/myAllocations"): "symbol startTime endTime fromAllocationId limit orderId",
    ("GET", "/api/v3/myFilters"): "symbol",
    ("GET", "/sapi/v1/asset/tradeFee"): "symbol",
    "userDataStream.unsubscribe": "subscriptionId",
}
KNOWN = {function: frozenset(names.split()) for function, names in NAMES.items()}


def check_known(function: Name, values: Mapping[str, str]) -> None:
    """Refuse a request with a parameter that its function does not know; raises BinanceError -1101 or -1104."""
    known = KNOWN.get(function, frozenset())
    sent = values.keys()
    unknown = sent - known - ENVELOPE
    if not unknown:
        return
    if not known:
        raise BinanceError(-1101, f"Too many parameters; expected '0' and received '{len(unknown)}'.")
    read = len(sent) - len(unknown)
    raise BinanceError(
        -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(sent)}'."
    )
