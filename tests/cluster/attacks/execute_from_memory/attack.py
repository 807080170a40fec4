"""memfd_create and execveat.

A program that is in no file, so that no rule on files is about it.
"""

import ctypes
import os
from pathlib import Path

from tests.support.attacks.hostile import call


def attack() -> None:
    """Run a copy of `true`."""
    descriptor = call(319, b"program", 0)
    os.write(descriptor, Path("/bin/true").read_bytes())
    call(322, descriptor, b"", (ctypes.c_char_p * 2)(b"true", None), (ctypes.c_char_p * 1)(None), 0x1000)
