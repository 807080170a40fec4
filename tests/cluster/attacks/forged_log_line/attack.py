"""A line in the gateway's log that the gateway never wrote.

The algorithm's last words are logged; with a line break in them, whatever follows looks like the gateway's own.
"""

import io
import logging

from tests.support.attacks.hostile import Refused
from tests.support.attacks.outside import Place

from stockade_gateway.keys import RedactingFilter

FORGED = "x\n2026-11-26 03:00:00,000 INFO gateway: all orders are filled"


def attack(place: Place) -> None:
    """Log a fault with a break in its message, as session.py does."""
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    if place.is_hardened:
        handler.addFilter(RedactingFilter())
    record = logging.LogRecord(
        "gateway",
        logging.ERROR,
        "",
        0,
        "the algorithm failed: %s: %s",
        ("ValueError", FORGED),
        None,
    )
    handler.handle(record)
    if len(stream.getvalue().splitlines()) == 1:
        raise Refused("ONE_LINE")
