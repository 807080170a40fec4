"""Tests of the chaos run's schedule and judge."""
