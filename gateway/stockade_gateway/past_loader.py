"""The past of an algorithm as the ledger tells it: which symbols it is about, and the books brought up to it.

Apart from `past.py`, which only sums up what it is given. A ledger that does not answer is asked again: until it has
answered the past is unknown, and no new order is accepted.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from stockade_gateway.books import Books
from stockade_gateway.errors import ExchangeError, JournalError, LedgerError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.filters import InstrumentRules
from stockade_gateway.ledger import Ledger
from stockade_gateway.ledger_entries import read_fill_row, read_order_row
from stockade_gateway.market import Market
from stockade_gateway.past import Past, gather_past
from stockade_gateway.rate_budget import RateBudget
from stockade_gateway.start_up import load_quotes, load_rules

_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_LEDGER_SECONDS = 10.0

logger = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class PastLoader:
    """Reads what the ledger knows of the orders with one prefix."""

    def __init__(
        self,
        ledger: Ledger,
        prefix: str,
        rest: RestClient,
        budget: RateBudget,
        market: Market,
    ) -> None:
        self._ledger = ledger
        self._prefix = prefix
        self._rest = rest
        self._budget = budget
        self._market = market

    async def find_symbols(self) -> set[str] | None:
        """Return the symbols of the orders that the ledger knows, None when it does not answer."""
        try:
            return await self._ask(self._load_symbols)
        except LedgerError as error:
            logger.warning("the ledger does not tell the past: %s", error)
            return None

    async def try_once(self, books: Books, rules: dict[str, InstrumentRules]) -> None:
        """Have the books take over what the ledger knows, if it answers. Raises JournalError."""
        try:
            await self._restore(books, rules)
        except LedgerError as error:
            logger.warning("the ledger does not tell the past: %s", error)

    async def insist(self, books: Books, rules: dict[str, InstrumentRules]) -> None:
        """Ask the ledger until it has answered, and take over what it knows; symbols it is about join the rules."""
        failures = 0
        while not books.past_known:
            delay = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
            failures += 1
            await asyncio.sleep(delay)
            try:
                await self._load_more_rules(await self._ask(self._load_symbols) - set(rules), rules)
                await self._restore(books, rules)
            except (LedgerError, JournalError, ExchangeError) as error:
                logger.warning("the past can't be loaded yet: %s", error)

    async def _ask(self, load: Callable[[], _Answer]) -> _Answer:
        try:
            return await asyncio.to_thread(load)
        except OSError as error:
            raise LedgerError(f"the ledger's address can't be read: {error.strerror}") from error

    async def _restore(self, books: Books, rules: dict[str, InstrumentRules]) -> None:
        held = {order.client_order_id for order in books.orders.all()}
        books.restore_past(await self._ask(lambda: self._load(books, rules, held)))

    async def _load_more_rules(self, symbols: set[str], rules: dict[str, InstrumentRules]) -> None:
        if symbols:
            more = await load_rules(self._rest, self._budget, symbols, (), time.time())
            await load_quotes(self._rest, self._market, more, time.time_ns())
            rules.update(more)

    def _load_symbols(self) -> set[str]:
        orders = self._ledger.load_orders(prefix=self._prefix, timeout_seconds=_LEDGER_SECONDS)
        symbols = self._ledger.load_symbols(prefix=self._prefix, timeout_seconds=_LEDGER_SECONDS)
        return symbols | {row.symbol for row in orders}

    def _load(self, books: Books, rules: dict[str, InstrumentRules], held: set[str]) -> Past:
        orders = self._ledger.load_orders(prefix=self._prefix, timeout_seconds=_LEDGER_SECONDS)
        fills = self._ledger.load_fills(prefix=self._prefix, timeout_seconds=_LEDGER_SECONDS)
        return gather_past(
            [read_order_row(row) for row in orders],
            map(read_fill_row, fills),
            prefix=self._prefix,
            rules=rules,
            books_orders=books.orders,
            held=held,
        )
