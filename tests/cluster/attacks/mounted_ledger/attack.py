"""The ledger's address, with the password of the tenant's role.

All orders and fills of the tenant.
"""

from pathlib import Path


def attack() -> None:
    """Read it."""
    Path("/ledger/url").read_text()
