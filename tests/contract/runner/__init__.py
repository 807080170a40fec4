"""Tests of the runner and the launcher as real processes."""
