"""Well-formed requests drawn from a fuzzer's bytes, so that it gets past the decoder and to what the gateway does.

Each byte makes one choice: the message, then each field's value from a few good, odd and extreme ones of its type.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.inspect import (
    BoolType,
    BytesType,
    IntType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from stockade_wire.messages import MAX_STATE_BYTES, REQUEST_TYPES, ClientOrderId, Number, Request, Symbol

LAST: Final = "99999999999999999999.999999999999999999"
NUMBERS: Final = ("0.01", "1", "30000", "0.00001", "0", "29999.99", "0.000000000000000001", LAST)
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "XX")
TEXTS: Final = ("", "x", "a line\nand another", "<b>", "\u2028\U0001f4a5", "x" * 128)
STATES: Final = (b"", b"{}", b"\x00" * 1000, bytes(MAX_STATE_BYTES))
NUMBER, SYMBOL, ORDER_ID = (getattr(type_info(kind), "pattern", None) for kind in (Number, Symbol, ClientOrderId))


class Draw:
    """Takes one choice after the other from the bytes; when they are used up, always the first."""

    def __init__(self, data: bytes, order_ids: Sequence[str]) -> None:
        self._rest = list(reversed(data))
        self._order_ids = [*order_ids[-6:], "sk-none"]

    def choose(self, values: Sequence[Any]) -> Any:
        """Return one of the values."""
        return values[self._rest.pop() % len(values)] if self._rest else values[0]

    def request(self) -> Request:
        """Return a message of the algorithm's."""
        kind: Any = self.choose(list(REQUEST_TYPES.values()))
        request: Request = self._value(type_info(kind))
        return request

    def _value(self, kind: Type) -> Any:  # noqa: PLR0911 - one return per type
        if isinstance(kind, UnionType):
            return self._value(self.choose(kind.types))
        if isinstance(kind, StructType):
            return kind.cls(*(self._value(field.type) for field in kind.fields))
        if isinstance(kind, LiteralType):
            return self.choose(kind.values)
        if isinstance(kind, IntType):
            low, high = kind.ge or 0, kind.le or 2**63 - 1
            return self.choose([low, low + 1, (low + high) // 2, high])
        if isinstance(kind, BoolType):
            return self.choose([True, False])
        if isinstance(kind, BytesType):
            return self.choose(STATES)
        if isinstance(kind, NoneType):
            return None
        assert isinstance(kind, StrType), f"there is no rule for {kind}"
        pools = {NUMBER: NUMBERS, SYMBOL: SYMBOLS, ORDER_ID: self._order_ids}
        return self.choose(pools.get(kind.pattern, [text for text in TEXTS if len(text) <= (kind.max_length or 128)]))


def draw_request(data: bytes, order_ids: Sequence[str]) -> Request:
    """Return the request that the bytes choose; `order_ids` are the gateway's orders, oldest first."""
    return Draw(data, order_ids).request()
