"""Tests of the policy, and of the filter that is made of it."""
