"""What has to be known before an order can be thought of: instruments, prices, the clock, the account.

Apart from the wiring (`sidecar.py`) because every step here may have to be tried again until the exchange answers. All
of it is asked out of reconciliation's reserve: until it is known, orders of an earlier gateway can't be cancelled.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import msgspec

from stockade_gateway.errors import ExchangeError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.filters import InstrumentRules, parse_instrument_rules
from stockade_gateway.journal import Checkpoint, Record
from stockade_gateway.keys import ExchangeKeys
from stockade_gateway.market import Market
from stockade_gateway.rate_budget import Purpose, RateBudget

_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_SYMBOL_DOES_NOT_EXIST = -1121
_DELISTED = "DELISTED"

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


async def insist(what: str, ask: Callable[[], Awaitable[_Result]], note: Callable[[str], None]) -> _Result:
    """Return what `ask` returns, asking again with growing pauses while the exchange fails; `note` hears why."""
    failures = 0
    while True:
        try:
            return await ask()
        except ExchangeError as error:
            delay = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
            failures += 1
            note(f"{what}: {error.message}")
            logger.warning("%s failed, trying again in %s s: %s", what, delay, error)
            await asyncio.sleep(delay)


async def load_rules(
    rest: RestClient, budget: RateBudget, symbols: Iterable[str], listed: Iterable[str], now: float
) -> dict[str, InstrumentRules]:
    """Return the rules of the symbols; of one that is not `listed` and was delisted, that it can't be traded.

    Raises ExchangeError, also for a listed symbol that the exchange does not have.
    """
    names = sorted(symbols)
    entries: list[dict[str, Any]] = []
    try:
        entries = await _ask_for_rules(rest, budget, names, now)
    except ExchangeError as error:
        if error.code != _SYMBOL_DOES_NOT_EXIST:
            raise
        # The answer does not say which of them it is.
        for name in names:
            try:
                entries += await _ask_for_rules(rest, budget, [name], now)
            except ExchangeError as refusal:
                if refusal.code != _SYMBOL_DOES_NOT_EXIST:
                    raise
                if name in listed:
                    message = f"the exchange has no symbol {name}: take it off the algorithm's symbols"
                    raise ExchangeError(refusal.status, refusal.code, message) from error
                logger.warning("%s was delisted: its orders are over", name)
    rules = {entry["symbol"]: parse_instrument_rules(entry) for entry in entries}
    quotes = sorted({known.quote for known in rules.values()})
    for name in names:
        if name not in rules:
            quote = next((quote for quote in quotes if name.endswith(quote)), "")
            rules[name] = InstrumentRules(symbol=name, base=name.removesuffix(quote), quote=quote, status=_DELISTED)
    return rules


async def _ask_for_rules(rest: RestClient, budget: RateBudget, names: list[str], now: float) -> list[dict[str, Any]]:
    parameters = {"symbols": msgspec.json.encode(names).decode()}
    answer = await rest.get("/api/v3/exchangeInfo", parameters, purpose=Purpose.RECONCILE)
    budget.set_limits(answer["rateLimits"], now)
    entries: list[dict[str, Any]] = answer["symbols"]
    return entries


async def load_quotes(rest: RestClient, market: Market, rules: dict[str, InstrumentRules], now_ns: int) -> None:
    """Fill in the best prices of symbols too quiet to have sent any yet. Raises ExchangeError.

    Of those no longer on the algorithm's list it is the only price: a position left in them is valued with it.
    """
    symbols = sorted(symbol for symbol, known in rules.items() if known.status != _DELISTED)
    parameters = {"symbols": msgspec.json.encode(symbols).decode()}
    for row in await rest.get("/api/v3/ticker/bookTicker", parameters, purpose=Purpose.RECONCILE):
        market.seed_quote(row["symbol"], row["bidPrice"], row["askPrice"], now_ns)


async def check_account(
    rest: RestClient, keys: ExchangeKeys | None = None, *, purpose: Purpose = Purpose.RECONCILE
) -> tuple[str | None, int | None]:
    """Return what keeps the key from trading, None when nothing does, and the account's number at the exchange.

    Asks with other `keys` if they are given. Raises ExchangeError, also for a refused key.
    """
    parameters = {"omitZeroBalances": "true"}
    answer: dict[str, Any] = await rest.get("/api/v3/account", parameters, signed=True, purpose=purpose, keys=keys)
    fault = None if answer.get("canTrade", True) else "the exchange does not let this account trade"
    return fault, answer.get("uid")


def find_symbols(records: Iterable[Record], past: set[str] | None) -> set[str]:
    """Return every symbol the past is about; it may hold some that are no longer on the algorithm's list."""
    symbols: set[str] = set(past or ())
    for record in records:
        symbols |= record.positions.symbols() if isinstance(record, Checkpoint) else {record.order.symbol}
    return symbols
