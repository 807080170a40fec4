"""Tests of the wire between real processes."""
