"""What has to be known before an order can be thought of: instruments, the clock, the account, and the past.

Apart from the wiring (`sidecar.py`) because every step here may have to be tried again until the exchange answers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import msgspec

from stockade_gateway.books import Books
from stockade_gateway.errors import ExchangeError, JournalError, LedgerError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.filters import InstrumentRules, parse_instrument_rules
from stockade_gateway.journal import Checkpoint, Record
from stockade_gateway.ledger import Ledger
from stockade_gateway.ledger_entries import read_fill_row, read_order_row
from stockade_gateway.market import Market
from stockade_gateway.orders import Execution, Order
from stockade_gateway.rate_budget import RateBudget

_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_LEDGER_SECONDS = 10.0

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Past(msgspec.Struct, frozen=True):
    """What the ledger knows of the algorithm's orders and trades."""

    orders: list[Order]
    executions: list[Execution]


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
    rest: RestClient, budget: RateBudget, symbols: Iterable[str], now: float
) -> dict[str, InstrumentRules]:
    """Return the rules of the symbols. Raises ExchangeError, also for a symbol the exchange does not have."""
    names = msgspec.json.encode(sorted(symbols)).decode()
    answer = await rest.get("/api/v3/exchangeInfo", {"symbols": names})
    budget.set_limits(answer["rateLimits"], now)
    return {entry["symbol"]: parse_instrument_rules(entry) for entry in answer["symbols"]}


async def load_quotes(rest: RestClient, market: Market, symbols: Iterable[str], now_ns: int) -> None:
    """Fill in the best prices of symbols too quiet to have sent any yet. Raises ExchangeError."""
    names = msgspec.json.encode(sorted(symbols)).decode()
    for row in await rest.get("/api/v3/ticker/bookTicker", {"symbols": names}):
        market.seed_quote(row["symbol"], row["bidPrice"], row["askPrice"], now_ns)


async def check_account(rest: RestClient) -> str | None:
    """Return what keeps the key from trading, None when nothing does. Raises ExchangeError, also for a refused key."""
    answer: dict[str, Any] = await rest.get("/api/v3/account", {"omitZeroBalances": "true"}, signed=True)
    return None if answer.get("canTrade", True) else "the exchange does not let this account trade"


def find_symbols(records: Iterable[Record], past: Past | None) -> set[str]:
    """Return every symbol the past is about; it may hold some that are no longer on the algorithm's list."""
    symbols: set[str] = set()
    for record in records:
        symbols |= set(record.holdings) if isinstance(record, Checkpoint) else {record.order.symbol}
    if past is not None:
        symbols |= {order.symbol for order in past.orders} | {execution.symbol for execution in past.executions}
    return symbols


def load_past(ledger: Ledger, prefix: str) -> Past:
    """Return what the ledger knows of the orders with this prefix; blocks. Raises LedgerError."""
    try:
        orders = [read_order_row(row) for row in ledger.load_orders(prefix=prefix, timeout_seconds=_LEDGER_SECONDS)]
        executions = [read_fill_row(row) for row in ledger.load_fills(prefix=prefix, timeout_seconds=_LEDGER_SECONDS)]
    except OSError as error:
        raise LedgerError(f"the ledger's address can't be read: {error.strerror}") from error
    return Past(orders, executions)


async def load_past_later(books: Books, ledger: Ledger, prefix: str) -> None:
    """Ask the ledger until it has answered, and take over what it knows."""
    failures = 0
    while not books.past_known:
        delay = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
        failures += 1
        await asyncio.sleep(delay)
        try:
            past = await asyncio.to_thread(load_past, ledger, prefix)
            books.restore_past(past.orders, past.executions)
        except (LedgerError, JournalError) as error:
            logger.warning("the past can't be loaded yet: %s", error)
