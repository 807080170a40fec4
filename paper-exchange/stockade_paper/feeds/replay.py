"""The replay feed: recorded trades and quotes from two CSV files, checked line by line before anything starts."""

import csv
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from stockade_paper.errors import ConfigurationError
from stockade_paper.market_events import BookChange, MarketEvent, MarketTrade

TRADE_COLUMNS = ("time", "trade_id", "price", "quantity", "buyer_maker")
LOOP_PAUSE_MS = 1000
QUOTE_COLUMNS = ("time", "bid", "bid_size", "ask", "ask_size")


@dataclass(frozen=True)
class Recorded:
    """One event and when it happened, in milliseconds since the epoch."""

    time_ms: int
    event: MarketEvent


def read_recording(trades: Path, quotes: Path | None, symbol: str) -> list[Recorded]:
    """Read both files into one list in time order; a quote comes before a trade of the same millisecond.

    Raises ConfigurationError with file, line number and what to write there.
    """
    read_quotes = _read_rows(quotes, QUOTE_COLUMNS, lambda row: _quote(row, symbol)) if quotes is not None else []
    read_trades = _read_rows(trades, TRADE_COLUMNS, lambda row: _trade(row, symbol))
    _check_order(trades, read_trades)
    if quotes is not None:
        _check_order(quotes, read_quotes)
    return sorted([*read_quotes, *read_trades], key=lambda recorded: recorded.time_ms)


def play(
    recording: list[Recorded], speed: Decimal, *, is_looped: bool = False
) -> Iterator[tuple[float, list[MarketEvent]]]:
    """Yield each event with the seconds since the start at which it is due.

    A looped recording begins anew at its end: times and trade ids go on rising, prices and quantities are the recorded.
    """
    if not recording:
        return
    first = recording[0].time_ms
    length = recording[-1].time_ms - first + LOOP_PAUSE_MS
    ids = [recorded.event.trade_id for recorded in recording if isinstance(recorded.event, MarketTrade)]
    known = [number for number in ids if number is not None]
    id_span = max(known) - min(known) + 1 if known else 0
    for turn in itertools.count() if is_looped else range(1):
        for recorded in recording:
            due_ms = turn * length + recorded.time_ms - first
            yield due_ms / 1000 / float(speed), [_shift_id(recorded.event, turn * id_span)]


def _shift_id(event: MarketEvent, shift: int) -> MarketEvent:
    if shift and isinstance(event, MarketTrade) and event.trade_id is not None:
        return replace(event, trade_id=event.trade_id + shift)
    return event


def _read_rows(path: Path, columns: tuple[str, ...], parse: Callable[[dict[str, str]], Recorded]) -> list[Recorded]:
    rows: list[Recorded] = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != columns:
                raise ConfigurationError(f"{path}, line 1: write the header '{','.join(columns)}'")
            for row in reader:
                try:
                    rows.append(parse(row))
                except (ValueError, InvalidOperation, TypeError) as error:
                    raise ConfigurationError(f"{path}, line {reader.line_num}: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: can't be read ({error.strerror}); name an existing CSV file") from error
    if not rows:
        raise ConfigurationError(f"{path}: no row below the header; a recording needs at least one")
    return rows


def _check_order(path: Path, rows: list[Recorded]) -> None:
    for number, (before, after) in enumerate(pairwise(rows), start=3):
        if after.time_ms < before.time_ms:
            raise ConfigurationError(f"{path}, line {number}: time goes back; sort the rows by time")


def _trade(row: dict[str, str], symbol: str) -> Recorded:
    if row["buyer_maker"] not in {"true", "false"}:
        raise ValueError(f"buyer_maker is '{row['buyer_maker']}'; write true or false")
    event = MarketTrade(
        symbol,
        _amount(row, "price"),
        _amount(row, "quantity"),
        row["buyer_maker"] == "true",
        _integer(row, "trade_id"),
    )
    return Recorded(_integer(row, "time"), event)


def _quote(row: dict[str, str], symbol: str) -> Recorded:
    bid = (_amount(row, "bid"), _amount(row, "bid_size"))
    ask = (_amount(row, "ask"), _amount(row, "ask_size"))
    if bid[0] >= ask[0]:
        raise ValueError(f"bid {bid[0]} is not below ask {ask[0]}; a quote can't be crossed")
    return Recorded(_integer(row, "time"), BookChange(symbol, (bid,), (ask,), replaces=True))


def _integer(row: dict[str, str], column: str) -> int:
    text = row[column]
    if text is None or not text.isascii() or not text.isdigit():
        raise ValueError(f"{column} is '{text}'; write a whole number")
    return int(text)


def _amount(row: dict[str, str], column: str) -> Decimal:
    text = row[column]
    try:
        value = Decimal(text)
    except (InvalidOperation, TypeError):
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{column} is '{text}'; write a decimal number above zero")
    return value
