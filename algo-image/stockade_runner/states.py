"""What a strategy saves, as bytes and back; the first byte says which of the two forms it has.

Apart from the loop because it is pure, and because whoever looks into the ledger wants to know how to read it.
"""

from typing import Final

import msgspec

from stockade_sdk.strategy import State
from stockade_wire.messages import MAX_STATE_BYTES

_JSON: Final = b"j"
_BYTES: Final = b"b"


def pack_state(state: State) -> bytes:
    """Return what travels. Raises ValueError and TypeError that say what `on_save` has to return instead."""
    if isinstance(state, dict):
        try:
            content = _JSON + msgspec.json.encode(state)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"on_save returned a dict that JSON can't hold: {error}") from error
    elif isinstance(state, bytes):
        content = _BYTES + state
    else:
        raise TypeError(f"on_save returned the {type(state).__name__} {state!r:.50}: return a dict, bytes or None")
    if len(content) > MAX_STATE_BYTES:
        raise ValueError(f"on_save returned {len(content)} bytes: at most {MAX_STATE_BYTES} are kept")
    return content


def unpack_state(content: bytes) -> State:
    """Return what was packed. Raises ValueError for anything else."""
    if content[:1] == _BYTES:
        return content[1:]
    try:
        if content[:1] == _JSON:
            return msgspec.json.decode(content[1:], type=dict)
    except msgspec.DecodeError as error:
        raise ValueError(f"what was saved can't be read: {error}") from error
    raise ValueError("what was saved is in no form that this runner knows")
