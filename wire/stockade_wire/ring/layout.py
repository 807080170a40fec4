"""Where each byte of the ring stands, and the records as Python sees them.

Apart from writer and reader because it is what the two must agree on; all numbers are little-endian and aligned to 8
bytes.

    page 0    header (see HEADER), the symbols' names from SYMBOLS_OFFSET on
    then      last values, one LAST_VALUES record per symbol
    then      the log: `capacity` records of RECORD_BYTES
    then      the books: `book_capacity` records of BOOK_BYTES

A record carries its sequence number at both ends. The writer clears the first, writes the payload and the last, then
sets the first, then the head: a reader that finds both numbers as expected and the head less than one lap further has
a whole record.
"""

import platform
import struct
from typing import Final, NamedTuple

from stockade_wire.errors import UnsupportedMachineError

MAGIC: Final = b"STKDRING"
VERSION: Final = 1
PAGE_BYTES: Final = 4096

HEADER: Final = struct.Struct("<8sIIIIIIQQQQ16s")
"""Magic, version, symbol count, record bytes, capacity, book bytes, book capacity; offsets of last values, log, books;
file bytes; boot id."""
HEAD_OFFSET: Final = 128
"""Sequence number of the newest record in the log; on a cache line of its own."""
BOOK_HEAD_OFFSET: Final = 192
HEARTBEAT_OFFSET: Final = 256
"""When the writer last said that it lives, in nanoseconds since the epoch."""
SYMBOLS_OFFSET: Final = 512
SYMBOL_BYTES: Final = 32
MAX_SYMBOLS: Final = 100

RECORD: Final = struct.Struct("<QIIQqq10qQ")
"""Sequence, symbol index, kind, exchange's id, exchange's time, time of receipt, ten values, sequence."""
RECORD_BYTES: Final = 128
QUOTE_PAYLOAD: Final = struct.Struct("<IIQqq4q48x")
TRADE_PAYLOAD: Final = struct.Struct("<IIQqq3q56x")
BAR_PAYLOAD: Final = struct.Struct("<IIQqq9q8x")
"""Records of each kind without their sequence numbers."""
END_OFFSET: Final = 120
VALUES: Final = 10

LAST_VALUES: Final = struct.Struct("<QQqq4qQ5qQ8x")
"""Sequence; a Quote from its id on; a Trade from its id on; sequence."""
LAST_VALUES_BYTES: Final = 128
LAST_QUOTE_OFFSET: Final = 8
LAST_TRADE_OFFSET: Final = 64
LAST_VALUES_END_OFFSET: Final = 112
LAST_QUOTE_IN_PAYLOAD: Final = slice(8, 64)
LAST_TRADE_IN_PAYLOAD: Final = slice(8, 56)
"""What of a record's payload is also a last value: all from the exchange's id on."""

LEVELS: Final = 20
"""Levels of one side of a book."""
BOOK: Final = struct.Struct(f"<QIIQqqII{4 * LEVELS}qQ")
"""Sequence, symbol index, zero, id, exchange's time, time of receipt, counts of bids and asks, levels, sequence."""
BOOK_BYTES: Final = 704
BOOK_PAYLOAD: Final = struct.Struct(f"<IIQqqII{4 * LEVELS}q")
BOOK_END_OFFSET: Final = 688

KIND_QUOTE: Final = 1
KIND_TRADE: Final = 2
KIND_BAR: Final = 3


class Quote(NamedTuple):
    """Best bid and ask; prices and quantities scaled by 10^8."""

    symbol: str
    update_id: int
    event_time_ns: int
    received_time_ns: int
    bid_price: int
    bid_quantity: int
    ask_price: int
    ask_quantity: int


class Trade(NamedTuple):
    """One public trade; `buyer_is_maker` means that the seller took."""

    symbol: str
    trade_id: int
    event_time_ns: int
    received_time_ns: int
    price: int
    quantity: int
    buyer_is_maker: bool


class Bar(NamedTuple):
    """A candlestick; it moves until `closed`."""

    symbol: str
    trade_count: int
    event_time_ns: int
    received_time_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    open_time_ns: int
    interval_ns: int
    closed: bool


class Level(NamedTuple):
    """One price of a book."""

    price: int
    quantity: int


class Book(NamedTuple):
    """The best 20 levels of each side, best first."""

    symbol: str
    update_id: int
    event_time_ns: int
    received_time_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class LastValues(NamedTuple):
    """The newest quote and trade of one symbol; None before the first."""

    quote: Quote | None
    trade: Trade | None


class Geometry(NamedTuple):
    """Offsets and sizes that follow from the number of symbols and the capacities."""

    last_values_offset: int
    log_offset: int
    books_offset: int
    file_bytes: int


def compute_geometry(symbol_count: int, capacity: int, book_capacity: int) -> Geometry:
    """Return where the parts of a ring stand; each starts on a page."""
    log_offset = _fill_page(PAGE_BYTES + symbol_count * LAST_VALUES_BYTES)
    books_offset = _fill_page(log_offset + capacity * RECORD_BYTES)
    return Geometry(PAGE_BYTES, log_offset, books_offset, _fill_page(books_offset + book_capacity * BOOK_BYTES))


def check_machine() -> None:
    """Raise UnsupportedMachineError where plain Python can't publish safely.

    Python has no memory barriers. x86-64 keeps the order of stores and of loads (Intel SDM volume 3, "Memory
    Ordering"); arm64 does not.
    """
    machine = platform.machine()
    if machine not in ("x86_64", "AMD64"):
        raise UnsupportedMachineError(
            f"the ring needs an x86-64 processor, this is {machine!r}: run the pod on an amd64 node"
        )


def _fill_page(offset: int) -> int:
    return -(-offset // PAGE_BYTES) * PAGE_BYTES
