"""Housekeeping: every minute old orders are forgotten, the journal is kept short, and the result goes to the ledger."""

import asyncio
from datetime import UTC, datetime

from stockade_gateway.desk import Desk
from stockade_gateway.ledger import Ledger
from stockade_gateway.ledger_entries import Owner, make_equity_row
from stockade_gateway.limits import compute_exposure

_HOUSE_SECONDS = 60.0


class Housekeeper:
    """Keeps the books of one desk in order; `run` it."""

    def __init__(self, owner: Owner, desk: Desk, ledger: Ledger) -> None:
        self._owner = owner
        self._desk = desk
        self._ledger = ledger

    async def run(self) -> None:
        """Keep house every minute until cancelled."""
        while True:
            await asyncio.sleep(_HOUSE_SECONDS)
            self._desk.books.keep_house()
            self.record_equity()

    def record_equity(self) -> None:
        """Write down what is held and was made by now, in each quote asset; nothing if nothing was ever held."""
        views, now = self._desk.make_snapshot().symbols, datetime.now(UTC)
        for quote, result in self._desk.books.positions.compute_total_results(self._desk.market).items():
            priced = {symbol: view for symbol, view in views.items() if view.rules.quote == quote}
            notional = compute_exposure(priced, position_only=True)
            self._ledger.record_equity(make_equity_row(self._owner, quote, now, result, notional))
