"""Every error of the paper exchange, apart so that each text a client may see stands in one place.

PaperError
├── ConfigurationError   a flag, a configuration file or a feed file is wrong; the message says what to write
└── BinanceError         an answer with Binance's code and text ("Errors" in Binance's REST documentation)
"""

from collections.abc import Callable
from typing import Any


class PaperError(Exception):
    """Root of this package's errors."""


class ConfigurationError(PaperError):
    """The exchange can't start as it was told to; the message names the place and what to write there."""


class BinanceError(PaperError):
    """A refusal in Binance's own words; `status` is the HTTP status of REST and the `status` of the WebSocket API."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 400,
        data: Any = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.data = data
        self.retry_after_seconds = retry_after_seconds


def missing_parameter(name: str) -> BinanceError:
    """-1102 for a mandatory parameter."""
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def missing_either(first: str, second: str) -> BinanceError:
    """-1102 where one of two parameters is mandatory."""
    return BinanceError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def illegal_characters(name: str, legal: str) -> BinanceError:
    """-1100 for a value outside its pattern."""
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def not_required(name: str) -> BinanceError:
    """-1106 for a parameter that the chosen order type does not take."""
    return BinanceError(-1106, f"Parameter '{name}' sent when not required.")


def invalid_data(name: str) -> BinanceError:
    """-1130 for a value that has the right form but is not allowed."""
    return BinanceError(-1130, f"Data sent for parameter '{name}' is not valid.")


def invalid_choice(code: int, message: str) -> Callable[[], BinanceError]:
    """Return the maker of a refusal; orders are many and refusals few, so none is made before it is needed."""
    return lambda: BinanceError(code, message)


def too_precise(name: str) -> BinanceError:
    """-1111 for more decimals than the asset has."""
    return BinanceError(-1111, f"Parameter '{name}' has too much precision.")


def filter_failure(name: str) -> BinanceError:
    """-1013 of the filters that are checked before the matching engine."""
    return BinanceError(-1013, f"Filter failure: {name}")


def engine_filter_failure(name: str) -> BinanceError:
    """-2010 of the filters on counts and positions, which the matching engine checks."""
    return BinanceError(-2010, f"Filter failure: {name}")


def rejected(message: str) -> BinanceError:
    """-2010, the matching engine's rejection of a new order."""
    return BinanceError(-2010, message)


def insufficient_balance() -> BinanceError:
    """-2010 of an account that can't pay."""
    return rejected("Account has insufficient balance for requested action.")


def invalid_symbol() -> BinanceError:
    """-1121 of an unknown symbol."""
    return BinanceError(-1121, "Invalid symbol.")


def unknown_order() -> BinanceError:
    """-2011, the answer to cancelling what is not open."""
    return BinanceError(-2011, "Unknown order sent.")


def no_reference_price() -> BinanceError:
    """-2043 of a symbol that never had a reference price."""
    return BinanceError(-2043, "This symbol doesn't have a reference price.")


def no_such_order() -> BinanceError:
    """-2013, the answer to asking for an order that never was."""
    return BinanceError(-2013, "Order does not exist.")


def invalid_key(code: int = -2015) -> BinanceError:
    """401 of a key that is unknown (-2015 on REST, -2008 on the WebSocket API) or revoked."""
    texts = {-2008: "Invalid Api-Key ID", -2014: "API-key format invalid."}
    return BinanceError(code, texts.get(code, "Invalid API-key, IP, or permissions for action."), status=401)


def invalid_signature() -> BinanceError:
    """-1022."""
    return BinanceError(-1022, "Signature for this request is not valid.")


def unknown_execution_status() -> BinanceError:
    """-1007: the order may or may not have been executed."""
    return BinanceError(
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
        status=504,
    )
