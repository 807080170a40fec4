"""Bounds what an algorithm can make the gateway log: so many lines a minute, so many characters a line.

Apart from the redaction of keys, which is about every line: this one is on the loggers whose lines a client causes,
a refused connection or a failed strategy, as often as it likes.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

LINES_PER_MINUTE: Final = 60
LONGEST_LINE: Final = 2000
LOGGERS: Final = ("stockade_gateway.session", "stockade_gateway.socket_server")


class ClientLines(logging.Filter):
    """Lets the first lines of each minute pass, cut to a length; the next minute's first says how many did not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._minute = -1
        self._lines = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        minute = int(self._clock() // 60)
        left_out = 0
        if minute != self._minute:
            left_out = max(0, self._lines - LINES_PER_MINUTE)
            self._minute, self._lines = minute, 0
        self._lines += 1
        if self._lines > LINES_PER_MINUTE:
            return False
        text = record.getMessage()
        if len(text) > LONGEST_LINE:
            text = f"{text[:LONGEST_LINE]}… ({len(text)} characters)"
        if left_out:
            text += f" ({left_out} lines like this were left out before)"
        record.msg, record.args = text, ()
        return True


def limit_client_lines() -> None:
    """Put the bound, one for all of them, on the loggers whose lines an algorithm causes."""
    bound = ClientLines()
    for name in LOGGERS:
        logging.getLogger(name).addFilter(bound)
