"""The exchange's REST API through python-binance; apart so that only one module knows that library.

Its WebSocket clients are not used: they die silently in several ways, so `stockade_gateway.exchange` has its own.
"""

import json
import time
import warnings
from collections.abc import Awaitable
from typing import Any

import aiohttp

from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.keys import ExchangeKeys
from stockade_gateway.rate_budget import Purpose, RateBudget, read_retry_after

with warnings.catch_warnings():
    # The library imports a module of websockets that announces its own end.
    warnings.simplefilter("ignore", DeprecationWarning)
    from binance import AsyncClient  # type: ignore[import-untyped] # the library has no types
    from binance.exceptions import (  # type: ignore[import-untyped] # the library has no types
        BinanceAPIException,
        BinanceRequestException,
    )

RECV_WINDOW_MS = 5000
_UNKNOWN_OUTCOME_CODES = (-1006, -1007)
_WRONG_TIMESTAMP = -1021


class _Client(AsyncClient):  # type: ignore[misc] # the library has no types
    """python-binance, pointed at the account's endpoints, signing with our keys and heeding the rate limits."""

    REQUEST_RECVWINDOW = RECV_WINDOW_MS

    def __init__(self, rest_url: str, keys: ExchangeKeys, budget: RateBudget) -> None:
        super().__init__(api_key=keys.api_key)
        self.API_URL = f"{rest_url}/api"
        self.MARGIN_API_URL = f"{rest_url}/sapi"
        self._keys = keys
        self._budget = budget

    def _hmac_signature(self, query_string: str) -> str:
        # The one place where the library signs when it was given no private key; ours may be of any kind.
        return self._keys.sign(query_string.encode())

    async def get_rules(self, parameters: dict[str, str]) -> Any:
        """Ask for `exchangeInfo`; the library's own method always asks for every symbol."""
        return await self._get("exchangeInfo", data=parameters, version=self.PRIVATE_API_VERSION)

    async def _handle_response(self, response: aiohttp.ClientResponse) -> Any:
        now = time.time()
        used = response.headers.get("x-mbx-used-weight-1m", "")
        if used.isdigit():
            self._budget.note_weight(int(used), now)
        if response.status in (418, 429):
            self._budget.block(read_retry_after(response.headers), now)
        return await super()._handle_response(response)


