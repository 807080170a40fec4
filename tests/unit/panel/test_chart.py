"""Charts as SVG."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

from stockade_panel.algorithms.chart import FillMark, Point, draw_price_chart, draw_result_chart, draw_sparkline
from stockade_panel.algorithms.chart_route import read_klines
from stockade_panel.algorithms.queries import EquityPoint
from stockade_panel.algorithms.results import present_day, present_week

START = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ZERO = Decimal(0)
SVG = "{http://www.w3.org/2000/svg}"


def prices(*values: str) -> list[Point]:
    return [Point(START + timedelta(minutes=index), Decimal(value)) for index, value in enumerate(values)]


def fill(minute: float, price: str, side: str = "BUY") -> FillMark:
    return FillMark(START + timedelta(minutes=minute), Decimal(price), Decimal("0.001"), side)


def test_a_chart_has_a_line_a_mark_for_each_fill_and_a_sentence() -> None:
    drawn = draw_price_chart("BTCUSDT", prices("100", "110", "90"), [fill(1, "105"), fill(2, "95", "SELL")])
    assert drawn is not None
    root = ET.fromstring(drawn)  # noqa: S314 - drawn by ourselves
    assert root.get("role") == "img"
    assert "1 buys and 1 sells" in (root.get("aria-label") or "")
    line = root.find("polyline")
    assert line is not None
    assert len((line.get("points") or "").split()) == 3
    titles = [mark.findtext("title") for mark in root.iter("polygon") if "chart-fill" in (mark.get("class") or "")]
    assert titles == ["BUY 0.001 at 105, 10:01:00 UTC", "SELL 0.001 at 95, 10:02:00 UTC"]


def test_a_chart_has_no_inline_style_and_no_script() -> None:
    drawn = draw_price_chart('"><script>', prices("1", "2"), [])
    assert drawn is not None
    assert "style=" not in drawn
    assert "<script" not in drawn


def test_higher_prices_are_higher_and_everything_is_inside() -> None:
    drawn = draw_price_chart("BTCUSDT", prices("100", "200"), [])
    assert drawn is not None
    root = ET.fromstring(drawn)  # noqa: S314 - drawn by ourselves
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    line = root.find("polyline")
    assert line is not None
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in (line.get("points") or "").split())
    assert y2 < y1
    assert x1 < x2
    assert 0 <= y2 <= height
    assert x2 <= width


def test_flat_prices_and_a_single_fill_are_drawn_too() -> None:
    assert draw_price_chart("BTCUSDT", prices("5", "5", "5"), []) is not None
    assert draw_price_chart("BTCUSDT", [], [fill(0, "5")]) is not None


def test_without_prices_and_fills_there_is_no_chart() -> None:
    assert draw_price_chart("BTCUSDT", prices("5"), []) is None


def test_fills_before_the_first_price_are_left_out() -> None:
    drawn = draw_price_chart("BTCUSDT", prices("100", "101"), [fill(-600, "100")])
    assert drawn is not None
    assert "0 buys" in drawn


def test_a_sparkline_says_which_way_it_went() -> None:
    rising = draw_sparkline([Decimal(1), Decimal(3)], "up & away")
    assert rising is not None
    assert 'class="spark up"' in rising
    assert "up &amp; away" in rising
    falling = draw_sparkline([Decimal(3), Decimal(1)], "down")
    assert falling is not None
    assert 'class="spark down"' in falling
    assert draw_sparkline([Decimal(1)], "one") is None


def test_results_are_a_line_that_is_broken_where_nothing_was_known() -> None:
    hours = ((0, "-1"), (1, "1"), (30, "2"))
    points = [Point(START + timedelta(hours=hour), Decimal(value)) for hour, value in hours]
    drawn = draw_result_chart(points, timedelta(hours=1), "up & down")
    assert drawn is not None
    root = ET.fromstring(drawn)  # noqa: S314 - drawn by ourselves
    assert root.get("aria-label") == "up & down"
    line = root.find("path")
    assert line is not None
    assert re.sub(r"[\d. ]", "", line.get("d") or "") == "MLM"
    assert len([each for each in root.iter("line") if each.get("class") == "chart-zero"]) == 1
    assert [text.text for text in root.iter("text")][4:6] == ["25 Nov 10:00 UTC", "26 Nov 16:00 UTC"]
    assert draw_result_chart(points[:1], timedelta(hours=1), "one") is None


def test_a_gain_throughout_has_no_zero_line() -> None:
    drawn = draw_result_chart([Point(START, Decimal(5)), Point(START + timedelta(1), Decimal(6))], timedelta(2), "gain")
    assert drawn is not None
    assert "chart-zero" not in drawn


def equity(minutes: int, realized: str, asset: str = "USDT", *, unrealized: Decimal | None = ZERO) -> EquityPoint:
    return EquityPoint(START + timedelta(minutes=minutes), asset, Decimal(realized), unrealized, ZERO)


def test_a_days_change_is_that_of_the_day_and_not_all_that_was_ever_earned() -> None:
    day = present_day([equity(0, "100"), equity(20, "90", unrealized=None), equity(40, "103.5")])
    assert day is not None
    assert day.change == Decimal("3.5")
    assert "over the last 24 hours: +3.50" in str(day.drawn)


def test_results_in_two_assets_are_no_line_together() -> None:
    points = [equity(0, "1", "BTC"), equity(20, "2", "BTC"), equity(0, "100"), equity(20, "90")]
    assert present_day(points) is None
    assert present_day(points[:1]) is None
    assert [(week.quote_asset, week.net, week.change) for week in present_week(points)] == [
        ("BTC", Decimal(2), Decimal(1)),
        ("USDT", Decimal(90), Decimal(-10)),
    ]
    assert present_week([equity(0, "1", unrealized=None)]) == []


def test_klines_give_closing_prices_and_nothing_from_the_future() -> None:
    future = int((datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1000)
    points = read_klines([[0, "1", "2", "0.5", "1.5", "9", 59_999], [0, "1", "2", "0.5", "1.6", "9", future], "broken"])
    assert [point.value for point in points] == [Decimal("1.5"), Decimal("1.6")]
    assert points[1].time <= datetime.now(UTC)
    assert read_klines({"error": 1}) == []
