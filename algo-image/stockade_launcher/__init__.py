"""The launcher: a static program that confines the algorithm's container before anything else starts in it.

`launcher.c` is where it begins. This package only translates `policy.toml` into the filter that is compiled in; it is
in no image.
"""
