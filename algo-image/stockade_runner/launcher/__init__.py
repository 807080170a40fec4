"""Confines the process before any of the user's code runs, proves it, and executes the interpreter anew.

Standard library only, and no import from the rest of the runner: what stands between an algorithm and the network has
to be short enough to be read in one sitting.
"""
