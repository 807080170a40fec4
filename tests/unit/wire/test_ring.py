"""The ring within one process: layout, laps, refusals."""

import os
from pathlib import Path

import pytest

from stockade_wire.errors import RingFormatError, ScaledNumberError, UnsupportedMachineError
from stockade_wire.ring import Bar, Book, Doorbell, LastValues, Level, Quote, RingReader, RingWriter, Trade, layout
from stockade_wire.ring.doorbell import drain
from tests.support.wire_examples import RING_FILE, RING_SYMBOLS, read_golden_bytes, write_ring

EVENT, RECEIVED = 1_764_100_000_123_000_000, 1_764_100_000_127_000_000
QUOTE = Quote("BTCUSDT", 400900217, EVENT, RECEIVED, 2_700_010_000_000, 150_000_000, 2_700_011_000_000, 90_000_000)
TRADE = Trade("ETHUSDT", 1184, EVENT, RECEIVED, 180_000_000_000, 3_000_000, buyer_is_maker=True)
BAR = Bar("BTCUSDT", 12, EVENT, RECEIVED, 1, 4, 0, 3, 700, 900, 1_764_100_000_000_000_000, 60_000_000_000, closed=False)
BOOK = Book("ETHUSDT", 5, EVENT, RECEIVED, (Level(10, 1), Level(9, 2)), (Level(11, 3),))


def _publish_trade(writer: RingWriter, number: int) -> None:
    writer.publish_trade(
        "BTCUSDT", trade_id=number, event_time_ns=1, received_time_ns=2, price=number, quantity=1, buyer_is_maker=False
    )


def _read_everything(reader: RingReader) -> tuple[list[int], int]:
    numbers, missed = [], 0
    while (batch := reader.poll()) != ([], 0):
        numbers += [record.trade_id for record in batch.records if isinstance(record, Trade)]
        missed += batch.missed
    return numbers, missed


def test_structs_have_the_sizes_the_layout_says() -> None:
    assert layout.RECORD.size == layout.RECORD_BYTES == layout.END_OFFSET + 8
    for payload in (layout.QUOTE_PAYLOAD, layout.TRADE_PAYLOAD, layout.BAR_PAYLOAD):
        assert payload.size == layout.RECORD_BYTES - 16
    assert layout.LAST_VALUES.size == layout.LAST_VALUES_BYTES
    assert layout.BOOK_PAYLOAD.size + 8 == layout.BOOK_END_OFFSET
    assert layout.BOOK.size == layout.BOOK_END_OFFSET + 8 <= layout.BOOK_BYTES
    assert layout.HEADER.size <= layout.HEAD_OFFSET
    assert layout.SYMBOLS_OFFSET + layout.MAX_SYMBOLS * layout.SYMBOL_BYTES <= layout.PAGE_BYTES


def test_writer_makes_the_bytes_of_the_example(tmp_path: Path) -> None:
    write_ring(tmp_path / "ring").close()
    assert read_golden_bytes(tmp_path / "ring") == RING_FILE.read_bytes()


def test_reader_understands_the_example() -> None:
    reader = RingReader.open(RING_FILE)
    assert reader.symbols == RING_SYMBOLS
    assert reader.poll() == ([], 0), "a reader starts with what comes after it"
    assert reader.read_last_values("BTCUSDT") == LastValues(QUOTE, None)
    assert reader.read_last_values("ETHUSDT") == LastValues(None, TRADE)
    reader.close()


def test_reader_gets_what_the_writer_published(tmp_path: Path) -> None:
    RingWriter.create(tmp_path / "ring", RING_SYMBOLS).close()
    writer = RingWriter.create(tmp_path / "ring", RING_SYMBOLS)
    reader = RingReader.open(tmp_path / "ring")
    writer.publish_quote(**QUOTE._asdict())
    writer.publish_trade(**TRADE._asdict())
    writer.publish_bar(**BAR._asdict())
    writer.publish_book(**BOOK._asdict())
    assert reader.poll() == ([QUOTE, TRADE, BAR], 0)
    assert reader.poll_books() == ([BOOK], 0)
    assert (reader.poll(), reader.poll_books()) == (([], 0), ([], 0))
    before = reader.heartbeat_ns
    writer.beat()
    assert reader.heartbeat_ns >= before > EVENT


def test_books_are_cut_to_twenty_levels(tmp_path: Path) -> None:
    writer = RingWriter.create(tmp_path / "ring", ["BTCUSDT"])
    reader = RingReader.open(tmp_path / "ring")
    levels = [(price, 1) for price in range(100)]
    writer.publish_book("BTCUSDT", update_id=1, event_time_ns=1, received_time_ns=1, bids=levels, asks=levels)
    (book,) = reader.poll_books().books
    assert book.bids == book.asks == tuple(Level(price, 1) for price in range(20))


