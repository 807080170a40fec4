"""Realised profit on an algorithm's page, by average cost and first in, first out, and every fill as CSV."""

import csv
import io
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from stockade_db.pnl import Method
from stockade_panel.algorithms.profit import Book, Profit, sum_profits
from tests.support.panel_stage import Stage

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
FORMER, PRESENT = "skaaaaaaaaaa-", "skbbbbbbbbbb-"
# Symbol, order, side, price, quantity, commission, commission asset.
FILLS = (
    ("BTCUSDT", f"{FORMER}1", "BUY", "50", "1", "0", None),
    ("BTCUSDT", f"{PRESENT}1", "BUY", "100", "1", "0.001", "BTC"),
    ("ETHUSDT", f"{PRESENT}2", "SELL", "10", "3", "0.03", "USDT"),
    ("BTCUSDT", f"{PRESENT}3", "BUY", "200", "1.001", "0.01", "BNB"),
    ("BTCUSDT", f"{PRESENT}4", "SELL", "180", "0.999", "0.5", "USDT"),
    ("ETHUSDT", f"{PRESENT}5", "BUY", "7", "4", "0", None),
)
INSERT = (
    "INSERT INTO ledger.fill (account, symbol, trade_id, client_order_id, algorithm, exchange_order_id, side, price,"
    " quantity, quote_quantity, commission, commission_asset, is_maker, trade_time,"
    " received_time) VALUES ('main', %s, %s, %s, 'grid', 1, %s, %s, %s, 0, %s, %s, false, %s, %s)"
)
POSITION = (
    "INSERT INTO ledger.position (account, algorithm, symbol, quantity, realized_pnl, quote_asset, updated)"
    " VALUES ('main', 'grid', %s, 0, 0, 'USDT', now())"
)


@pytest.fixture(scope="module")
def traded(stage: Stage) -> Stage:
    """An algorithm that was deleted and made anew, with fills of both lives."""
    stage.add_trading_tenant("profit")
    with stage.ledger.connect("tenant-profit") as connection:
        for number, (symbol, order, side, price, quantity, commission, asset) in enumerate(FILLS):
            time = BEGIN + timedelta(minutes=number)
            heard = time + timedelta(seconds=41) if side == "SELL" else None
            connection.execute(INSERT, (symbol, number, order, side, price, quantity, commission, asset, time, heard))
        for symbol in ("BTCUSDT", "ETHUSDT"):
            connection.execute(POSITION, (symbol,))
    return stage


