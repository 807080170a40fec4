"""The machinery of the attack suite; the attacks themselves are the folders of `tests/cluster/attacks`."""
