"""Writes what the code knows into this folder: the README's table of what is covered and the configuration's schema.

Run it as `python paper-exchange/coverage.py`. What Binance Spot has is listed here by hand; what of it this exchange
has is asked of its code.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from stockade_paper.account_requests import FIELDS as ACCOUNT_FIELDS
from stockade_paper.dispatch import ENDPOINTS
from stockade_paper.endpoints.call import Call
from stockade_paper.endpoints.market_data import list_block_trades, refuse_reference_price, show_execution_rules
from stockade_paper.feeds.regimes import REGIME_NAMES
from stockade_paper.settings import FEEDS, Settings
from stockade_paper.symbols import FIELDS as SYMBOL_FIELDS
from stockade_paper.symbols import NEEDED, TEXT_FIELDS
from stockade_paper.websocket_api import OWN_METHODS

README = Path(__file__).with_name("README.md")
SCHEMA = Path(__file__).with_name("config.schema.json")
BEGIN = "<!-- coverage: written by coverage.py -->"
END = "<!-- end of coverage -->"
REFUSED: dict[Callable[[Call], Any], str] = {
    refuse_reference_price: "-2043: no symbol has a reference price",
    list_block_trades: "empty: there are no block trades",
    show_execution_rules: "empty: there are no rules",
}
ELSEWHERE = (("", "userDataStream.subscribe.listenToken", "no: margin accounts only"),)
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
SILENT_STREAMS = {
    "<symbol>@referencePrice": "silent: no symbol has a reference price",
    "<symbol>@blockTrade": "silent: there are no block trades",
}
CHOICES = {"feed": FEEDS, "regime": REGIME_NAMES}
ACCOUNT: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {name: {} for name in sorted(ACCOUNT_FIELDS)},
}
SYMBOL: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": list(NEEDED),
    "properties": {
        name: {"type": "string"} if name in TEXT_FIELDS else {"type": ["number", "string"]} for name in SYMBOL_FIELDS
    },
}
LISTS: dict[str, dict[str, object]] = {
    "accounts": {"type": "array", "items": ACCOUNT},
    "symbols": {"type": "array", "minItems": 1, "items": SYMBOL},
}


def write_table() -> str:
    """Return the table as Markdown."""
    rows = [
        (" ".join(endpoint.rest or ()), endpoint.websocket or "", REFUSED.get(endpoint.handler, "yes"))
        for endpoint in ENDPOINTS
    ]
    rows += [("", method, "yes") for method in OWN_METHODS]
    rows += ELSEWHERE
    rows.sort(key=lambda row: (row[2] != "yes", row[0].partition(" ")[2] or "~", row))
    lines = ["| REST | WebSocket API | here |", "| --- | --- | --- |"]
    lines += [f"| {_code(rest)} | {_code(method)} | {here} |" for rest, method, here in rows]
    count = sum(1 for row in rows if not row[2].startswith("no"))
    lines += ["", f"{count} of {len(rows)} functions are answered.", "", "| market stream | here |", "| --- | --- |"]
    lines += [f"| `{name}` | yes |" for name in STREAMS]
    lines += [f"| `{name}` | {here} |" for name, here in SILENT_STREAMS.items()]
    return "\n".join(lines)


def insert_table(text: str) -> str:
    """Return the README with the current table."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{write_table()}\n\n{END}{after}"


def write_schema() -> str:
    """Return the JSON Schema of the configuration file."""
    properties = {item.name: _describe_setting(item.name, item.default) for item in fields(Settings)}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the paper exchange",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    return json.dumps(schema, indent=2) + "\n"


def _describe_setting(name: str, default: object) -> dict[str, object]:
    if name in LISTS:
        return LISTS[name]
    if name in CHOICES:
        return {"enum": list(CHOICES[name]), "default": default}
    if isinstance(default, bool):
        return {"type": "boolean", "default": default}
    if isinstance(default, int):
        return {"type": "integer", "minimum": 0, "default": default}
    if isinstance(default, Decimal):
        return {"type": ["number", "string"], "minimum": 0, "default": str(default)}
    return {"type": "string"} if default is None else {"type": "string", "default": default}


def _code(name: str) -> str:
    return f"`{name}`" if name else ""


if __name__ == "__main__":
    README.write_text(insert_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_text(write_schema(), encoding="utf-8")
    sys.stdout.write(f"{README} and {SCHEMA} are current\n")
