"""The judge of profit: what the ledger says was earned, to the last digit it keeps, computed anew in exact fractions.

Apart from the platform's one PnL function and sharing no line with it: by average cost, from the exchange's own trades
in the exchange's order, whenever and in whatever order a gateway heard of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.chaos.evidence import AlgorithmEvidence, Evidence, Violation
from tests.chaos.trades import index_own_trades

# Half of the last digit of NUMERIC(38,18), and a little for a quotient that was cut off far behind it.
_LAST_DIGIT = Fraction(6, 10**19)


@dataclass
class Earnings:
    """What one symbol's trades come to: `paid` has the sign of `held`; `fees` are in the quote asset.

    `other_fees` says that some were taken in a third asset, which are in no figure here.
    """

    held: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    other_fees: bool = False

    @property
    def average_price(self) -> Fraction | None:
        """What a unit of what is held cost."""
        return self.paid / self.held if self.held else None

    def take(self, symbol: str, trade: Mapping[str, Any]) -> None:
        """Count the next trade: one unit of what it sells realises its price less what a unit cost on average."""
        price, quantity, fee = (Fraction(trade[name]) for name in ("price", "quantity", "commission"))
        arrived = quantity if trade["side"] == "BUY" else -quantity
        if symbol.startswith(trade["commission_asset"]):
            arrived -= fee
            self.fees += fee * price
        elif symbol.endswith(trade["commission_asset"]):
            self.fees += fee
        else:
            self.other_fees |= bool(fee)
        if self.held * arrived < 0:
            share = min(abs(arrived / self.held), Fraction(1))
            closed, cost = self.held * share, self.paid * share
            self.realized += closed * price - cost
            self.held, self.paid, arrived = self.held - closed, self.paid - cost, arrived + closed
        self.held, self.paid = self.held + arrived, self.paid + arrived * price


def compute_earnings(evidence: Evidence, algorithm: AlgorithmEvidence) -> dict[str, Earnings]:
    """Return what the exchange's trades of the algorithm's orders come to, by symbol."""
    earnings: dict[str, Earnings] = {}
    trades = index_own_trades(evidence, algorithm)
    for key in sorted(trades, key=lambda key: (trades[key]["trade_time_ms"], key[1], key[2])):
        earnings.setdefault(key[0], Earnings()).take(key[0], trades[key])
    return earnings


def find_wrong_profit(evidence: Evidence) -> Iterator[Violation]:
    """The ledger's realised profit and average price of each position are those of the exchange's trades."""
    rows = {(row["algorithm"], row["symbol"]): row for row in evidence.positions}
    for algorithm in evidence.algorithms:
        for symbol, real in compute_earnings(evidence, algorithm).items():
            row = rows.get((algorithm.name, symbol), {"realized_pnl": None, "average_price": None})
            for name, value in (("realized_pnl", real.realized), ("average_price", real.average_price)):
                if not is_same(row[name], value):
                    yield Violation("profit equal", algorithm.name, _tell(symbol, name, value, row[name]))


def find_wrong_results(evidence: Evidence) -> Iterator[Violation]:
    """Once all gateways have left, the results by day add up to what the exchange's trades come to, fees apart.

    Fees in a third asset are valued at a price of their own moment, which nothing outside knows: these are left out.
    """
    for algorithm in evidence.algorithms:
        earnings = compute_earnings(evidence, algorithm).values()
        days = [row for row in evidence.daily_results if row["algorithm"] == algorithm.name]
        if not earnings:
            continue
        wanted = {"realized_pnl": sum((each.realized for each in earnings), Fraction(0))}
        if not any(each.other_fees for each in earnings):
            wanted["fees"] = sum((each.fees for each in earnings), Fraction(0))
        for name, value in wanted.items():
            told = None if not days or any(row[name] is None for row in days) else _add(row[name] for row in days)
            if not is_same(told, value):
                yield Violation("profit equal", algorithm.name, _tell("all days", name, value, told))


def is_same(stored: Decimal | None, real: Fraction | None) -> bool:
    """Return whether the ledger's number is the nearest it can keep."""
    if stored is None or real is None:
        return stored is None and real is None
    return abs(Fraction(stored) - real) <= _LAST_DIGIT


def _add(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def _tell(where: str, name: str, real: Fraction | None, told: Decimal | None) -> str:
    exact = None if real is None else float(real)
    return f"{where}: {name} of the exchange's trades is {exact}, the ledger says {told}"
