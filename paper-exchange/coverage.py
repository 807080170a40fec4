"""Writes the table of what is covered into this folder's README: `python paper-exchange/coverage.py`.

What Binance Spot has is listed here by hand; what of it this exchange has is asked of its code.
"""

import sys
from pathlib import Path

from stockade_paper.dispatch import ENDPOINTS
from stockade_paper.websocket_api import OWN_METHODS

README = Path(__file__).with_name("README.md")
BEGIN = "<!-- coverage: written by coverage.py -->"
END = "<!-- end of coverage -->"
ELSEWHERE = (
    ("POST /api/v3/sor/order", "sor.order.place"),
    ("POST /api/v3/sor/order/test", "sor.order.test"),
    ("GET /api/v3/referencePrice/calculation", "referencePrice.calculation"),
    ("", "userDataStream.subscribe.listenToken"),
)
STREAMS = (
    "<symbol>@trade",
    "<symbol>@aggTrade",
    "<symbol>@bookTicker",
    "<symbol>@depth",
    "<symbol>@depth@100ms",
    "<symbol>@depth5",
    "<symbol>@depth10@100ms",
    "<symbol>@depth20",
    "<symbol>@kline_1m",
    "<symbol>@kline_1d@+08:00",
    "<symbol>@miniTicker",
    "<symbol>@ticker",
    "<symbol>@ticker_1h",
    "<symbol>@avgPrice",
    "!miniTicker@arr",
    "!ticker_4h@arr",
)
MISSING_STREAMS = ("<symbol>@referencePrice", "<symbol>@blockTrade")


def write_table() -> str:
    """Return the table as Markdown."""
    rows = [(" ".join(endpoint.rest or ()), endpoint.websocket or "", "yes") for endpoint in ENDPOINTS]
    rows += [("", method, "yes") for method in OWN_METHODS]
    rows += [(rest, method, "no") for rest, method in ELSEWHERE]
    rows.sort(key=lambda row: (row[2] == "no", row[0].partition(" ")[2] or "~", row))
    lines = ["| REST | WebSocket API | here |", "| --- | --- | --- |"]
    lines += [f"| {_code(rest)} | {_code(method)} | {here} |" for rest, method, here in rows]
    count = sum(1 for row in rows if row[2] == "yes")
    lines += ["", f"{count} of {len(rows)} functions.", "", "| market stream | here |", "| --- | --- |"]
    lines += [f"| `{name}` | yes |" for name in STREAMS] + [f"| `{name}` | no |" for name in MISSING_STREAMS]
    return "\n".join(lines)


def insert_table(text: str) -> str:
    """Return the README with the current table."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{write_table()}\n\n{END}{after}"


def _code(name: str) -> str:
    return f"`{name}`" if name else ""


if __name__ == "__main__":
    README.write_text(insert_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{README} is current\n")
