"""The ring between two processes at full speed: no torn record is delivered, and every record is read or counted."""

import multiprocessing
import time
from ctypes import c_int
from pathlib import Path

import pytest

from stockade_wire.ring import RingReader, RingWriter, Trade

RECORDS = 30_000


def _write(path: Path, started: c_int, done: c_int, capacity: int) -> None:
    writer = RingWriter.create(path, ["BTCUSDT"], capacity=capacity, book_capacity=4)
    started.value = 1
    while started.value == 1:
        time.sleep(0.001)
    for number in range(1, RECORDS + 1):
        # Every field follows from the number, so that a record put together from two is seen as such.
        writer.publish_trade(
            "BTCUSDT",
            trade_id=number,
            event_time_ns=number + 1,
            received_time_ns=number + 2,
            price=number + 3,
            quantity=number + 4,
            buyer_is_maker=number % 2 == 0,
        )
        if number % 10 == 0:
            levels = [(number + level, number) for level in range(20)]
            writer.publish_book(
                "BTCUSDT", update_id=number, event_time_ns=number, received_time_ns=number, bids=levels, asks=levels
            )
    done.value = 1


@pytest.mark.parametrize("capacity", [4, 64, 1024])
def test_no_torn_record_is_delivered(tmp_path: Path, capacity: int) -> None:
    context = multiprocessing.get_context("spawn")
    started, done = context.Value("i", 0, lock=False), context.Value("i", 0, lock=False)
    process = context.Process(target=_write, args=(tmp_path / "ring", started, done, capacity))
    process.start()
    while started.value == 0:
        assert process.is_alive()
        time.sleep(0.001)
    reader = RingReader.open(tmp_path / "ring")
    started.value = 2
    read = missed = books = missed_books = last = 0
    finished = False
    while not finished:
        # Looked at before the poll: once the writer is done, an empty poll is the end.
        writer_done = done.value == 1
        batch, book_batch = reader.poll(), reader.poll_books()
        for record in batch.records:
            assert isinstance(record, Trade)
            number = record.trade_id
            assert record[1:] == (number, number + 1, number + 2, number + 3, number + 4, number % 2 == 0)
            assert number > last, "records come in order and once"
            last = number
        for book in book_batch.books:
            number = book.update_id
            levels = tuple((number + level, number) for level in range(20))
            assert (book.bids, book.asks, book.event_time_ns) == (levels, levels, number)
        trade = reader.read_last_values("BTCUSDT").trade
        if trade is not None:
            assert trade.price == trade.trade_id + 3
        read, missed = read + len(batch.records), missed + batch.missed
        books, missed_books = books + len(book_batch.books), missed_books + book_batch.missed
        finished = writer_done and not (batch.records or batch.missed or book_batch.books or book_batch.missed)
    process.join(60)
    assert process.exitcode == 0
    assert read + missed == RECORDS
    assert books + missed_books == RECORDS // 10
    assert last == RECORDS, "the newest record is always there"
    assert read > 0
    reader.close()
