"""The gateway's side of the ring.

Apart from the reader because the writer is trusted and the reader is not: nothing here looks at anything an algorithm
can write.
"""

import mmap
import os
import secrets
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from stockade_wire.errors import ScaledNumberError
from stockade_wire.ring import layout
from stockade_wire.ring.layout import KIND_BAR, KIND_QUOTE, KIND_TRADE, Level

DEFAULT_CAPACITY = 16384
DEFAULT_BOOK_CAPACITY = 256


class RingWriter:
    """Writes records; make it with `create`.

    Prices and quantities are integers scaled by 10^8. Every `publish_*` raises KeyError for a symbol the ring was not
    created with and ScaledNumberError for a number beyond 64 bits; the ring is as before then. One writer, one
    thread.
    """

    def __init__(self, ring: mmap.mmap, path: Path, symbols: Sequence[str], capacity: int, book_capacity: int) -> None:
        geometry = layout.compute_geometry(len(symbols), capacity, book_capacity)
        self.path = path
        self._mmap = ring
        self._words = memoryview(ring).cast("Q")
        self._symbols = {symbol: index for index, symbol in enumerate(symbols)}
        self._last_values = [geometry.last_values_offset + i * layout.LAST_VALUES_BYTES for i in range(len(symbols))]
        self._last_sequences = [0] * len(symbols)
        self._log_offset, self._mask = geometry.log_offset, capacity - 1
        self._books_offset, self._book_mask = geometry.books_offset, book_capacity - 1
        self._head = 0
        self._book_head = 0

    @classmethod
    def create(
        cls,
        path: Path | str,
        symbols: Sequence[str],
        capacity: int = DEFAULT_CAPACITY,
        book_capacity: int = DEFAULT_BOOK_CAPACITY,
    ) -> Self:
        """Make a fresh ring at `path`, readable for everybody.

        An older one is replaced in one step and stays as it is for its readers.

        Raises ValueError for capacities that are no powers of two and for unusable symbols, UnsupportedMachineError,
        OSError.
        """
        layout.check_machine()
        _check_arguments(symbols, capacity, book_capacity)
        geometry = layout.compute_geometry(len(symbols), capacity, book_capacity)
        path = Path(path)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(fresh, flags, 0o644)
        try:
            os.fchmod(descriptor, 0o644)
            # Allocated now: a full volume is an error here, and not a SIGBUS in the middle of trading.
            os.posix_fallocate(descriptor, 0, geometry.file_bytes)
            ring = mmap.mmap(descriptor, geometry.file_bytes)
            _write_header(ring, symbols, capacity, book_capacity)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        writer = cls(ring, path, symbols, capacity, book_capacity)
        writer.beat()
        return writer

    @property
    def head(self) -> int:
        """Sequence number of the newest record."""
        return self._head

    def publish_quote(
        self,
        symbol: str,
        *,
        update_id: int,
        event_time_ns: int,
        received_time_ns: int,
        bid_price: int,
        bid_quantity: int,
        ask_price: int,
        ask_quantity: int,
    ) -> None:
        """Write a best bid and ask."""
        index = self._symbols[symbol]
        times = (event_time_ns, received_time_ns)
        payload = _pack(
            layout.QUOTE_PAYLOAD, index, KIND_QUOTE, update_id, *times, bid_price, bid_quantity, ask_price, ask_quantity
        )
        self._publish(payload)
        self._write_last_value(index, layout.LAST_QUOTE_OFFSET, payload[layout.LAST_QUOTE_IN_PAYLOAD])

    def publish_trade(
        self,
        symbol: str,
        *,
        trade_id: int,
        event_time_ns: int,
        received_time_ns: int,
        price: int,
        quantity: int,
        buyer_is_maker: bool,
    ) -> None:
        """Write a public trade."""
        index = self._symbols[symbol]
        values = (price, quantity, buyer_is_maker)
        payload = _pack(layout.TRADE_PAYLOAD, index, KIND_TRADE, trade_id, event_time_ns, received_time_ns, *values)
        self._publish(payload)
        self._write_last_value(index, layout.LAST_TRADE_OFFSET, payload[layout.LAST_TRADE_IN_PAYLOAD])

    def publish_bar(
        self,
        symbol: str,
        *,
        trade_count: int,
        event_time_ns: int,
        received_time_ns: int,
        open: int,  # noqa: A002 - the field's own name
        high: int,
        low: int,
        close: int,
        volume: int,
        quote_volume: int,
        open_time_ns: int,
        interval_ns: int,
        closed: bool,
    ) -> None:
        """Write a candlestick; it may be one that still moves."""
        index, values = self._symbols[symbol], (open, high, low, close, volume, quote_volume)
        times = (event_time_ns, received_time_ns)
        bar = (*values, open_time_ns, interval_ns, closed)
        self._publish(_pack(layout.BAR_PAYLOAD, index, KIND_BAR, trade_count, *times, *bar))

    def publish_book(
        self,
        symbol: str,
        *,
        update_id: int,
        event_time_ns: int,
        received_time_ns: int,
        bids: Sequence[Level | tuple[int, int]],
        asks: Sequence[Level | tuple[int, int]],
    ) -> None:
        """Write the best levels of a book, best first; what is beyond 20 levels is left out."""
        index = self._symbols[symbol]
        counts = (min(len(bids), layout.LEVELS), min(len(asks), layout.LEVELS))
        values = [number for side in (bids, asks) for number in _flatten_side(side)]
        sequence = self._book_head + 1
        offset = self._books_offset + (sequence & self._book_mask) * layout.BOOK_BYTES
        words, first = self._words, offset >> 3
        payload = _pack(layout.BOOK_PAYLOAD, index, 0, update_id, event_time_ns, received_time_ns, *counts, *values)
        words[first] = 0
        self._mmap[offset + 8 : offset + layout.BOOK_END_OFFSET] = payload
        words[(offset + layout.BOOK_END_OFFSET) >> 3] = sequence
        words[first] = sequence
        words[layout.BOOK_HEAD_OFFSET >> 3] = sequence
        self._book_head = sequence

    def beat(self) -> None:
        """Say that the writer lives; call it about once a second."""
        self._words[layout.HEARTBEAT_OFFSET >> 3] = time.time_ns()

    def close(self) -> None:
        """Unmap the ring; the file stays for its readers."""
        self._words.release()
        self._mmap.close()

    def _publish(self, payload: bytes) -> None:
        sequence = self._head + 1
        offset = self._log_offset + (sequence & self._mask) * layout.RECORD_BYTES
        words, first = self._words, offset >> 3
        words[first] = 0
        self._mmap[offset + 8 : offset + layout.END_OFFSET] = payload
        words[first + (layout.END_OFFSET >> 3)] = sequence
        words[first] = sequence
        words[layout.HEAD_OFFSET >> 3] = sequence
        self._head = sequence

    def _write_last_value(self, index: int, place: int, value: bytes) -> None:
        offset = self._last_values[index]
        words, first = self._words, offset >> 3
        sequence = self._last_sequences[index] + 1
        words[first] = 0
        self._mmap[offset + place : offset + place + len(value)] = value
        words[first + (layout.LAST_VALUES_END_OFFSET >> 3)] = sequence
        words[first] = sequence
        self._last_sequences[index] = sequence


