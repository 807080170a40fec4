"""Recorder: trades nothing and writes down every trade and quote it sees.

One line of JSON per hundred records, and a summary each second with counts and a running SHA-256, so that two
recordings, or a recording and its source, can be compared by one line. The hash of trades is over the lines
`id,price,quantity`, that of quotes over `id,bid,bid quantity,ask,ask quantity`, all numbers with 8 decimals, in the
order of arrival, by symbol.
"""

import hashlib
import json
from decimal import Decimal

from pydantic import Field

from stockade_sdk import Parameters, QuoteTick, Strategy, TradeTick


class RecorderParameters(Parameters):
    """What may be set in the Algorithm's `parameters`."""

    lines: bool = Field(default=True, description="write each record, and not only the summary")
    records_per_line: int = Field(default=100, ge=1, le=1000)


class Recording:
    """One kind of record of one symbol: how many, their hash, and those that wait for a line."""

    def __init__(self) -> None:
        self.count = 0
        self.digest = hashlib.sha256()
        self.waiting: list[list[int | str]] = []

    def add(self, number: int, *values: Decimal) -> None:
        """Count and hash a record."""
        texts = [format(value, ".8f") for value in values]
        self.count += 1
        self.digest.update(f"{number},{','.join(texts)}\n".encode())
        self.waiting.append([number, *texts])


class Recorder(Strategy):
    """Subscribes to the trades and quotes of all its symbols."""

    parameters: RecorderParameters

    def on_start(self) -> None:
        """Start listening."""
        self.missed = 0
        self.summary = ""
        self.recordings = {(kind, symbol): Recording() for kind in ("trades", "quotes") for symbol in self.symbols}
        for symbol in self.symbols:
            self.subscribe_trades(symbol)
            self.subscribe_quotes(symbol)
        self.set_timer("summary", 1.0)
        print(json.dumps({"ready": list(self.symbols)}))  # noqa: T201 - the log is where it records

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Record a trade."""
        self.record("trades", tick.symbol, tick.trade_id, tick.price, tick.quantity)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Record a quote."""
        sides = (tick.bid_price, tick.bid_quantity, tick.ask_price, tick.ask_quantity)
        self.record("quotes", tick.symbol, tick.update_id, *sides)

    def record(self, kind: str, symbol: str, number: int, *values: Decimal) -> None:
        """Add a record, and write a line when there are enough."""
        recording = self.recordings[kind, symbol]
        recording.add(number, *values)
        if len(recording.waiting) >= self.parameters.records_per_line:
            self.write_line(kind, symbol)

    def write_line(self, kind: str, symbol: str) -> None:
        """Write the waiting records of one kind and symbol."""
        recording = self.recordings[kind, symbol]
        if recording.waiting and self.parameters.lines:
            print(json.dumps({"symbol": symbol, kind: recording.waiting}, separators=(",", ":")))  # noqa: T201 - as above
        recording.waiting.clear()

    def on_gap(self, missed: int) -> None:
        """Count what is missing."""
        self.missed += missed

    def on_timer(self, name: str) -> None:
        """Write what waits, and the summary if it changed."""
        self.write_summary()

    def on_stop(self) -> None:
        """Write the rest."""
        self.write_summary()

    def write_summary(self) -> None:
        """Write counts and hashes."""
        for kind, symbol in self.recordings:
            self.write_line(kind, symbol)
        summary: dict[str, object] = {"missed": self.missed}
        for (kind, symbol), recording in self.recordings.items():
            summary[f"{symbol} {kind}"] = [recording.count, recording.digest.hexdigest()]
        text = json.dumps({"summary": summary})
        if text != self.summary:
            self.summary = text
            print(text)  # noqa: T201 - as above
