"""A line in the gateway's journal.

The gateway believes it after a crash: an order that never was, or a used-up limit that was not.
"""

import os


def attack() -> None:
    """Open a file beside the journal for appending."""
    os.close(os.open("/journal/orders", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
