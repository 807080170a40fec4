"""Fuzzers of everything that reads bytes from an algorithm: `make fuzz SECONDS=600`.

`targets.py` has one function per decoder; `corpus/NAME` the inputs that reach what there is to reach in it.
"""
