"""A key in the own environment.

Where most programs expect it, and where every child and every crash report has it.
"""

import os

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Look for the value of the account's secret."""
    if "STOCKADE_API_SECRET" not in os.environ:
        raise Refused("NOTHING")
