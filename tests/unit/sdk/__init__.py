"""Tests of what an algorithm's author uses."""
