"""Tests of the runner's and the launcher's pure parts."""
