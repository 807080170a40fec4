"""One request on its way through limits, faults and its endpoint; the same for REST and the WebSocket API."""

from typing import Any

from stockade_paper.accounts import ApiKey
from stockade_paper.audit import AuditLog
from stockade_paper.endpoints import account, market_data, order_lists, trading
from stockade_paper.endpoints.call import Call, Endpoint
from stockade_paper.errors import BinanceError, invalid_key, unknown_execution_status
from stockade_paper.exchange import Exchange
from stockade_paper.faults import Faults
from stockade_paper.limits import Limits
from stockade_paper.parameters import Parameters
from stockade_paper.turn import Turn

ENDPOINTS: tuple[Endpoint, ...] = (
    *market_data.ENDPOINTS,
    *trading.ENDPOINTS,
    *order_lists.ENDPOINTS,
    *account.ENDPOINTS,
)
REST_ENDPOINTS = {endpoint.rest: endpoint for endpoint in ENDPOINTS if endpoint.rest is not None}
WEBSOCKET_ENDPOINTS = {endpoint.websocket: endpoint for endpoint in ENDPOINTS if endpoint.websocket is not None}


class Dispatcher:
    """Runs requests whose weight is charged and whose caller is known."""

    def __init__(self, exchange: Exchange, limits: Limits, faults: Faults, audit: AuditLog) -> None:
        self.exchange = exchange
        self.limits = limits
        self.faults = faults
        self.audit = audit

    def run(self, endpoint: Endpoint, parameters: Parameters, key: ApiKey | None, address: str) -> Any:
        """Answer one request; raises BinanceError for a refusal, a limit or an armed `order-timeout`."""
        if key is not None and endpoint.needs_trade_permission and not key.permissions.can_trade:
            raise invalid_key()
        if key is not None and endpoint.orders:
            self.limits.check_orders(key.account_id, endpoint.orders)
        timeout = self.faults.strike("order-timeout") if endpoint.orders else None
        if timeout is not None and not timeout.executed:
            raise unknown_execution_status()
        try:
            result = endpoint.handler(Call(self.exchange, self.limits, parameters, key))
        except BinanceError as error:
            if key is not None and error.code in {-2021, -2022}:
                self.limits.count_orders(key.account_id, endpoint.orders)
            raise
        if key is not None and endpoint.orders:
            self.limits.count_orders(key.account_id, endpoint.orders)
        if endpoint.is_free:
            self.limits.refund(address, endpoint.weigh(parameters))
        if timeout is not None:
            raise unknown_execution_status()
        return result

    def credit_fills(self, turn: Turn) -> None:
        """Lower the unfilled count for each order's first fill; this is one of the exchange's sinks."""
        for fill in turn.fills:
            order = self.exchange.orders[fill.order_id]
            if order.fills[0] is fill:
                self.limits.credit_fill(fill.account_id, is_maker=fill.is_maker)
