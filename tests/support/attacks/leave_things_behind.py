"""What a careless runtime leaves to the program it starts: `leave_things_behind.py PROGRAM ARGUMENT...`.

Travels into the weakened pods, where it comes before the launcher.
"""

import os
import socket
import sys


def main(command: list[str]) -> None:
    """Leave a socket and some variables behind, and become the program."""
    # Where the launcher puts nothing of its own.
    os.dup2(socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach(), 77)
    left = {"CLUSTER_SECRET": "left by a careless runtime", "LD_LIBRARY_PATH": "/tmp"}
    os.execvpe(command[0], command, {**os.environ, **left})  # noqa: S606 - the arguments are the pod's


if __name__ == "__main__":
    main(sys.argv[1:])
