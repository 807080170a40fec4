"""The wire's examples: the messages and records in `wire/examples`, which both sides of the pod are tested against.

`python -m tests.support.wire_examples` writes them anew after a deliberate change of the protocol.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from stockade_wire.messages import (
    EVENT_TYPES,
    AmendOrder,
    AmendRejected,
    Bye,
    CancelAllOrders,
    CancelOrder,
    Connection,
    Event,
    Fault,
    FillReport,
    Heartbeat,
    Hello,
    Instrument,
    LauncherReport,
    LoadState,
    OrderEvent,
    OrderLeg,
    OrderListReply,
    OrderReply,
    PositionChanged,
    Refused,
    ReplaceOrder,
    Request,
    SavedState,
    SaveState,
    SubmitOrder,
    SubmitOrderList,
    Subscribe,
    TradingChanged,
    Welcome,
    encode_event,
    encode_request,
)
from stockade_wire.ring import RingWriter
from stockade_wire.ring.layout import HEADER, HEARTBEAT_OFFSET

EXAMPLES = Path(__file__).resolve().parents[2] / "wire" / "examples"
RING_FILE = EXAMPLES / "market.ring"
RING_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_BOOT_ID_OFFSET = HEADER.size - 16

_FILL = FillReport(1184, "27000.10", "0.00200", "0.00000200", "BTC", is_maker=False)
_ORDER_EVENT = OrderEvent(
    client_order_id="sk4f2ab7c6de-1a2b3c4d5e6f7",
    symbol="BTCUSDT",
    side="BUY",
    type="LIMIT",
    state="PARTIALLY_FILLED",
    quantity="0.00500",
    filled_quantity="0.00200",
    average_price="27000.10",
    last_fill=_FILL,
    reason=None,
    event_time_ns=1_764_100_000_123_000_000,
    price="27000.10",
    time_in_force="GTC",
    list_id="sk4f2ab7c6de-1a2b3c4d5e6f6",
)
_POSITION = PositionChanged("BTCUSDT", "0.00200", "27000.10", "-0.054", {"BTC": "0.00000200", "BNB": "0.0001"})

MESSAGES: tuple[Request | Event, ...] = (
    Hello(2, LauncherReport(no_new_privs=True, seccomp=True, landlock_abi=7, self_test_passed=True), "Momentum"),
    Heartbeat(),
    SubmitOrder(7, "BTCUSDT", "SELL", "STOP_LOSS_LIMIT", "0.00500", "27000.10", "27000.20", "GTC", trailing_delta=150),
    SubmitOrderList(
        8,
        "BTCUSDT",
        "SELL",
        "0.00500",
        above=OrderLeg("LIMIT_MAKER", "28000"),
        below=OrderLeg("STOP_LOSS_LIMIT", "25900", "26000", "GTC"),
    ),
    AmendOrder(8, "sk4f2ab7c6de-1a2b3c4d5e6f7", "0.00400"),
    ReplaceOrder(8, "sk4f2ab7c6de-1a2b3c4d5e6f7", "0.00400", OrderLeg("LIMIT", "27001", time_in_force="GTC")),
    CancelOrder(8, "sk4f2ab7c6de-1a2b3c4d5e6f7"),
    CancelAllOrders(9, None),
    Subscribe("BTCUSDT", "trade"),
    SaveState(b'j{"seen":12}'),
    LoadState(10),
    Fault("ZeroDivisionError", "division by zero", "algorithm.py", 12, "Traceback (most recent call last):\n..."),
    Bye(),
    Welcome(
        protocol=2,
        symbols=["BTCUSDT"],
        ring_path="/run/stockade/market.ring",
        instruments=[Instrument("BTCUSDT", "BTC", "USDT", "0.01", "0.00001", "0.00001", "5")],
        positions=[_POSITION],
        open_orders=[_ORDER_EVENT],
        trading="Active",
    ),
    Refused("LAUNCHER_NOT_REPORTED", "the launcher's self-test did not pass"),
    OrderReply(7, "sk4f2ab7c6de-1a2b3c4d5e6f7", "NOTIONAL_EXCEEDS_MAX_PER_ORDER", "135 USDT is above the limit of 100"),
    OrderListReply(8, "sk4f2ab7c6de-1a2b3c4d5e6f6", ("sk4f2ab7c6de-1a2b3c4d5e6f7", "sk4f2ab7c6de-1a2b3c4d5e6f8")),
    _ORDER_EVENT,
    AmendRejected("sk4f2ab7c6de-1a2b3c4d5e6f7", "The requested action would change no state; rejecting. (-2038)"),
    SavedState(10, b'j{"seen":12}'),
    _POSITION,
    TradingChanged("Reducing"),
    Connection(connected=False),
)


def encode_example(message: Request | Event) -> bytes:
    """Return the datagram of an example, whichever way it goes."""
    if type(message).__name__ in EVENT_TYPES:
        return encode_event(message)  # type: ignore[arg-type]  # the table just said that it is an event
    return encode_request(message)  # type: ignore[arg-type]  # what is no event is a request


def describe_example(message: Request | Event) -> dict[str, Any]:
    """Return what an example's file holds: the fields for people, the bytes for machines."""
    fields = {name: msgspec.to_builtins(getattr(message, name)) for name in message.__struct_fields__}
    return {"message": type(message).__name__, "fields": fields, "datagram": encode_example(message).hex()}


def write_ring(path: Path) -> RingWriter:
    """Write one record of every kind; the bytes are always the same but for boot id and heartbeat."""
    writer = RingWriter.create(path, RING_SYMBOLS, capacity=4, book_capacity=4)
    times = {"event_time_ns": 1_764_100_000_123_000_000, "received_time_ns": 1_764_100_000_127_000_000}
    writer.publish_quote(
        "BTCUSDT",
        update_id=400900217,
        **times,
        bid_price=2_700_010_000_000,
        bid_quantity=150_000_000,
        ask_price=2_700_011_000_000,
        ask_quantity=90_000_000,
    )
    writer.publish_trade(
        "ETHUSDT", trade_id=1184, **times, price=180_000_000_000, quantity=3_000_000, buyer_is_maker=True
    )
    writer.publish_bar(
        "BTCUSDT",
        trade_count=12,
        **times,
        open=1,
        high=4,
        low=0,
        close=3,
        volume=700,
        quote_volume=900,
        open_time_ns=1_764_100_000_000_000_000,
        interval_ns=60_000_000_000,
        closed=False,
    )
    writer.publish_book("ETHUSDT", update_id=5, **times, bids=[(10, 1), (9, 2)], asks=[(11, 3)])
    return writer


def read_golden_bytes(path: Path) -> bytes:
    """Return a ring's bytes without what differs at every start: boot id and heartbeat."""
    content = bytearray(path.read_bytes())
    content[_BOOT_ID_OFFSET : _BOOT_ID_OFFSET + 16] = bytes(16)
    content[HEARTBEAT_OFFSET : HEARTBEAT_OFFSET + 8] = bytes(8)
    return bytes(content)


def _write_examples() -> None:
    EXAMPLES.mkdir(exist_ok=True)
    for message in MESSAGES:
        text = json.dumps(describe_example(message), indent=2) + "\n"
        (EXAMPLES / f"{type(message).__name__}.json").write_text(text)
    write_ring(RING_FILE).close()
    RING_FILE.write_bytes(read_golden_bytes(RING_FILE))


if __name__ == "__main__":
    _write_examples()
