"""Tests of the wire's pure parts."""
