"""What the algorithm holds and has earned, from its own fills only; the arithmetic is the ledger's one PnL function.

What a sale earns depends on what was bought before it, and the exchange's events may be lost or come late: so fills
count in the exchange's order, and one that is heard of late takes its place among those that came after it.
"""

from bisect import insort
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

import msgspec

from stockade_db.pnl import Holding, apply_fill, join_holdings
from stockade_gateway.filters import ZERO, InstrumentRules
from stockade_gateway.market import Market
from stockade_gateway.orders import Execution

# So many of a symbol's fills at least can be overtaken; one that is later still counts right before these.
_KEPT = 256


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


class PositionsRecord(msgspec.Struct, frozen=True):
    """All positions as the journal keeps them: what was held before the latest executions, and these."""

    day: str
    earlier: dict[str, HoldingRecord]
    latest: list[Execution]
    day_start: dict[str, HoldingRecord]

    def symbols(self) -> set[str]:
        """Return the symbols ever held."""
        return {*self.earlier, *(execution.symbol for execution in self.latest)}


class Positions:
    """Holdings by symbol, now and as they were when the present UTC day began."""

    def __init__(self, rules: dict[str, InstrumentRules]) -> None:
        self._rules = rules
        self._holdings: dict[str, Holding] = {}
        # What the holdings are computed from: the latest executions in the exchange's order, and all before them.
        self._earlier: dict[str, Holding] = {}
        self._latest: dict[str, list[Execution]] = {}
        self._day_start: dict[str, Holding] = {}
        self._day = date.min

    def apply(self, execution: Execution) -> Holding:
        """Count one execution; returns the symbol's new holding."""
        self.begin_day(execution.trade_time.date())
        symbol = execution.symbol
        latest = self._latest.setdefault(symbol, [])
        if latest and _place(execution) < _place(latest[-1]):
            insort(latest, execution, key=_place)
            self._count_again(symbol)
        else:
            latest.append(execution)
            self._holdings[symbol] = self._add(self.holding(symbol), [execution])
        if len(latest) > 2 * _KEPT:
            self._earlier[symbol] = self._add(self._earlier.get(symbol, Holding()), latest[:_KEPT])
            del latest[:_KEPT]
        return self._holdings[symbol]

    def begin_day(self, day: date) -> None:
        """Let a new UTC day begin: from here on today's result counts."""
        if day > self._day:
            self._day = day
            self._day_start = dict(self._holdings)

    def join_past(self, past: "Positions") -> None:
        """Take in what was held before: fills that none of these holdings count."""
        day = max(self._day, date.fromisoformat(past.save().day))
        self.begin_day(day)
        past.begin_day(day)
        record = past.save()
        for ours, theirs in ((self._earlier, record.earlier), (self._day_start, record.day_start)):
            for symbol, each in theirs.items():
                ours[symbol] = join_holdings(_to_holding(each), ours.get(symbol, Holding()))
        for execution in record.latest:
            insort(self._latest.setdefault(execution.symbol, []), execution, key=_place)
        for symbol in record.symbols():
            self._count_again(symbol)

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
        return self._compute_result(market, self._holdings, self._day_start)

    def compute_total_results(self, market: Market) -> dict[str, Result]:
        """Return the results since the first fill by quote asset: amounts in different ones are no sum."""
        held: dict[str, dict[str, Holding]] = {}
        for symbol, holding in self._holdings.items():
            held.setdefault(self._rules[symbol].quote, {})[symbol] = holding
        return {quote: self._compute_result(market, holdings, {}) for quote, holdings in held.items()}

    def _compute_result(self, market: Market, holdings: dict[str, Holding], starts: dict[str, Holding]) -> Result:
        realized, fees = ZERO, ZERO
        unrealized: Decimal | None = ZERO
        fees_known = True
        for symbol, holding in holdings.items():
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

    def save(self) -> PositionsRecord:
        """Return everything for the journal."""
        return PositionsRecord(
            day=self._day.isoformat(),
            earlier={symbol: _to_record(holding) for symbol, holding in self._earlier.items()},
            latest=[execution for several in self._latest.values() for execution in several],
            day_start={symbol: _to_record(holding) for symbol, holding in self._day_start.items()},
        )

    def restore(self, record: PositionsRecord) -> None:
        """Take over what `save` returned."""
        self._day = date.fromisoformat(record.day)
        self._earlier = {symbol: _to_holding(each) for symbol, each in record.earlier.items()}
        self._latest = {}
        for execution in record.latest:
            self._latest.setdefault(execution.symbol, []).append(execution)
        self._day_start = {symbol: _to_holding(each) for symbol, each in record.day_start.items()}
        self._holdings = {}
        for symbol in self._earlier.keys() | self._latest.keys():
            self._count_again(symbol)

    def _count_again(self, symbol: str) -> None:
        earlier = self._earlier.get(symbol, Holding())
        self._holdings[symbol] = self._add(earlier, self._latest.get(symbol, []))

    def _add(self, holding: Holding, executions: Iterable[Execution]) -> Holding:
        for execution in executions:
            rules = self._rules[execution.symbol]
            holding = apply_fill(holding, execution, base_asset=rules.base, quote_asset=rules.quote)
        return holding


def _place(execution: Execution) -> tuple[int, int, str]:
    """Return where an execution stands among a symbol's; two orders of ours that meet have one trade."""
    return execution.trade_time_ms, execution.trade_id, execution.client_order_id


def _to_record(holding: Holding) -> HoldingRecord:
    return HoldingRecord(holding.quantity, holding.cost, holding.realized, holding.fees_quote, dict(holding.fees))


def _to_holding(record: HoldingRecord) -> Holding:
    fees = MappingProxyType(dict(record.fees))
    return Holding(record.quantity, record.cost, record.realized, record.fees_quote, fees)
