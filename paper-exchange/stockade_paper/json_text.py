"""Reading JSON that strangers send, apart because Python's own reader lets through what no answer could repeat."""

import json
from typing import Any


def parse_json(text: str) -> Any:
    """Read JSON.

    Raises ValueError for what is none, is nested too deep, or has half of a surrogate pair in a string.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value
