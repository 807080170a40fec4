"""The algorithm's side of the ring: maps the file read-only, polls, counts what it missed.

Apart from the writer because it runs beside untrusted code; it can't change a byte of the ring.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import NamedTuple, Self

from stockade_wire.errors import RingFormatError
from stockade_wire.ring import layout
from stockade_wire.ring.layout import (
    KIND_BAR,
    KIND_QUOTE,
    KIND_TRADE,
    LEVELS,
    Bar,
    Book,
    LastValues,
    Level,
    Quote,
    Trade,
)

DEFAULT_BATCH = 256
_LAST_VALUES_TRIES = 1000


class Batch(NamedTuple):
    """What one poll of the log found; `missed` counts the records that were overwritten before they could be read."""

    records: list[Quote | Trade | Bar]
    missed: int


class BookBatch(NamedTuple):
    """What one poll of the books found."""

    books: list[Book]
    missed: int


class RingReader:
    """Reads records from the moment it was opened on; make it with `open`."""

    def __init__(self, ring: mmap.mmap, header: tuple[int, ...], boot_id: bytes, symbols: tuple[str, ...]) -> None:
        count, _, capacity, _, book_capacity, last_values_offset, log_offset, books_offset, _ = header
        self.symbols = symbols
        self.boot_id = boot_id
        self._mmap = ring
        self._words = memoryview(ring).cast("Q")
        self._indexes = {symbol: index for index, symbol in enumerate(symbols)}
        self._last_values = [last_values_offset + index * layout.LAST_VALUES_BYTES for index in range(count)]
        self._log = _Lap(self._words, layout.HEAD_OFFSET, log_offset, capacity, layout.RECORD_BYTES)
        self._books = _Lap(self._words, layout.BOOK_HEAD_OFFSET, books_offset, book_capacity, layout.BOOK_BYTES)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Map the ring at `path`.

        Raises RingFormatError when the file is no ring or has another version, UnsupportedMachineError, OSError.
        """
        layout.check_machine()
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(descriptor).st_size
            if size < layout.PAGE_BYTES:
                raise RingFormatError(f"{path} has {size} bytes: not a market data ring")
            ring = mmap.mmap(descriptor, size, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)
        finally:
            os.close(descriptor)
        magic, version, *header, boot_id = layout.HEADER.unpack_from(ring)
        if magic != layout.MAGIC:
            raise RingFormatError(f"{path} does not start with {layout.MAGIC!r}: not a market data ring")
        if version != layout.VERSION:
            raise RingFormatError(f"{path} is a ring of version {version}; this image reads version {layout.VERSION}")
        count, record_bytes, capacity, book_bytes, book_capacity, *places = header
        if (record_bytes, book_bytes) != (layout.RECORD_BYTES, layout.BOOK_BYTES) or tuple(places) != (
            layout.compute_geometry(count, capacity, book_capacity)
        ):
            raise RingFormatError(f"{path} has a header that contradicts itself")
        if size != places[-1]:
            raise RingFormatError(f"{path} has {size} bytes; its header says {places[-1]}")
        names = struct.iter_unpack(
            f"{layout.SYMBOL_BYTES}s", ring[layout.SYMBOLS_OFFSET : layout.SYMBOLS_OFFSET + count * layout.SYMBOL_BYTES]
        )
        return cls(ring, tuple(header), boot_id, tuple(name.rstrip(b"\0").decode("ascii") for (name,) in names))

    @property
    def heartbeat_ns(self) -> int:
        """When the gateway last said that it lives, in nanoseconds since the epoch."""
        return self._words[layout.HEARTBEAT_OFFSET >> 3]

    def poll(self, limit: int = DEFAULT_BATCH) -> Batch:
        """Return what came since the last poll, oldest first, at most `limit` records; never waits.

        An empty batch without a miss means that there is nothing more.
        """
        block, first, missed = self._log.copy(self._mmap, limit)
        records: list[Quote | Trade | Bar] = []
        for sequence, fields in enumerate(layout.RECORD.iter_unpack(block), start=first):
            if fields[0] == fields[-1] == sequence:
                records.append(self._build_record(fields))
            else:
                missed += 1
        return Batch(records, missed)

    def poll_books(self, limit: int = DEFAULT_BATCH) -> BookBatch:
        """Return the books since the last poll, oldest first, at most `limit`; never waits."""
        block, first, missed = self._books.copy(self._mmap, limit)
        books = []
        for place, sequence in enumerate(range(first, first + len(block) // layout.BOOK_BYTES)):
            fields = layout.BOOK.unpack_from(block, place * layout.BOOK_BYTES)
            if fields[0] == fields[-1] == sequence:
                books.append(self._build_book(fields))
            else:
                missed += 1
        return BookBatch(books, missed)

    def read_last_values(self, symbol: str) -> LastValues:
        """Return the newest quote and trade of a symbol; both None as well when the gateway died while it wrote them.

        Raises KeyError for a symbol that the ring does not carry.
        """
        offset = self._last_values[self._indexes[symbol]]
        for _ in range(_LAST_VALUES_TRIES):
            before = self._words[offset >> 3]
            fields = layout.LAST_VALUES.unpack(self._mmap[offset : offset + layout.LAST_VALUES_BYTES])
            if before == fields[0] == fields[-1] == self._words[offset >> 3]:
                return _build_last_values(symbol, fields) if before else LastValues(None, None)
        return LastValues(None, None)

    def close(self) -> None:
        """Unmap the ring."""
        self._words.release()
        self._mmap.close()

    def _build_record(self, fields: tuple[int, ...]) -> Quote | Trade | Bar:
        _, index, kind, number, event_time_ns, received_time_ns, *values, _ = fields
        symbol = self.symbols[index]
        if kind == KIND_QUOTE:
            return Quote(symbol, number, event_time_ns, received_time_ns, *values[:4])
        if kind == KIND_TRADE:
            return Trade(symbol, number, event_time_ns, received_time_ns, values[0], values[1], values[2] != 0)
        if kind == KIND_BAR:
            opened, high, low, close, volume, quote_volume, open_time_ns, interval_ns, closed, _ = values
            times = (event_time_ns, received_time_ns)
            prices = (opened, high, low, close, volume, quote_volume)
            return Bar(symbol, number, *times, *prices, open_time_ns, interval_ns, closed != 0)
        raise RingFormatError(f"record {fields[0]} is of the unknown kind {kind}")

    def _build_book(self, fields: tuple[int, ...]) -> Book:
        _, index, _, number, event_time_ns, received_time_ns, bids, asks, *values, _ = fields
        return Book(
            self.symbols[index],
            number,
            event_time_ns,
            received_time_ns,
            _pair_levels(values[: 2 * bids]),
            _pair_levels(values[2 * LEVELS : 2 * (LEVELS + asks)]),
        )


class _Lap:
    """Where a reader stands in one ring of records."""

    def __init__(self, words: memoryview, head_offset: int, offset: int, capacity: int, record_bytes: int) -> None:
        self._words, self._head = words, head_offset >> 3
        self._offset, self._capacity, self._record_bytes = offset, capacity, record_bytes
        self._next = words[self._head] + 1

    def copy(self, ring: mmap.mmap, limit: int) -> tuple[bytes, int, int]:
        """Return whole records up to the file's end, the first one's sequence number, and how many were lost."""
        oldest = self._oldest_whole()
        missed = max(0, oldest - self._next)
        first = self._next + missed
        slot = first & (self._capacity - 1)
        count = max(0, min(self._words[self._head] - first + 1, limit, self._capacity - slot))
        start = self._offset + slot * self._record_bytes
        block = ring[start : start + count * self._record_bytes]
        # What the writer reached meanwhile may be torn.
        torn = min(count, max(0, self._oldest_whole() - first))
        self._next = first + count
        return block[torn * self._record_bytes :], first + torn, missed + torn

    def _oldest_whole(self) -> int:
        """Return the oldest record that the writer, one ahead of its head, is not about to overwrite."""
        return int(self._words[self._head]) + 2 - self._capacity


def _pair_levels(numbers: list[int]) -> tuple[Level, ...]:
    return tuple(Level(price, quantity) for price, quantity in zip(numbers[::2], numbers[1::2], strict=True))


def _build_last_values(symbol: str, fields: tuple[int, ...]) -> LastValues:
    quote, (number, event_time_ns, received_time_ns, price, quantity, maker) = fields[1:8], fields[8:14]
    return LastValues(
        Quote(symbol, *quote) if any(quote) else None,
        Trade(symbol, number, event_time_ns, received_time_ns, price, quantity, maker != 0)
        if number or price
        else None,
    )
