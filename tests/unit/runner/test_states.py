"""What `on_save` may return, and that it comes back as it was."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade_runner.states import pack_state, unpack_state
from stockade_wire.messages import MAX_STATE_BYTES

VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)


@settings(max_examples=50)
@given(
    st.binary(max_size=100) | st.dictionaries(st.text(max_size=5), VALUES | st.lists(VALUES, max_size=3), max_size=5)
)
def test_a_state_comes_back_as_it_was(state: bytes | dict[str, object]) -> None:
    assert unpack_state(pack_state(state)) == state


def test_money_comes_back_as_text() -> None:
    assert unpack_state(pack_state({"cost": Decimal("0.10")})) == {"cost": "0.10"}


@pytest.mark.parametrize("state", ["text", 7, [1]])
def test_other_types_are_refused(state: object) -> None:
    with pytest.raises(TypeError, match="return a dict, bytes or None"):
        pack_state(state)  # type: ignore[arg-type]  # what is tested


def test_what_json_can_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON can't hold"):
        pack_state({"self": object()})


def test_too_much_is_refused() -> None:
    assert len(pack_state(bytes(MAX_STATE_BYTES - 1))) == MAX_STATE_BYTES
    with pytest.raises(ValueError, match="65537 bytes: at most 65536"):
        pack_state(bytes(MAX_STATE_BYTES))


@pytest.mark.parametrize("content", [b"", b"x", b"j", b"j[1]", b"j{"])
def test_what_is_no_state_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="saved"):
        unpack_state(content)
