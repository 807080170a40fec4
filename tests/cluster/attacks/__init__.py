"""The attacks: a folder each, with what is tried and what has to come of it."""
