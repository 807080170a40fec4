"""A socket of one's own where the gateway listens.

Who connects next talks to the algorithm.
"""

import socket
from pathlib import Path


def attack() -> None:
    """Bind it beside the gateway's."""
    path = Path("/run/stockade/false.sock")
    socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(str(path))
    path.unlink()
