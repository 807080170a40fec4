"""The attack suite's own rules."""
