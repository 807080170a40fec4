"""support: what several tests need, by name."""