class ExchangeClient:
    """One account's REST client. Every method raises ExchangeError or one of its kinds."""

    def __init__(self, rest_url: str, keys: ExchangeKeys, clock: ExchangeClock, budget: RateBudget) -> None:
        """Must be made inside a running event loop; `close` it."""
        self._client = _Client(rest_url, keys, budget)
        self._clock = clock
        self._budget = budget

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close_connection()

    async def measure_clock(self) -> None:
        """Ask for the exchange's time and set the clock by it; out of the reserve, as nothing is taken without it."""
        sent = time.time_ns()
        answer = await self._ask(Purpose.RECONCILE, self._client.get_server_time())
        self._clock.set_offset(answer["serverTime"], sent, time.time_ns())
        self._client.timestamp_offset = self._clock.offset_ms

    async def get_account(self, purpose: Purpose = Purpose.UPKEEP) -> Any:
        """Return balances and the account's own permissions."""
        return await self._ask_signed(self._client.get_account, purpose, omitZeroBalances="true")

    async def get_key_restrictions(self, purpose: Purpose) -> Any:
        """Return what the key may do; only the live exchange and the paper exchange have it."""
        return await self._ask_signed(self._client.get_account_api_permissions, purpose)

    async def get_open_orders(self, symbol: str | None) -> Any:
        """Return the open orders of one symbol or of all."""
        return await self._ask_signed(self._client.get_open_orders, symbol=symbol)

    async def get_orders(self, symbol: str, limit: int) -> Any:
        """Return a symbol's newest orders, oldest first."""
        return await self._ask_signed(self._client.get_all_orders, symbol=symbol, limit=limit)

    async def get_trades(self, symbol: str, limit: int) -> Any:
        """Return a symbol's newest trades, oldest first."""
        return await self._ask_signed(self._client.get_my_trades, symbol=symbol, limit=limit)

    async def get_trades_of_order(self, symbol: str, limit: int, order_id: int) -> Any:
        """Return the newest trades of an order that we are finding out about, oldest first."""
        return await self._ask_signed(
            self._client.get_my_trades, Purpose.RECONCILE, symbol=symbol, limit=limit, orderId=order_id
        )

    async def get_order(self, symbol: str, client_order_id: str) -> Any:
        """Return one order, that we are finding out about, by its client order id."""
        return await self._ask_signed(
            self._client.get_order, Purpose.RECONCILE, symbol=symbol, origClientOrderId=client_order_id
        )

    async def place_order(self, parameters: dict[str, str]) -> Any:
        """Send an order, once; StatusUnknownError means that it may have been placed."""
        return await self._act(Purpose.ORDER, self._client.create_order(**parameters, newOrderRespType="FULL"))

    async def cancel_order(self, symbol: str, client_order_id: str) -> Any:
        """Cancel one order by its client order id."""
        return await self._act(
            Purpose.CANCEL, self._client.cancel_order(symbol=symbol, origClientOrderId=client_order_id)
        )

    async def get_exchange_info(self, symbol: str | None, purpose: Purpose = Purpose.UPKEEP) -> Any:
        """Return the trading rules of one symbol or of all."""
        parameters = {} if symbol is None else {"symbol": symbol}
        info = await self._ask(purpose, self._client.get_rules(parameters))
        self._budget.set_limits(info.get("rateLimits", ()), time.time())
        return info

    async def get_quotes(self, symbols: list[str]) -> Any:
        """Return the best prices of the symbols, which no order is let through without."""
        names = json.dumps(symbols, separators=(",", ":"))
        return await self._ask(Purpose.ORDER, self._client.get_orderbook_tickers(symbols=names))

    async def get_klines(self, symbol: str, interval: str, limit: int) -> Any:
        """Return a symbol's newest bars, oldest first."""
        return await self._ask(Purpose.UPKEEP, self._client.get_klines(symbol=symbol, interval=interval, limit=limit))

    async def _ask_signed(self, method: Any, purpose: Purpose = Purpose.UPKEEP, **parameters: Any) -> Any:
        """Ask a signed question; once more after a timestamp that the exchange found wrong."""
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            return await self._ask(purpose, method(**given))
        except ExchangeError as error:
            if error.code != _WRONG_TIMESTAMP:
                raise
        await self.measure_clock()
        return await self._ask(purpose, method(**given))

    async def _act(self, purpose: Purpose, request: Awaitable[Any]) -> Any:
        """Send an order or a cancel, once; a wrong timestamp is put right for the next one."""
        try:
            return await self._ask(purpose, request)
        except ExchangeError as error:
            if error.code == _WRONG_TIMESTAMP:
                await self.measure_clock()
            raise

    async def _ask(self, purpose: Purpose, request: Awaitable[Any]) -> Any:
        """Send one request when the rate budget allows it at once; nobody waits here for a minute's end."""
        seconds = self._budget.seconds_until_free(purpose, time.time())
        if seconds > 0:
            _drop(request)
            raise RateLimitedError(429, -1003, "the rate limit is used up", seconds)
        try:
            return await request
        except BinanceAPIException as error:
            raise _read_refusal(error) from None
        except aiohttp.ClientConnectorError as error:
            raise ExchangeError(0, 0, f"the exchange can't be reached, nothing was sent ({error})") from error
        except (aiohttp.ClientError, TimeoutError, OSError, BinanceRequestException) as error:
            raise StatusUnknownError(f"no usable answer from the exchange ({type(error).__name__})") from error


def _read_refusal(error: Any) -> ExchangeError:
    status, code, message = int(error.status_code), int(error.code or 0), str(error.message)
    if status in (418, 429):
        return RateLimitedError(status, code, message, read_retry_after(error.response.headers))
    # A 5xx never says that nothing happened (Binance, "HTTP return codes").
    if status >= 500 or code in _UNKNOWN_OUTCOME_CODES:
        return StatusUnknownError(f"the exchange answered {status}: {message}")
    return ExchangeError(status, code, message)


def _drop(request: Awaitable[Any]) -> None:
    """Close a request that is not sent, or Python warns that nobody awaited it."""
    close = getattr(request, "close", None)
    if close is not None:
        close()
