"""The node goes: drained by its administrator, or lost."""
