"""An algorithm's result over time as the pages show it: pure, from the points that its gateway writes each minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from markupsafe import Markup

from stockade_panel.algorithms.chart import Point, draw_result_chart, draw_sparkline
from stockade_panel.algorithms.queries import WEEK_MINUTES, EquityPoint
from stockade_panel.formats import format_signed_money


@dataclass(frozen=True)
class Day:
    """What an algorithm's net result changed by in the last day, and its line."""

    change: Decimal
    drawn: Markup | None


@dataclass(frozen=True)
class Week:
    """An algorithm's net result in one quote asset: the newest one known, and the line of the last week."""

    quote_asset: str
    net: Decimal
    change: Decimal
    as_of: datetime
    drawn: Markup | None


def present_day(points: Sequence[EquityPoint]) -> Day | None:
    """The last day in short; None without two results, or with some in different assets, which can't be compared."""
    nets = [point.net for point in points if point.net is not None]
    if len(nets) < 2 or len({point.quote_asset for point in points}) > 1:
        return None
    change = nets[-1] - nets[0]
    return Day(change, draw_sparkline(nets, f"Net result over the last 24 hours: {format_signed_money(change)}"))


def present_week(points: Sequence[EquityPoint]) -> list[Week]:
    """The last week of each quote asset of which a result is known, by its name."""
    weeks = []
    for asset in sorted({point.quote_asset for point in points}):
        known = [Point(each.time, each.net) for each in points if each.quote_asset == asset and each.net is not None]
        if known:
            change = known[-1].value - known[0].value
            label = f"Net result in {asset} over the last seven days: {format_signed_money(change)}"
            # A point of each span, so that two next to each other are up to two spans apart.
            drawn = draw_result_chart(known, timedelta(minutes=2 * WEEK_MINUTES), label)
            weeks.append(Week(asset, known[-1].value, change, known[-1].time, drawn))
    return weeks
