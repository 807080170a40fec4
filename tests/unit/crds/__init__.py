"""The resources as Python models."""
