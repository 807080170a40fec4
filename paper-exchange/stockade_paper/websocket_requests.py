"""Reading a request of the WebSocket API; apart because its signature is over numbers exactly as they were written."""

import json
from typing import Any

import msgspec

from stockade_paper.errors import BinanceError, illegal_characters, missing_parameter
from stockade_paper.parameters import INTEGER_PATTERN, Parameters


class WrittenNumber(str):
    """A JSON number with a fraction or an exponent, still as it was written."""

    __slots__ = ()


_DECODER = msgspec.json.Decoder(float_hook=WrittenNumber)


class Request(msgspec.Struct, frozen=True):
    """One request as it arrived; `parameters` is None when its `params` are no object."""

    number: int | str | None
    method: Any
    parameters: Parameters | None
    has_valid_number: bool

    def require_method(self) -> str:
        """Return the method without a version prefix; raises BinanceError -1100 for a wrong id, -1102 without one."""
        if not self.has_valid_number:
            raise illegal_characters("id", INTEGER_PATTERN)
        if not isinstance(self.method, str) or not self.method:
            raise missing_parameter("method")
        return self.method.removeprefix("v3/")

    def require_parameters(self) -> Parameters:
        """Return the parameters; raises BinanceError -1135 when they are no object."""
        if self.parameters is None:
            raise BinanceError(-1135, "Invalid JSON Request")
        return self.parameters


def read_request(text: str) -> Request | None:
    """Read a text frame, None when it is no JSON object."""
    try:
        request = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict):
        return None
    number, method, values = request.get("id"), request.get("method"), request.get("params") or {}
    parameters = None
    if isinstance(values, dict):
        parameters = Parameters({name: _write_value(value) for name, value in values.items() if value is not None})
    is_valid = number is None or isinstance(number, int) or type(number) is str
    return Request(number if is_valid else None, method, parameters, has_valid_number=is_valid)


def _write_value(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    return str(value)
