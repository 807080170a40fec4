"""The ledger: what was ordered, what was filled, and who may see it; shared by every part that reads or writes it."""
