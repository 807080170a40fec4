"""A program that the algorithm itself wrote to /tmp.

A downloaded exploit, or a miner.
"""

import os
import tempfile
from pathlib import Path


def attack() -> None:
    """Copy `true` and execute it."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        program.write_bytes(Path("/bin/true").read_bytes())
        program.chmod(0o700)
        child = os.fork()
        if child == 0:
            try:
                os.execv(program, [str(program)])  # noqa: S606 - that it starts is the attack
            except OSError as error:
                os._exit(error.errno or 255)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            raise OSError(status, "exec")
