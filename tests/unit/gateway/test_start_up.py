"""Starting: what the exchange no longer has must not keep the gateway from seeing to the rest."""

import json
from typing import Any, cast

import pytest

from stockade_gateway.errors import ExchangeError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.rate_budget import RateBudget
from stockade_gateway.start_up import load_rules


class OneSymbolExchange:
    """Has BTCUSDT only, and refuses a question that names any other symbol, as Binance does."""

    async def get(self, _path: str, parameters: dict[str, Any]) -> Any:
        """Answer exchangeInfo."""
        if set(json.loads(parameters["symbols"])) - {"BTCUSDT"}:
            raise ExchangeError(400, -1121, "Invalid symbol.")
        entry = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
        return {"rateLimits": [], "symbols": [entry]}


async def test_a_symbol_traded_long_ago_and_delisted_since_does_not_keep_the_gateway_from_starting() -> None:
    rest = cast("RestClient", OneSymbolExchange())
    rules = await load_rules(rest, RateBudget(), {"BTCUSDT", "LUNAUSDT"}, ("BTCUSDT",), 0)
    gone = rules["LUNAUSDT"]
    assert (rules["BTCUSDT"].status, gone.status, gone.base, gone.quote) == ("TRADING", "DELISTED", "LUNA", "USDT")


async def test_a_listed_symbol_that_the_exchange_does_not_have_is_named() -> None:
    rest = cast("RestClient", OneSymbolExchange())
    with pytest.raises(ExchangeError, match="no symbol BTCUSTD: take it off"):
        await load_rules(rest, RateBudget(), {"BTCUSDT", "BTCUSTD"}, ("BTCUSDT", "BTCUSTD"), 0)
