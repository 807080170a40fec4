"""The past of an algorithm: its books as journal and ledger tell it, and the instruments that they are about.

Apart from `past.py`, which only sums up what it is given. A ledger that does not answer is asked again: until it has
answered the past is unknown, and no new order is accepted.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from stockade_gateway.books import Books
from stockade_gateway.errors import ExchangeError, JournalError, LedgerError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.filters import InstrumentRules
from stockade_gateway.journal import Checkpoint, Record, open_journal
from stockade_gateway.ledger import Ledger
from stockade_gateway.ledger_entries import Owner, read_fill_row, read_order_row
from stockade_gateway.market import Market
from stockade_gateway.orders import Change, Orders, Refusal
from stockade_gateway.past import Past, gather_past
from stockade_gateway.positions import Positions
from stockade_gateway.rate_budget import RateBudget
from stockade_gateway.settings import Settings
from stockade_gateway.start_up import find_symbols, insist, load_quotes, load_rules

_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_LEDGER_SECONDS = 10.0

logger = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class PastLoader:
    """Reads what journal and ledger know of the orders with one prefix."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        prefix: str,
        rest: RestClient,
        clock: ExchangeClock,
        budget: RateBudget,
        market: Market,
    ) -> None:
        self._ledger = ledger
        self._prefix = prefix
        self._rest = rest
        self._clock = clock
        self._budget = budget
        self._market = market

    async def open_books(
        self, settings: Settings, owner: Owner, *, tell: Callable[[Change | Refusal], None], note: Callable[[str], None]
    ) -> tuple[Books, dict[str, InstrumentRules]]:
        """Return the books as journal and ledger know them, and the rules of every symbol they are about.

        `note` hears what is waited for. Raises JournalError.
        """
        journal, records, damage = open_journal(settings.journal_directory)
        if damage:
            logger.error("%s: what came after it is asked of the exchange", damage)
        past_symbols = None if _is_past_known(records) else await self._find_symbols()
        symbols = set(settings.symbols) | find_symbols(records, past_symbols)
        rules = await insist(
            "loading the instruments",
            lambda: load_rules(self._rest, self._budget, symbols, settings.symbols, time.time()),
            note,
        )
        await insist("loading quotes", lambda: load_quotes(self._rest, self._market, rules, time.time_ns()), note)
        books = Books(
            owner=owner,
            orders=Orders(self._prefix),
            positions=Positions(rules),
            rules=rules,
            journal=journal,
            ledger=self._ledger,
            clock=self._clock,
            tell=tell,
        )
        books.restore(records)
        if past_symbols is not None:
            await self._try_once(books, rules)
        return books, rules

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

    async def _find_symbols(self) -> set[str] | None:
        """Return the symbols of the orders that the ledger knows, None when it does not answer."""
        try:
            return await self._ask(self._load_symbols)
        except LedgerError as error:
            logger.warning("the ledger does not tell the past: %s", error)
            return None

    async def _try_once(self, books: Books, rules: dict[str, InstrumentRules]) -> None:
        """Have the books take over what the ledger knows, if it answers. Raises JournalError."""
        try:
            await self._restore(books, rules)
        except LedgerError as error:
            logger.warning("the ledger does not tell the past: %s", error)

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


def _is_past_known(records: Iterable[Record]) -> bool:
    return any(isinstance(record, Checkpoint) and record.past_known for record in records)
