"""splice from a read-only file into a pipe, as 'Dirty Pipe' (CVE-2022-0847) did.

The pages of the file are the pipe's, and were written to.
"""

import os

from tests.support.attacks.hostile import call


def attack() -> None:
    """Move eight bytes."""
    call(275, os.open("/etc/passwd", os.O_RDONLY), None, os.pipe()[1], None, 8, 0)