def read_table(stage: Stage, query: str) -> list[list[str]]:
    """Return the cells of the page's table, row by row."""
    with stage.browser("trader@profit.example") as browser:
        answer = browser.get(f"/algorithms/tenant-profit/grid/profit{query}")
    assert answer.status_code == 200
    table = answer.text[answer.text.index('<table id="profit">') : answer.text.index("</table>")]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]
    return [
        [re.sub(r"<[^>]+>", " ", cell).strip() for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


@pytest.mark.parametrize(
    ("query", "paid", "realized"),
    [
        # Of 0.999 at 100 and 1.001 at 200, together 300.1 for 2, 0.999 are sold at 180.
        ("", "150.05", "+29.92"),
        ("?method=average-cost", "150.05", "+29.92"),
        ("?method=fifo", "200", "+79.92"),
    ],
)
def test_the_page_shows_the_method_asked_for(traded: Stage, query: str, paid: str, realized: str) -> None:
    former, present, ether, total = read_table(traded, query)
    assert [*former[:2], *former[3:7]] == ["BTCUSDT", f"{FORMER}…", "1", "1", "50", "0.00"]
    assert [*present[:2], *present[3:7]] == ["BTCUSDT", f"{PRESENT}…", "3", "1.001", paid, realized]
    assert present[8].split() == ["0.001", "BTC", "0.01", "BNB", "0.5", "USDT"]
    # Three sold at 10 are bought back at 7, and one more is held.
    assert ether[3:7] == ["2", "1", "7", "+9.00"]
    # The first cell is as wide as all those before the results.
    assert total == ["All symbols", f"+{Decimal(realized) + 9}", "USDT", ""]


def test_every_fill_is_in_the_export_with_what_it_realised_by_both_methods(traded: Stage) -> None:
    with traded.browser("trader@profit.example") as browser:
        answer = browser.get("/algorithms/tenant-profit/grid/fills.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="grid-fills.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["order"] for row in rows] == [FILLS[place][1] for place in (0, 1, 3, 4, 2, 5)]
    sold = rows[3]
    assert (sold["time"], sold["side"], sold["price"], sold["held"]) == (
        "2026-01-01T00:04:00+00:00",
        "SELL",
        "180",
        "1.001",
    )
    assert (sold["realized_average_cost"], sold["realized_fifo"]) == ("29.92005", "79.92")
    assert [row["realized_fifo"] for row in rows] == ["0", "0", "0", "79.92", "0", "9"]
    assert {row["quote_asset"] for row in rows} == {"USDT"}
    assert (rows[0]["received_time"], sold["received_time"]) == ("", "2026-01-01T00:04:41+00:00")


def test_the_net_results_of_the_week_and_of_the_day_are_shown_with_what_they_changed_by(stage: Stage) -> None:
    stage.add_trading_tenant("results")
    now = datetime.now(UTC)
    points = ((60 * 50, "10", "0"), (60 * 2, "101", "1"), (60, "101.5", "3"))
    with stage.ledger.connect("tenant-results") as connection:
        for minutes, realized, unrealized in points:
            connection.execute(
                "INSERT INTO ledger.equity_point (account, algorithm, quote_asset, time, realized_pnl, unrealized_pnl,"
                " fees) VALUES ('main', 'grid', 'USDT', %s, %s, %s, 1)",
                (now - timedelta(minutes=minutes), realized, unrealized),
            )
    with stage.browser("trader@results.example") as browser:
        week = browser.get("/algorithms/tenant-results/grid/profit").text
        day = browser.get("/algorithms").text
    assert "Net result in USDT, last seven days" in week
    assert "over the last seven days: +94.50" in week
    assert "+103.50" in week
    assert "over the last 24 hours: +2.50" in day


def test_another_method_is_no_page(traded: Stage) -> None:
    with traded.browser("trader@profit.example") as browser:
        assert browser.get("/algorithms/tenant-profit/grid/profit?method=lifo").status_code == 404


def test_without_a_position_the_quote_asset_is_unknown_and_nothing_is_added_up(stage: Stage) -> None:
    stage.add_trading_tenant("early")
    with stage.ledger.connect("tenant-early") as connection:
        connection.execute(INSERT, ("BTCUSDT", 1, f"{PRESENT}1", "BUY", "100", "1", "0", None, BEGIN, None))
    (profit,) = stage.parts.profit.read_profits("early", "grid", Method.FIRST_IN_FIRST_OUT)
    assert profit.book == Book("BTCUSDT", PRESENT, 1, BEGIN, None)
    assert sum_profits([profit]) == {}
    with stage.browser("trader@early.example") as browser:
        assert "unknown" in browser.get("/algorithms/tenant-early/grid/profit").text


@pytest.mark.parametrize("method", Method)
def test_a_large_ledger_is_never_in_memory(stage: Stage, method: Method) -> None:
    """Much is bought and little sold, so that nearly every fill still is a lot of its own."""
    tenant, fills = f"large-{method}", 20_000
    stage.add_tenant(tenant)
    with stage.ledger.connect(f"tenant-{tenant}") as connection:
        connection.execute(
            "INSERT INTO ledger.fill (account, symbol, trade_id, client_order_id, algorithm, exchange_order_id, side,"
            " price, quantity, quote_quantity, commission, is_maker, trade_time)"
            " SELECT 'main', 'BTCUSDT', n, %s || n, 'grid', n, CASE WHEN n %% 100 = 0 THEN 'SELL' ELSE 'BUY' END,"
            " n, 1, n, 0, false, timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(1, %s) n",
            (PRESENT, fills),
        )
        connection.execute(POSITION, ("BTCUSDT",))
    tracemalloc.start()
    (profit,) = stage.parts.profit.read_profits(tenant, "grid", method)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert profit.book.fills == fills
    assert profit.holding.quantity == fills // 100 * 98
    if method is Method.FIRST_IN_FIRST_OUT:
        # The first sale is of the first purchase, at 1; the hundredth fill was itself a sale.
        bought = [number for number in range(1, fills + 1) if number % 100]
        sold = range(100, fills + 1, 100)
        assert profit.holding.realized == sum(at - paid for at, paid in zip(sold, bought, strict=False))
    assert peak < 8 << 20, f"{peak} bytes"


def test_results_in_two_quote_assets_are_not_added_up(traded: Stage) -> None:
    profits = traded.parts.profit.read_profits("profit", "grid", Method.AVERAGE_COST)
    in_euro = [
        Profit(Book(each.book.symbol, each.book.prefix, each.book.fills, each.book.since, "EUR"), each.holding)
        for each in profits[:1]
    ]
    assert set(sum_profits([*profits, *in_euro])) == {"USDT", "EUR"}
