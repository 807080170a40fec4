"""Charts as SVG text, drawn on the server: pure functions, so that a page needs no charting script and no inline style.

Colours are classes of the stylesheet, so that charts follow light and dark mode; every mark has a title for a pointer
and the whole has a sentence for a screen reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from markupsafe import Markup

from stockade_panel.formats import format_quantity

WIDTH, HEIGHT = 1180, 300
LEFT, RIGHT, TOP, BOTTOM = 8, 76, 12, 26
SPARK_WIDTH, SPARK_HEIGHT = 120, 28
_DAY_SECONDS = 86400


@dataclass(frozen=True)
class Point:
    """One value at one moment: a price, or a result."""

    time: datetime
    value: Decimal


@dataclass(frozen=True)
class FillMark:
    """One of our own fills."""

    time: datetime
    price: Decimal
    quantity: Decimal
    side: str


@dataclass(frozen=True)
class _Scale:
    """Maps times and values to the drawing. A flat line gets room above and below."""

    first: float
    last: float
    low: Decimal
    high: Decimal

    def x(self, time: datetime) -> float:
        span = self.last - self.first
        share = (time.timestamp() - self.first) / span if span else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: Decimal) -> float:
        share = float((value - self.low) / (self.high - self.low))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def draw_price_chart(symbol: str, prices: Sequence[Point], fills: Sequence[FillMark]) -> Markup | None:
    """A price line with our own fills on it; None without at least two prices or one fill, since there is no line then.

    Fills before the first price are left out: the line would be squeezed to nothing by them.
    """
    if len(prices) >= 2:
        fills = [fill for fill in fills if fill.time >= prices[0].time]
    elif not fills:
        return None
    scale = _fit([*prices, *(Point(fill.time, fill.price) for fill in fills)])
    parts = [_grid(scale)]
    if len(prices) >= 2:
        line = " ".join(f"{scale.x(point.time):.1f},{scale.y(point.value):.1f}" for point in prices)
        area = (
            f"{scale.x(prices[0].time):.1f},{HEIGHT - BOTTOM} {line} {scale.x(prices[-1].time):.1f},{HEIGHT - BOTTOM}"
        )
        parts.append(f'<polygon class="chart-area" points="{area}"/><polyline class="chart-line" points="{line}"/>')
        parts.append(_last_value(scale, prices[-1]))
    parts.extend(_mark(scale, fill) for fill in fills)
    label = Markup.escape(_describe(symbol, prices, fills))
    # Every interpolated text below is a number of ours or escaped.
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def draw_result_chart(points: Sequence[Point], longest_gap: timedelta, label: str) -> Markup | None:
    """A line of results, broken where nothing was known for longer than that; None with fewer than two of them."""
    if len(points) < 2:
        return None
    scale = _fit(points)
    parts = [_grid(scale)]
    if scale.low < 0 < scale.high:
        y = scale.y(Decimal(0))
        parts.append(f'<line class="chart-zero" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    line = ""
    for before, point in zip((None, *points), points, strict=False):
        is_broken = before is None or point.time - before.time > longest_gap
        line += f"{'M' if is_broken else 'L'}{scale.x(point.time):.1f} {scale.y(point.value):.1f}"
    parts.append(f'<path class="chart-line" d="{line}"/>{_last_value(scale, points[-1])}')
    return Markup(  # noqa: S704 - numbers of ours and an escaped label
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{Markup.escape(label)}">'
        f"{''.join(parts)}</svg>"
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


def _fit(points: Sequence[Point]) -> _Scale:
    times = [point.time.timestamp() for point in points]
    values = [point.value for point in points]
    low, high = min(values), max(values)
    margin = (high - low) * Decimal("0.08") or abs(high) * Decimal("0.001") or Decimal(1)
    return _Scale(min(times), max(times), low - margin, high + margin)


def _grid(scale: _Scale) -> str:
    """Four lines with their values, and the first and last time, with its day where there are several."""
    parts = []
    for step in range(1, 5):
        value = scale.low + (scale.high - scale.low) * step / 5
        y = scale.y(value)
        parts.append(f'<line class="chart-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="chart-text" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{_short(value)}</text>')
    pattern = "%d %b %H:%M" if scale.last - scale.first > _DAY_SECONDS else "%H:%M"
    for moment, anchor, x in ((scale.first, "start", LEFT), (scale.last, "end", WIDTH - RIGHT)):
        text = f"{datetime.fromtimestamp(moment, UTC):{pattern}} UTC"
        parts.append(f'<text class="chart-text" text-anchor="{anchor}" x="{x}" y="{HEIGHT - 8}">{text}</text>')
    return "".join(parts)


def _last_value(scale: _Scale, point: Point) -> str:
    y = scale.y(point.value)
    return (
        f'<line class="chart-last" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<rect class="chart-tag" x="{WIDTH - RIGHT + 3}" y="{y - 9:.1f}" width="{RIGHT - 5}" height="18" rx="4"/>'
        f'<text class="chart-tag-text" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{_short(point.value)}</text>'
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


def _short(value: Decimal) -> str:
    """A value in at most seven significant digits, so that it fits the margin."""
    return format_quantity(+value.quantize(Decimal(1).scaleb(max(-8, min(0, value.adjusted() - 6)))))


def _describe(symbol: str, prices: Sequence[Point], fills: Sequence[FillMark]) -> str:
    bought = sum(fill.side == "BUY" for fill in fills)
    trades = f"{bought} buys and {len(fills) - bought} sells of this algorithm"
    if len(prices) < 2:
        return f"{symbol}: {trades}; no prices to draw a line."
    values = [point.value for point in prices]
    return (
        f"{symbol} price from {format_quantity(values[0])} to {format_quantity(values[-1])},"
        f" lowest {format_quantity(min(values))}, highest {format_quantity(max(values))}; {trades}."
    )
