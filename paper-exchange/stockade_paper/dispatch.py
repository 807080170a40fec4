"""One request on its way through limits, faults and its endpoint; the same for REST and the WebSocket API."""

from dataclasses import dataclass
from typing import Any

from stockade_paper.accounts import ApiKey
from stockade_paper.audit import AuditLog
from stockade_paper.endpoints import account, market_data, order_lists, trading
from stockade_paper.endpoints.call import Call, Endpoint
from stockade_paper.errors import BinanceError, invalid_key, unknown_execution_status
from stockade_paper.exchange import Exchange
from stockade_paper.faults import Faults
from stockade_paper.latency import LatencyModel
from stockade_paper.limits import Limits, banned
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


@dataclass(frozen=True)
class Failure:
    """An order whose answer is an error although, or because not, it was executed."""

    error: BinanceError
    executed: bool


class Dispatcher:
    """Runs requests whose weight is charged and whose caller is known."""

    def __init__(
        self, exchange: Exchange, limits: Limits, faults: Faults, audit: AuditLog, latency: LatencyModel
    ) -> None:
        self.exchange = exchange
        self.limits = limits
        self.faults = faults
        self.audit = audit
        self.latency = latency

    @property
    def server_time_ms(self) -> int:
        """The time the server tells and checks requests against; a `skew-clock` fault moves it."""
        skew = self.faults.find_active("skew-clock")
        return self.exchange.clock() + (skew.milliseconds if skew is not None else 0)

    def charge(self, address: str, weight: int) -> None:
        """Count a request's weight; raises BinanceError 429 or 418 over the limit, or during a `ban-address` fault."""
        ban = self.faults.find_active("ban-address")
        if ban is not None:
            raise banned(ban.until_ms, self.exchange.clock())
        self.limits.charge(address, weight)

    def run(self, endpoint: Endpoint, parameters: Parameters, key: ApiKey | None, address: str) -> Any:
        """Answer one request; raises BinanceError for a refusal, a limit or an armed fault."""
        if key is not None and endpoint.needs_trade_permission and not key.permissions.can_trade:
            raise invalid_key()
        if key is not None and endpoint.orders:
            self.limits.check_orders(key.account_id, endpoint.orders)
        failure = self._draw_failure() if endpoint.orders else None
        if failure is not None and not failure.executed:
            raise failure.error
        try:
            result = endpoint.handler(Call(self.exchange, self.limits, parameters, self.server_time_ms, key))
        except BinanceError as error:
            if key is not None and error.code in {-2021, -2022}:
                self.limits.count_orders(key.account_id, endpoint.orders)
            raise
        if key is not None and endpoint.orders:
            self.limits.count_orders(key.account_id, endpoint.orders)
        if endpoint.is_free:
            self.limits.refund(address, endpoint.weigh(parameters))
        if failure is not None:
            raise failure.error
        return result

    def _draw_failure(self) -> "Failure | None":
        """Return how the order's answer fails, because of a fault or by the latency model's rare chance."""
        timeout = self.faults.strike("order-timeout")
        executed = timeout.executed if timeout is not None else self.latency.draw_timeout()
        if executed is not None:
            return Failure(unknown_execution_status(), executed)
        broken = self.faults.strike("order-server-error")
        if broken is None:
            return None
        text = "An unknown error occurred while processing the request."
        return Failure(BinanceError(-1000, text, status=broken.status), broken.executed)

    def credit_fills(self, turn: Turn) -> None:
        """Lower the unfilled count for each order's first fill; this is one of the exchange's sinks."""
        for fill in turn.fills:
            order = self.exchange.orders[fill.order_id]
            if order.fills[0] is fill:
                self.limits.credit_fill(fill.account_id, is_maker=fill.is_maker)
