"""Request parameters and their checks, apart so that a wrong value gets Binance's text from every endpoint alike."""

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

from stockade_paper.errors import BinanceError, illegal_characters, invalid_data, missing_parameter, too_precise
from stockade_paper.json_text import parse_json

DECIMAL_PATTERN = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
INTEGER_PATTERN = r"^[0-9]{1,20}$"
CLIENT_ORDER_ID_PATTERN = r"^[a-zA-Z0-9-_]{1,36}$"
MAX_DECIMALS = 8
_INTEGER = re.compile(INTEGER_PATTERN[1:-1])
_DECIMAL = re.compile(DECIMAL_PATTERN[1:-1])
_CLIENT_ORDER_ID = re.compile(CLIENT_ORDER_ID_PATTERN[1:-1])
_SYMBOL = re.compile(r"[A-Z0-9\-._]{1,50}")


class Parameters:
    """The parameters of one request, all as text."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    def has(self, name: str) -> bool:
        """Whether it was sent."""
        return name in self.values

    def text(self, name: str) -> str | None:
        """Return it as sent, None when absent; raises -1105 when empty."""
        value = self.values.get(name)
        if value == "":
            raise BinanceError(-1105, f"Parameter '{name}' was empty.")
        return value

    def require(self, name: str) -> str:
        """Return a mandatory one; raises -1102 when absent or empty."""
        value = self.values.get(name)
        if not value:
            raise missing_parameter(name)
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number, None when absent; raises -1100 for anything else."""
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise illegal_characters(name, INTEGER_PATTERN)
        return int(value)

    def limit(self, default: int, maximum: int) -> int:
        """Return `limit`, never more than `maximum`; raises -1130 for zero."""
        value = self.integer("limit")
        if value is None:
            return default
        if value == 0:
            raise invalid_data("limit")
        return min(value, maximum)

    def decimal(self, name: str) -> Decimal | None:
        """Return an amount, None when absent; raises -1100 for no plain decimal, -1111 beyond eight decimals."""
        value = self.text(name)
        if value is None:
            return None
        if not _DECIMAL.fullmatch(value):
            raise illegal_characters(name, DECIMAL_PATTERN)
        if len(value.partition(".")[2].rstrip("0")) > MAX_DECIMALS:
            raise too_precise(name)
        return Decimal(value)

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return `true` or `false`; raises -1130 for anything else."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise invalid_data(name)
        return value.lower() == "true"

    def choice(self, name: str, allowed: Collection[str], refuse: Callable[[], BinanceError]) -> str | None:
        """Return one of `allowed`, None when absent; raises what `refuse` makes for anything else."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise refuse()
        return value

    def require_choice(self, name: str, allowed: Collection[str], refuse: Callable[[], BinanceError]) -> str:
        """Return one of `allowed`; raises -1102 when absent, what `refuse` makes for anything else."""
        value = self.require(name)
        if value not in allowed:
            raise refuse()
        return value

    def client_order_id(self, name: str) -> str | None:
        """Return a client order id, None when absent; raises -1100 for one Binance would not take."""
        value = self.text(name)
        if value is not None and not _CLIENT_ORDER_ID.fullmatch(value):
            raise illegal_characters(name, CLIENT_ORDER_ID_PATTERN)
        return value

    def symbol(self) -> str:
        """Return the mandatory symbol, in form only; raises -1100 for lower case."""
        return check_symbol(self.require("symbol"))

    def symbols(self) -> list[str] | None:
        """Return `symbols` (a JSON list) or `symbol`, None when neither was sent; raises -1100, -1101, -1128."""
        if self.has("symbols") and self.has("symbol"):
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        if self.has("symbol"):
            return [self.symbol()]
        if not self.has("symbols"):
            return None
        try:
            names = parse_json(self.require("symbols"))
        except ValueError as error:
            raise illegal_characters(
                "symbols", r"^\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\]$"
            ) from error
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise invalid_data("symbols")
        if len(set(names)) != len(names):
            raise BinanceError(-1101, "Duplicate values for parameter 'symbols'.")
        return [check_symbol(name) for name in names]


def check_symbol(name: str) -> str:
    """Return a symbol in upper case as it is; raises -1100 otherwise."""
    if not _SYMBOL.fullmatch(name):
        raise illegal_characters("symbol", "^[A-Z0-9-_.]{1,20}$")
    return name
