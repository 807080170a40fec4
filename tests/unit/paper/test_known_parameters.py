"""What an endpoint does not know is refused, with Binance's count of what was read."""

import pytest

from stockade_paper.dispatch import ENDPOINTS
from stockade_paper.endpoints.known_parameters import ENVELOPE, KNOWN, Name, check_known
from stockade_paper.errors import BinanceError
from stockade_paper.websocket_api import OWN_METHODS

SIGNED = dict.fromkeys(ENVELOPE, "x")


def test_every_listed_endpoint_exists() -> None:
    assert KNOWN.keys() <= {endpoint.rest for endpoint in ENDPOINTS} | OWN_METHODS.keys()


def test_what_is_known_passes() -> None:
    check_known(("GET", "/api/v3/time"), {})
    check_known(("POST", "/api/v3/order"), {"symbol": "BTCUSDT", "side": "BUY", **SIGNED})


@pytest.mark.parametrize(
    ("function", "values", "code", "text"),
    [
        (("GET", "/api/v3/time"), {"a": "1"}, -1101, "Too many parameters; expected '0' and received '1'."),
        ("session.status", {"a": "1", "b": "2"}, -1101, "Too many parameters; expected '0' and received '2'."),
        (
            ("POST", "/api/v3/order"),
            {"symbol": "BTCUSDT", "pegPriceType": "PRIMARY_PEG", "timestamp": "1", "signature": "x"},
            -1104,
            "Not all sent parameters were read; read '3' parameter(s) but was sent '4'.",
        ),
    ],
)
def test_what_is_not_known_is_refused(function: Name, values: dict[str, str], code: int, text: str) -> None:
    with pytest.raises(BinanceError) as caught:
        check_known(function, values)
    assert (caught.value.code, caught.value.message) == (code, text)
