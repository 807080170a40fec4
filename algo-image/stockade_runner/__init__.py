"""The algorithm container's program: a launcher that confines the process, then a loop that runs the author's strategy.

Apart from the SDK because an author's code needs none of it.
"""
