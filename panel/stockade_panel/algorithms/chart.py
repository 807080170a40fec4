"""Charts as SVG text, drawn on the server: pure functions, so that a page needs no charting script and no inline style.

Colours are classes of the stylesheet, so that charts follow light and dark mode; every mark has a title for a pointer
and the whole has a sentence for a screen reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from markupsafe import Markup

from stockade_panel.formats import format_quantity

WIDTH, HEIGHT = 1180, 300
LEFT, RIGHT, TOP, BOTTOM = 8, 76, 12, 26
SPARK_WIDTH, SPARK_HEIGHT = 120, 28


@dataclass(frozen=True)
class PricePoint:
    """One price at one moment."""

    time: datetime
    price: Decimal


@dataclass(frozen=True)
class FillMark:
    """One of our own fills."""

    time: datetime
    price: Decimal
    quantity: Decimal
    side: str


@dataclass(frozen=True)
class _Scale:
    """Maps times and prices to the drawing. A flat line gets room above and below."""

    first: float
    last: float
    low: Decimal
    high: Decimal

    def x(self, time: datetime) -> float:
        span = self.last - self.first
        share = (time.timestamp() - self.first) / span if span else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, price: Decimal) -> float:
        share = float((price - self.low) / (self.high - self.low))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def draw_price_chart(symbol: str, prices: Sequence[PricePoint], fills: Sequence[FillMark]) -> Markup | None:
    """A price line with our own fills on it; None without at least two prices or one fill, since there is no line then.

    Fills before the first price are left out: the line would be squeezed to nothing by them.
    """
    if len(prices) >= 2:
        fills = [fill for fill in fills if fill.time >= prices[0].time]
    elif not fills:
        return None
    scale = _fit([*prices, *(PricePoint(fill.time, fill.price) for fill in fills)])
    parts = [_grid(scale)]
    if len(prices) >= 2:
        line = " ".join(f"{scale.x(point.time):.1f},{scale.y(point.price):.1f}" for point in prices)
        area = (
            f"{scale.x(prices[0].time):.1f},{HEIGHT - BOTTOM} {line} {scale.x(prices[-1].time):.1f},{HEIGHT - BOTTOM}"
        )
        parts.append(f'<polygon class="chart-area" points="{area}"/><polyline class="chart-line" points="{line}"/>')
        parts.append(_last_price(scale, prices[-1]))
    parts.extend(_mark(scale, fill) for fill in fills)
    label = Markup.escape(_describe(symbol, prices, fills))
    # Every interpolated text below is a number of ours or escaped.
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def draw_sparkline(values: Sequence[Decimal], label: str) -> Markup | None:
    """A small line without axes; None with fewer than two values."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    room = (high - low) or Decimal(1)
    points = " ".join(
        f"{2 + index * (SPARK_WIDTH - 4) / (len(values) - 1):.1f},"
        f"{SPARK_HEIGHT - 3 - float((value - low) / room) * (SPARK_HEIGHT - 6):.1f}"
        for index, value in enumerate(values)
    )
    tone = "up" if values[-1] >= values[0] else "down"
    escaped = Markup.escape(label)
    return Markup(  # noqa: S704 - numbers of ours and an escaped label
        f'<svg class="spark {tone}" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" role="img" aria-label="{escaped}">'
        f'<polyline points="{points}"/></svg>'
    )


def _fit(points: Sequence[PricePoint]) -> _Scale:
    times = [point.time.timestamp() for point in points]
    prices = [point.price for point in points]
    low, high = min(prices), max(prices)
    margin = (high - low) * Decimal("0.08") or abs(high) * Decimal("0.001") or Decimal(1)
    return _Scale(min(times), max(times), low - margin, high + margin)


def _grid(scale: _Scale) -> str:
    """Four price lines with their prices, and the first and last time."""
    parts = []
    for step in range(1, 5):
        price = scale.low + (scale.high - scale.low) * step / 5
        y = scale.y(price)
        parts.append(f'<line class="chart-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="chart-text" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{_short(price)}</text>')
    for moment, anchor, x in ((scale.first, "start", LEFT), (scale.last, "end", WIDTH - RIGHT)):
        text = f"{datetime.fromtimestamp(moment, UTC):%H:%M} UTC"
        parts.append(f'<text class="chart-text" text-anchor="{anchor}" x="{x}" y="{HEIGHT - 8}">{text}</text>')
    return "".join(parts)


def _last_price(scale: _Scale, point: PricePoint) -> str:
    y = scale.y(point.price)
    return (
        f'<line class="chart-last" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<rect class="chart-tag" x="{WIDTH - RIGHT + 3}" y="{y - 9:.1f}" width="{RIGHT - 5}" height="18" rx="4"/>'
        f'<text class="chart-tag-text" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{_short(point.price)}</text>'
    )


def _mark(scale: _Scale, fill: FillMark) -> str:
    """A triangle pointing up below a purchase, down above a sale; shape and title say it, not only the colour."""
    x, y = scale.x(fill.time), scale.y(fill.price)
    is_buy = fill.side == "BUY"
    way = 1 if is_buy else -1
    points = f"{x:.1f},{y:.1f} {x - 6:.1f},{y + way * 11:.1f} {x + 6:.1f},{y + way * 11:.1f}"
    title = Markup.escape(
        f"{fill.side} {format_quantity(fill.quantity)} at {format_quantity(fill.price)},"
        f" {fill.time.astimezone(UTC):%H:%M:%S} UTC"
    )
    return (
        f'<polygon class="chart-fill {"buy" if is_buy else "sell"}" points="{points}"><title>{title}</title></polygon>'
    )


def _short(price: Decimal) -> str:
    """A price in at most seven significant digits, so that it fits the margin."""
    return format_quantity(+price.quantize(Decimal(1).scaleb(max(-8, min(0, price.adjusted() - 6)))))


def _describe(symbol: str, prices: Sequence[PricePoint], fills: Sequence[FillMark]) -> str:
    bought = sum(fill.side == "BUY" for fill in fills)
    trades = f"{bought} buys and {len(fills) - bought} sells of this algorithm"
    if len(prices) < 2:
        return f"{symbol}: {trades}; no prices to draw a line."
    values = [point.price for point in prices]
    return (
        f"{symbol} price from {format_quantity(values[0])} to {format_quantity(values[-1])},"
        f" lowest {format_quantity(min(values))}, highest {format_quantity(max(values))}; {trades}."
    )
