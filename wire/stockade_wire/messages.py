"""Messages of the order socket: one msgpack array per SEQPACKET datagram, typed and bounded.

The schema is the only thing the gateway believes of what the algorithm sends, so every text has a length and every
number a range. Money travels as plain decimal text.
"""

from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from stockade_wire.errors import MalformedMessageError, MessageTooLargeError

MAX_REQUEST_BYTES: Final = 8 * 1024
"""Largest datagram of an algorithm, but for a SaveState."""
MAX_STATE_BYTES: Final = 64 * 1024
"""What a strategy may have kept for its next start."""
MAX_DATAGRAM_BYTES: Final = MAX_STATE_BYTES + 1024
"""Largest datagram there is: a state with its frame."""
MAX_EVENT_BYTES: Final = MAX_DATAGRAM_BYTES
"""Largest datagram of a gateway; its Welcome carries every instrument and open order."""
MAX_TRACEBACK_BYTES: Final = 4 * 1024
"""What a Fault may carry of a traceback; its sender keeps the end, where the cause stands."""
MAX_WELCOME_ORDERS: Final = 200
"""Open orders in one Welcome; any further ones follow as OrderEvents."""

Symbol = Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,30}\Z")]
Asset = Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,20}\Z")]
ClientOrderId = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,36}\Z")]
Number = Annotated[str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z")]
SignedNumber = Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,18})?\Z")]
Word = Annotated[str, Meta(max_length=128)]
Sentence = Annotated[str, Meta(max_length=1024)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
BasisPoints = Annotated[int, Meta(ge=1, le=10_000)]
State = Annotated[bytes, Meta(max_length=MAX_STATE_BYTES)]

Side = Literal["BUY", "SELL"]
OrderType = Literal[
    "MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"
]
TimeInForce = Literal["GTC", "IOC", "FOK"]
FeedKind = Literal["quote", "trade", "bar", "book"]
TradingState = Literal["Active", "Reducing", "Halted"]
OrderState = Literal[
    "INITIALIZED",
    "DENIED",
    "SUBMITTED",
    "ACCEPTED",
    "PARTIALLY_FILLED",
    "FILLED",
    "PENDING_CANCEL",
    "CANCELED",
    "REJECTED",
    "EXPIRED",
]
DenialCode = Literal[
    "NOTIONAL_EXCEEDS_MAX_PER_ORDER",
    "POSITION_EXCEEDS_MAX",
    "TOO_MANY_OPEN_ORDERS",
    "RATE_LIMIT_EXCEEDED",
    "DAILY_LOSS_EXCEEDED",
    "PRICE_OUTSIDE_BAND",
    "SYMBOL_NOT_ALLOWED",
    "TRADING_HALTED",
    "TRADING_REDUCING",
    "RECONCILING",
    "NO_PRICE",
    "FILTER_VIOLATED",
    "INVALID_ORDER",
    "CONTROL_UNREADABLE",
    "ACCOUNT_LIMIT_EXCEEDED",
    "QUEUE_FULL",
]
CLOSED_STATES: Final = frozenset({"DENIED", "FILLED", "CANCELED", "REJECTED", "EXPIRED"})
"""States an order never leaves."""


class Message(Struct, frozen=True, array_like=True, tag=True, tag_field="tag", forbid_unknown_fields=True):
    """Base of every message: a frozen array whose first item is the class's name."""


class LauncherReport(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the launcher did before any of the user's code ran; a `landlock_abi` of 0 means the kernel has none."""

    no_new_privs: bool
    seccomp: bool
    landlock_abi: Annotated[int, Meta(ge=0, le=1000)]
    self_test_passed: bool


# --- Algorithm to gateway ---------------------------------------------------------------------------------------------


class Hello(Message, frozen=True):
    """First message of an algorithm."""

    protocol: Count
    launcher: LauncherReport
    strategy: Word


class Heartbeat(Message, frozen=True):
    """Sent each second: the algorithm's loop is turning."""


class SubmitOrder(Message, frozen=True):
    """Asks for an order; answered at once by an OrderReply with the same `request_id`."""

    request_id: Count
    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Number
    price: Number | None = None
    stop_price: Number | None = None
    time_in_force: TimeInForce | None = None
    trailing_delta: BasisPoints | None = None


class OrderLeg(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What one order of a list has for itself."""

    type: OrderType
    price: Number | None = None
    stop_price: Number | None = None
    time_in_force: TimeInForce | None = None
    trailing_delta: BasisPoints | None = None


class SubmitOrderList(Message, frozen=True):
    """Asks for an OCO: two orders, one on either side of the market, of which only one can fill.

    Answered at once by an OrderListReply with the same `request_id`.
    """

    request_id: Count
    symbol: Symbol
    side: Side
    quantity: Number
    above: OrderLeg
    below: OrderLeg


class AmendOrder(Message, frozen=True):
    """Asks to lower an order's quantity without losing its place in the queue."""

    request_id: Count
    client_order_id: ClientOrderId
    quantity: Number


class ReplaceOrder(Message, frozen=True):
    """Asks to cancel an order and, only when that succeeds, to place another one of its symbol and side.

    Answered with the new order's id.
    """

    request_id: Count
    client_order_id: ClientOrderId
    quantity: Number
    order: OrderLeg


class CancelOrder(Message, frozen=True):
    """Asks to cancel one order, or a whole list by its id or that of one of its orders."""

    request_id: Count
    client_order_id: ClientOrderId


class CancelAllOrders(Message, frozen=True):
    """Asks to cancel every open order of the algorithm, or of one symbol."""

    request_id: Count
    symbol: Symbol | None = None


class Subscribe(Message, frozen=True):
    """Asks for one kind of market data of one symbol on the ring."""

    symbol: Symbol
    kind: FeedKind


class SaveState(Message, frozen=True):
    """What the strategy wants to find at its next start; replaces what it saved before."""

    content: State


class LoadState(Message, frozen=True):
    """Asks, once in a connection, for what was saved last; answered by a SavedState with the same `request_id`."""

    request_id: Count


class Fault(Message, frozen=True):
    """The user's code failed; the algorithm exits after this."""

    kind: Word
    message: Sentence
    file: Annotated[str, Meta(max_length=256)] | None
    line: Count | None
    traceback: Annotated[str, Meta(max_length=MAX_TRACEBACK_BYTES)]


class Bye(Message, frozen=True):
    """The algorithm's `on_stop` is done and it leaves."""


# --- Gateway to algorithm ---------------------------------------------------------------------------------------------


class Instrument(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the exchange's filters demand of an order for one symbol."""

    symbol: Symbol
    base: Asset
    quote: Asset
    tick_size: Number
    step_size: Number
    min_quantity: Number
    min_notional: Number


class FillReport(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One execution of an order."""

    trade_id: Count
    price: Number
    quantity: Number
    commission: Number
    commission_asset: Asset
    is_maker: bool


class OrderReply(Message, frozen=True):
    """Answer to a request about one order or to CancelAllOrders; `denied` names the limit that forbade it.

    A CancelAllOrders is answered without a `client_order_id`.
    """

    request_id: Count
    client_order_id: ClientOrderId | None
    denied: DenialCode | None = None
    message: Sentence | None = None


class OrderListReply(Message, frozen=True):
    """Answer to a SubmitOrderList: the list's id and those of its orders, the one above first."""

    request_id: Count
    list_id: ClientOrderId
    client_order_ids: tuple[ClientOrderId, ClientOrderId]
    denied: DenialCode | None = None
    message: Sentence | None = None


class OrderEvent(Message, frozen=True):
    """An order changed its state, or kept it and got a smaller quantity."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    type: OrderType
    state: OrderState
    quantity: Number
    filled_quantity: Number
    average_price: Number | None
    last_fill: FillReport | None
    reason: Sentence | None
    event_time_ns: Count
    price: Number | None = None
    stop_price: Number | None = None
    time_in_force: TimeInForce | None = None
    trailing_delta: BasisPoints | None = None
    list_id: ClientOrderId | None = None


class AmendRejected(Message, frozen=True):
    """An order was not amended and is as it was."""

    client_order_id: ClientOrderId
    reason: Sentence


class SavedState(Message, frozen=True):
    """Answer to LoadState; without `content` when nothing was ever saved."""

    request_id: Count
    content: State | None


class PositionChanged(Message, frozen=True):
    """The algorithm's own position in one symbol, from its fills only; `fees` by the asset they were taken in."""

    symbol: Symbol
    quantity: SignedNumber
    average_price: Number | None
    realized_pnl: SignedNumber
    fees: dict[Asset, Number] = {}


class TradingChanged(Message, frozen=True):
    """The kill switch moved."""

    trading: TradingState


class Connection(Message, frozen=True):
    """The gateway lost or regained the exchange."""

    connected: bool


class Refused(Message, frozen=True):
    """The gateway does not serve this client and closes the connection."""

    reason: Word
    message: Sentence


class Welcome(Message, frozen=True):
    """Answer to Hello; the descriptor passed with it is the reading end of the ring's doorbell."""

    protocol: Count
    symbols: list[Symbol]
    ring_path: Annotated[str, Meta(max_length=256)]
    instruments: list[Instrument]
    positions: list[PositionChanged]
    open_orders: Annotated[list[OrderEvent], Meta(max_length=MAX_WELCOME_ORDERS)]
    trading: TradingState


Request = (
    Hello
    | Heartbeat
    | SubmitOrder
    | SubmitOrderList
    | AmendOrder
    | ReplaceOrder
    | CancelOrder
    | CancelAllOrders
    | Subscribe
    | SaveState
    | LoadState
    | Fault
    | Bye
)
Event = (
    Welcome
    | Refused
    | OrderReply
    | OrderListReply
    | OrderEvent
    | AmendRejected
    | PositionChanged
    | SavedState
    | TradingChanged
    | Connection
)

REQUEST_TYPES: Final[dict[str, type[Message]]] = {member.__name__: member for member in get_args(Request)}
EVENT_TYPES: Final[dict[str, type[Message]]] = {member.__name__: member for member in get_args(Event)}

_encoder = msgspec.msgpack.Encoder()
# How a SaveState begins: an array of two, the first of them its name.
_SAVE_STATE_HEAD = b"\x92\xa9SaveState"
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_event_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode_request(request: Request) -> bytes:
    """Return the datagram of a request.

    Raises MessageTooLargeError above MAX_REQUEST_BYTES, and for a SaveState above MAX_DATAGRAM_BYTES.
    """
    return _encode(request, MAX_DATAGRAM_BYTES if isinstance(request, SaveState) else MAX_REQUEST_BYTES)


def encode_event(event: Event) -> bytes:
    """Return the datagram of an event.

    Raises MessageTooLargeError above MAX_EVENT_BYTES.
    """
    return _encode(event, MAX_EVENT_BYTES)


def decode_request(datagram: bytes) -> Request:
    """Return the request in a datagram.

    Raises MalformedMessageError, whose text may be shown to the algorithm's author.
    """
    _check_size(datagram, MAX_DATAGRAM_BYTES if datagram.startswith(_SAVE_STATE_HEAD) else MAX_REQUEST_BYTES)
    try:
        return _request_decoder.decode(datagram)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessageError(_explain(error, datagram, REQUEST_TYPES)) from error


def decode_event(datagram: bytes) -> Event:
    """Return the event in a datagram.

    Raises MalformedMessageError.
    """
    _check_size(datagram, MAX_EVENT_BYTES)
    try:
        return _event_decoder.decode(datagram)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessageError(_explain(error, datagram, EVENT_TYPES)) from error


def _encode(message: Message, limit: int) -> bytes:
    datagram = _encoder.encode(message)
    if len(datagram) > limit:
        raise MessageTooLargeError(
            f"{type(message).__name__} has {len(datagram)} bytes; at most {limit} go into one message"
        )
    return datagram


def _check_size(datagram: bytes, limit: int) -> None:
    if len(datagram) > limit:
        raise MalformedMessageError(f"message of {len(datagram)} bytes; at most {limit} are allowed")


def _explain(error: Exception, datagram: bytes, types: dict[str, type[Message]]) -> str:
    """Return the error with the message's and the field's name in place of msgspec's index, `$[3]`."""
    tag = _read_tag(datagram)
    if tag not in types:
        return f"not a message of this protocol: {error}"
    text = str(error)
    for index, field in enumerate(types[tag].__struct_fields__, start=1):
        text = text.replace(f"`$[{index}]`", f"`{field}`").replace(f"`$[{index}]", f"`{field}")
    return f"{tag}: {text}"


def _read_tag(datagram: bytes) -> str | None:
    try:
        fields: Any = msgspec.msgpack.decode(datagram)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return fields[0] if isinstance(fields, list) and fields and isinstance(fields[0], str) else None
