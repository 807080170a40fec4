"""What can go wrong while the ledger is prepared.

LedgerError
├── SettingsError           a variable is missing or wrong; retrying does not help
└── DatabaseUnreachableError  PostgreSQL did not answer before the deadline; retrying may help
"""


class LedgerError(Exception):
    """The ledger could not be prepared."""


class SettingsError(LedgerError):
    """An environment variable is missing or wrong; the message names it and says what to write."""


class DatabaseUnreachableError(LedgerError):
    """PostgreSQL did not answer before the deadline."""
