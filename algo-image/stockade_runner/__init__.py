"""The algorithm container's program: a loop that runs the author's strategy, behind the launcher's confinement.

Apart from the SDK because an author's code needs none of it.
"""
