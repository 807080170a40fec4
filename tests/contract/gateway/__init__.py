"""Contract tests of the gateway."""
