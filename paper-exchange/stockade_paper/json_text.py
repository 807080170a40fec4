"""Reading JSON that strangers send, apart because Python's own reader lets through what no answer could repeat."""

import json
from typing import Any


def parse_json(text: str, *, keep_numbers: bool = False) -> Any:
    """Read JSON; `keep_numbers` leaves numbers as the text they were written in.

    Raises ValueError for what is no JSON, is nested too deep, or has half of a surrogate pair in a string.
    """
    try:
        value = json.loads(text, parse_int=str, parse_float=str) if keep_numbers else json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value
