"""unit: pure functions, no network, milliseconds."""
