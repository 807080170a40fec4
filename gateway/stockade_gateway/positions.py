"""What the algorithm holds and has earned, from its own fills only; the arithmetic is the ledger's one PnL function."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

import msgspec

from stockade_db.pnl import Holding, apply_fill, join_holdings
from stockade_gateway.filters import ZERO, InstrumentRules
from stockade_gateway.market import Market
from stockade_gateway.orders import Execution


class HoldingRecord(msgspec.Struct, frozen=True):
    """A holding as the journal keeps it."""

    quantity: Decimal
    cost: Decimal
    realized: Decimal
    fees_quote: Decimal
    fees: dict[str, Decimal]


class Result(msgspec.Struct, frozen=True):
    """Realised result and fees of a span of time and the present unrealised result, always apart; None is unknown.

    `known_fees` is the part of the fees whose price is known.
    """

    realized: Decimal
    unrealized: Decimal | None
    fees: Decimal | None
    known_fees: Decimal

    @property
    def total(self) -> Decimal | None:
        """Realised and unrealised less the fees whose price is known."""
        return None if self.unrealized is None else self.realized + self.unrealized - self.known_fees


class Positions:
    """Holdings by symbol, now and as they were when the present UTC day began."""

    def __init__(self, rules: dict[str, InstrumentRules]) -> None:
        self._rules = rules
        self._holdings: dict[str, Holding] = {}
        self._day_start: dict[str, Holding] = {}
        self._day = date.min

    def apply(self, execution: Execution) -> Holding:
        """Count one execution; returns the symbol's new holding."""
        self.begin_day(execution.trade_time.date())
        rules = self._rules[execution.symbol]
        holding = apply_fill(self.holding(execution.symbol), execution, base_asset=rules.base, quote_asset=rules.quote)
        self._holdings[execution.symbol] = holding
        return holding

    def begin_day(self, day: date) -> None:
        """Let a new UTC day begin: from here on today's result counts."""
        if day > self._day:
            self._day = day
            self._day_start = dict(self._holdings)

    def join_past(self, past: "Positions") -> None:
        """Take in what was held before: fills that none of these holdings count."""
        day = max(self._day, date.fromisoformat(past.save()[0]))
        self.begin_day(day)
        past.begin_day(day)
        _, now, day_start = past.save()
        for ours, theirs in ((self._holdings, now), (self._day_start, day_start)):
            for symbol, record in theirs.items():
                ours[symbol] = join_holdings(_to_holding(record), ours.get(symbol, Holding()))

    def holding(self, symbol: str) -> Holding:
        """Return what is held of the symbol."""
        return self._holdings.get(symbol, Holding())

    def symbols(self) -> list[str]:
        """Return the symbols ever held."""
        return list(self._holdings)

    def quantity(self, symbol: str) -> Decimal:
        """Return the net quantity held, negative when more was sold than bought."""
        return self.holding(symbol).quantity

    def compute_day_result(self, market: Market, now: datetime) -> Result:
        """Return the result of the present UTC day over all symbols, valued at the market's marks."""
        self.begin_day(now.astimezone(UTC).date())
        return self._compute_result(market, self._day_start)

    def compute_total_result(self, market: Market) -> Result:
        """Return the result since the first fill."""
        return self._compute_result(market, {})

    def _compute_result(self, market: Market, starts: dict[str, Holding]) -> Result:
        realized, fees = ZERO, ZERO
        unrealized: Decimal | None = ZERO
        fees_known = True
        for symbol, holding in self._holdings.items():
            rules, start = self._rules[symbol], starts.get(symbol, Holding())
            realized += holding.realized - start.realized
            fees += holding.fees_quote - start.fees_quote
            for asset, amount in holding.fees.items():
                paid = amount - start.fees.get(asset, ZERO)
                if not paid or asset in (rules.base, rules.quote):
                    continue
                price = market.mark(f"{asset}{rules.quote}")
                fees_known = fees_known and price is not None
                fees += paid * (price or ZERO)
            if holding.quantity and unrealized is not None:
                mark = market.mark(symbol)
                unrealized = None if mark is None else unrealized + holding.unrealized(mark)
        return Result(realized, unrealized, fees if fees_known else None, fees)

    def save(self) -> tuple[str, dict[str, HoldingRecord], dict[str, HoldingRecord]]:
        """Return the day and both sets of holdings for the journal."""
        return (
            self._day.isoformat(),
            {symbol: _to_record(holding) for symbol, holding in self._holdings.items()},
            {symbol: _to_record(holding) for symbol, holding in self._day_start.items()},
        )

    def restore(self, day: str, now: dict[str, HoldingRecord], day_start: dict[str, HoldingRecord]) -> None:
        """Take over what `save` returned."""
        self._day = date.fromisoformat(day)
        self._holdings = {symbol: _to_holding(record) for symbol, record in now.items()}
        self._day_start = {symbol: _to_holding(record) for symbol, record in day_start.items()}


def _to_record(holding: Holding) -> HoldingRecord:
    return HoldingRecord(holding.quantity, holding.cost, holding.realized, holding.fees_quote, dict(holding.fees))


def _to_holding(record: HoldingRecord) -> Holding:
    fees = MappingProxyType(dict(record.fees))
    return Holding(record.quantity, record.cost, record.realized, record.fees_quote, fees)
