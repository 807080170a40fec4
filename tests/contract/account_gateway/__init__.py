"""Tests of the account gateway over real sockets, with a real exchange and a real ledger behind it."""
