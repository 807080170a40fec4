"""Starting: neither what the exchange no longer has nor a crowded address keeps the gateway from seeing to the rest."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from stockade_gateway.account.key_check import KeyCheck
from stockade_gateway.errors import ExchangeError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.key_rotation import KeyRotation
from stockade_gateway.keys import ExchangeKeys
from stockade_gateway.market import Market
from stockade_gateway.rate_budget import Purpose, RateBudget
from stockade_gateway.start_up import check_account, load_quotes, load_rules
from tests.support.gateway_orders import BTCUSDT


class OneSymbolExchange:
    """Has BTCUSDT only, and refuses a question that names any other symbol, as Binance does."""

    async def get(self, _path: str, parameters: dict[str, Any], **_: object) -> Any:
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


# --- A crowded address: 80 % of the minute's weight is used, in a minute that does not end ----------------------------

Ask = Callable[[RestClient], Awaitable[object]]
FIRST_QUESTIONS: dict[str, Ask] = {
    "/api/v3/exchangeInfo": lambda rest: load_rules(rest, RateBudget(), {"BTCUSDT"}, ("BTCUSDT",), 0),
    "/api/v3/ticker/bookTicker": lambda rest: load_quotes(rest, Market(), {"BTCUSDT": BTCUSDT}, 0),
    "/api/v3/account": check_account,
}


class CrowdedExchange:
    """Answers whoever may still ask."""

    def __init__(self) -> None:
        self.budget = RateBudget()
        self.budget.note_weight(4800, time.time())
        self.asked: list[str] = []

    async def get(self, path: str, _parameters: object, *, purpose: Purpose = Purpose.UPKEEP, **_: object) -> Any:
        """Answer once there is weight left for it."""
        await self.budget.wait(purpose)
        self.asked.append(path)
        if path.endswith("bookTicker"):
            return [{"symbol": "BTCUSDT", "bidPrice": "1", "askPrice": "2"}]
        entry = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
        return {"rateLimits": [], "symbols": [entry], "canTrade": True, "uid": 1}


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> CrowdedExchange:
    monkeypatch.setattr(time, "time", lambda: 1_760_000_010.0)
    return CrowdedExchange()


@pytest.mark.parametrize("path", FIRST_QUESTIONS)
async def test_what_comes_before_reconciliation_is_asked_out_of_its_reserve(
    crowded: CrowdedExchange, path: str
) -> None:
    # The clock stands still: whoever waits here for the minute's end waits for ever.
    async with asyncio.timeout(30):
        await FIRST_QUESTIONS[path](cast("RestClient", crowded))
    assert crowded.asked == [path]


async def test_other_keys_are_tried_when_the_minute_is_over(crowded: CrowdedExchange) -> None:
    rotation = KeyRotation(cast("Any", None), "keys", cast("RestClient", crowded), cast("Any", None), 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rotation._try_keys(cast("ExchangeKeys", None)), 0.05)
    assert crowded.asked == []


async def test_an_account_gateway_checks_its_key_out_of_what_orders_may_use_and_later_out_of_what_is_left() -> None:
    purposes: list[Purpose] = []

    class Client:
        """Says that the key may do everything but withdraw."""

        async def get_account(self, purpose: Purpose) -> dict[str, bool]:
            """Answer."""
            purposes.append(purpose)
            return {"canTrade": True}

        async def get_key_restrictions(self, purpose: Purpose) -> dict[str, bool]:
            """Answer."""
            purposes.append(purpose)
            return {"enableSpotAndMarginTrading": True, "enableWithdrawals": False}

    check = KeyCheck(cast("Any", Client()), "Live")
    for _ in range(2):
        check._note(await check._ask())
    assert purposes == [Purpose.ORDER] * 2 + [Purpose.UPKEEP] * 2
