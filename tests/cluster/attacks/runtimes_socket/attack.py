"""The container runtime's socket, as pods mount it that 'need Docker'.

Who may talk to it is root on the node.
"""

import socket


def attack() -> None:
    """Connect."""
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("/run/stockade-containerd/containerd.sock")