@pytest.mark.parametrize("published", [0, 1, 6, 7, 8, 9, 100, 1001])
def test_what_is_read_and_what_is_missed_add_up(tmp_path: Path, published: int) -> None:
    writer = RingWriter.create(tmp_path / "ring", ["BTCUSDT"], capacity=8)
    reader = RingReader.open(tmp_path / "ring")
    for number in range(1, published + 1):
        _publish_trade(writer, number)
    numbers, missed = _read_everything(reader)
    assert len(numbers) + missed == published
    assert numbers == list(range(missed + 1, published + 1))
    assert missed == max(0, published - 7), "the slot after the head counts as being overwritten"


def test_a_reader_that_keeps_up_misses_nothing(tmp_path: Path) -> None:
    writer = RingWriter.create(tmp_path / "ring", ["BTCUSDT"], capacity=8)
    reader = RingReader.open(tmp_path / "ring")
    seen: list[int] = []
    for number in range(1, 1000):
        _publish_trade(writer, number)
        if number % 5 == 0:
            numbers, missed = _read_everything(reader)
            seen += numbers
            assert missed == 0
    assert seen == list(range(1, 996))


def test_a_record_in_the_making_is_not_delivered(tmp_path: Path) -> None:
    writer = RingWriter.create(tmp_path / "ring", ["BTCUSDT"], capacity=8)
    reader = RingReader.open(tmp_path / "ring")
    for number in range(1, 4):
        _publish_trade(writer, number)
    geometry = layout.compute_geometry(1, 8, 256)
    writer._words[(geometry.log_offset + 2 * layout.RECORD_BYTES) >> 3] = 0
    batch = reader.poll()
    assert [record.trade_id for record in batch.records if isinstance(record, Trade)] == [1, 3]
    assert batch.missed == 1


def test_a_bad_number_leaves_the_ring_as_it_was(tmp_path: Path) -> None:
    writer = RingWriter.create(tmp_path / "ring", ["BTCUSDT"])
    reader = RingReader.open(tmp_path / "ring")
    with pytest.raises(ScaledNumberError):
        _publish_trade(writer, 2**63)
    with pytest.raises(KeyError):
        writer.publish_trade(**TRADE._asdict())
    _publish_trade(writer, 5)
    assert _read_everything(reader) == ([5], 0)
    trade = reader.read_last_values("BTCUSDT").trade
    assert trade is not None
    assert trade.trade_id == 5


def test_replacing_a_ring_does_not_disturb_its_reader(tmp_path: Path) -> None:
    old_writer = RingWriter.create(tmp_path / "ring", ["BTCUSDT"])
    old_reader = RingReader.open(tmp_path / "ring")
    new_writer = RingWriter.create(tmp_path / "ring", ["BTCUSDT"])
    new_reader = RingReader.open(tmp_path / "ring")
    _publish_trade(new_writer, 9)
    _publish_trade(old_writer, 8)
    assert (_read_everything(old_reader), _read_everything(new_reader)) == (([8], 0), ([9], 0))
    assert old_reader.boot_id != new_reader.boot_id
    assert [path.name for path in tmp_path.iterdir()] == ["ring"]
    assert (tmp_path / "ring").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "0 bytes"),
        (bytes(8192), "not a market data ring"),
        (layout.MAGIC + b"\x09" + bytes(8183), "version 9; this image reads version 1"),
        (RING_FILE.read_bytes()[:-4096], "its header says"),
        (RING_FILE.read_bytes()[:20] + b"\x40" + RING_FILE.read_bytes()[21:], "contradicts itself"),
    ],
    ids=["empty", "zeros", "newer", "cut", "wrong geometry"],
)
def test_a_file_that_is_no_ring_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "ring").write_bytes(content)
    with pytest.raises(RingFormatError, match=complaint):
        RingReader.open(tmp_path / "ring")


@pytest.mark.parametrize(
    ("symbols", "capacity"), [([], 8), (["A", "A"], 8), (["A&B"], 8), (["A" * 33], 8), (["A"], 7), (["A"], 2)]
)
def test_a_ring_that_can_not_be_is_not_made(tmp_path: Path, symbols: list[str], capacity: int) -> None:
    with pytest.raises(ValueError, match=r"symbol|capacity"):
        RingWriter.create(tmp_path / "ring", symbols, capacity=capacity)
    assert not list(tmp_path.iterdir())


def test_other_processors_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(UnsupportedMachineError, match="amd64 node"):
        RingWriter.create(tmp_path / "ring", ["BTCUSDT"])


def test_doorbell_never_blocks_whatever_its_reader_does() -> None:
    bell = Doorbell()
    os.set_blocking(bell.reader_fd, True)
    for _ in range(70_000):
        bell.ring()
    assert drain(bell.reader_fd)
    bell.ring()
    assert os.read(bell.reader_fd, 10) == b"\x01"
    bell.close_reader()
    bell.ring()
    bell.close()


def test_doorbell_tells_its_reader_when_the_gateway_is_gone() -> None:
    bell = Doorbell()
    reader_fd = os.dup(bell.reader_fd)
    assert drain(reader_fd), "nothing to drain is not the end"
    bell.close()
    assert not drain(reader_fd)
    os.close(reader_fd)
