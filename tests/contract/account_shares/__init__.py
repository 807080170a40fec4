"""Real sidecars of one account between its real gateway, a real exchange and a real ledger."""
