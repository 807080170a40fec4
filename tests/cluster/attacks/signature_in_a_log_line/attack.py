"""A signed request in an error text, with its signature and key.

Libraries put the address they failed at into the exception.
"""

import io
import logging

from tests.support.attacks.hostile import Refused
from tests.support.attacks.outside import Place

from stockade_gateway.keys import RedactingFilter

SIGNED = "POST /api/v3/order?symbol=X&signature=CANARY X-MBX-APIKEY: CANARY"


def attack(place: Place) -> None:
    """Log one."""
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    if place.is_hardened:
        handler.addFilter(RedactingFilter())
    record = logging.LogRecord(
        "gateway",
        logging.ERROR,
        "",
        0,
        "failed: %s",
        (SIGNED,),
        None,
    )
    handler.handle(record)
    if "CANARY" not in stream.getvalue():
        raise Refused("REDACTED")
