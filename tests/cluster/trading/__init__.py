"""Algorithms that trade on the cluster, and what happens to their orders."""