def _check_arguments(symbols: Sequence[str], capacity: int, book_capacity: int) -> None:
    for name, value in (("capacity", capacity), ("book_capacity", book_capacity)):
        if value < 4 or value & (value - 1):
            raise ValueError(f"{name} is {value}: take a power of two, at least 4")
    if not 1 <= len(symbols) <= layout.MAX_SYMBOLS or len(set(symbols)) != len(symbols):
        raise ValueError(f"{len(symbols)} symbols: give 1 to {layout.MAX_SYMBOLS} different ones")
    for symbol in symbols:
        if not (symbol.isascii() and symbol.isalnum() and len(symbol) <= layout.SYMBOL_BYTES):
            raise ValueError(f"{symbol!r} is no symbol: letters and digits only, at most {layout.SYMBOL_BYTES}")


def _write_header(ring: mmap.mmap, symbols: Sequence[str], capacity: int, book_capacity: int) -> None:
    for index, symbol in enumerate(symbols):
        struct.pack_into(
            f"{layout.SYMBOL_BYTES}s", ring, layout.SYMBOLS_OFFSET + index * layout.SYMBOL_BYTES, symbol.encode()
        )
    layout.HEADER.pack_into(
        ring,
        0,
        layout.MAGIC,
        layout.VERSION,
        len(symbols),
        layout.RECORD_BYTES,
        capacity,
        layout.BOOK_BYTES,
        book_capacity,
        *layout.compute_geometry(len(symbols), capacity, book_capacity),
        secrets.token_bytes(16),
    )


def _flatten_side(side: Sequence[Level | tuple[int, int]]) -> list[int]:
    numbers = [number for level in side[: layout.LEVELS] for number in level]
    return numbers + [0] * (2 * layout.LEVELS - len(numbers))


def _pack(form: struct.Struct, *numbers: int) -> bytes:
    try:
        return form.pack(*numbers)
    except struct.error as error:
        raise ScaledNumberError(f"a number does not fit into the ring: {error}") from error
