"""The order socket's messages: what goes in comes out, and nothing else does."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_wire.errors import MalformedMessageError, MessageTooLargeError
from stockade_wire.messages import (
    EVENT_TYPES,
    MAX_REQUEST_BYTES,
    REQUEST_TYPES,
    Event,
    Fault,
    Heartbeat,
    Request,
    SubmitOrder,
    decode_event,
    decode_request,
    encode_request,
)
from tests.support.wire_examples import EXAMPLES, MESSAGES, describe_example, encode_example

SUBMIT = ["SubmitOrder", 1, "BTCUSDT", "BUY", "LIMIT", "0.5", "27000.1", None, "GTC"]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_message_has_the_bytes_of_its_example_file(message: Request | Event) -> None:
    example = json.loads((EXAMPLES / f"{type(message).__name__}.json").read_text())
    assert example == json.loads(json.dumps(describe_example(message)))
    decode = decode_event if type(message).__name__ in EVENT_TYPES else decode_request
    assert decode(bytes.fromhex(example["datagram"])) == message


def test_every_message_has_an_example() -> None:
    assert {type(message).__name__ for message in MESSAGES} == REQUEST_TYPES.keys() | EVENT_TYPES.keys()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_go_one_way_only(message: Request | Event) -> None:
    wrong_decode = decode_request if type(message).__name__ in EVENT_TYPES else decode_event
    with pytest.raises(MalformedMessageError):
        wrong_decode(encode_example(message))


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        (0, "SendMoney", "not a message of this protocol"),
        (1, -1, "`request_id`"),
        (1, 2**64 - 1, "`request_id`"),
        (1, 1.5, "`request_id`"),
        (2, "btcusdt", "`symbol`"),
        (2, "BTCUSDT&recvWindow=1", "`symbol`"),
        (2, "BTCUSDT\n", "`symbol`"),
        (3, "BUYS", "`side`"),
        (4, "OCO", "`type`"),
        (5, "-0.5", "`quantity`"),
        (5, "NaN", "`quantity`"),
        (5, "1e400", "`quantity`"),
        (5, "1" * 21, "`quantity`"),
        (5, 0.5, "`quantity`"),
        (5, "\u0661", "`quantity`"),
        (6, "0." + "1" * 19, "`price`"),
        (7, "", "`stop_price`"),
        (8, "GTX", "`time_in_force`"),
    ],
)
def test_a_bad_field_is_refused_by_name(place: int, value: object, complaint: str) -> None:
    fields: list[Any] = [*SUBMIT]
    fields[place] = value
    with pytest.raises(MalformedMessageError, match=complaint):
        decode_request(msgspec.msgpack.encode(fields))


@pytest.mark.parametrize(
    "datagram",
    [b"", b"\xc1", b"\x91\xa1\xff", b"\x91" * 8000, b"\xdd\xff\xff\xff\xff", msgspec.msgpack.encode([*SUBMIT, "more"])],
    ids=["empty", "no msgpack", "no text", "deep", "promises 4 billion items", "an item too many"],
)
def test_garbage_is_refused(datagram: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        decode_request(datagram)


def test_a_datagram_above_the_limit_is_not_even_parsed() -> None:
    with pytest.raises(MalformedMessageError, match="8193 bytes; at most 8192"):
        decode_request(encode_request(Heartbeat()) + bytes(MAX_REQUEST_BYTES + 1 - len(encode_request(Heartbeat()))))


def test_a_message_above_the_limit_is_not_sent() -> None:
    with pytest.raises(MessageTooLargeError, match="Fault has"):
        encode_request(Fault("E", "", None, None, "x" * MAX_REQUEST_BYTES))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_clear_refusal(datagram: bytes) -> None:
    try:
        outcome = type(decode_request(datagram)).__name__
    except MalformedMessageError as error:
        outcome = str(error)
    assert outcome


def test_messages_are_frozen() -> None:
    order = SubmitOrder(1, "BTCUSDT", "BUY", "MARKET", "1")
    with pytest.raises(AttributeError):
        order.quantity = "2"  # type: ignore[misc]  # that it can't is what is tested
