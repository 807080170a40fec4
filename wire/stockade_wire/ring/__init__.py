"""The market data ring: one file, written by the gateway, mapped read-only by the algorithm.

Latest wins: the writer never waits for a reader and reads nothing that a reader could write; a slow reader counts
what it missed.
"""

from stockade_wire.ring.doorbell import Doorbell
from stockade_wire.ring.layout import Bar, Book, LastValues, Level, Quote, Trade
from stockade_wire.ring.reader import Batch, BookBatch, RingReader
from stockade_wire.ring.writer import RingWriter

__all__ = [
    "Bar",
    "Batch",
    "Book",
    "BookBatch",
    "Doorbell",
    "LastValues",
    "Level",
    "Quote",
    "RingReader",
    "RingWriter",
    "Trade",
]
