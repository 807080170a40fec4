"""listen on a Unix socket.

In the pod's shared network namespace a door for whoever is next door.
"""

import socket
import tempfile


def attack() -> None:
    """Bind and listen."""
    with tempfile.TemporaryDirectory() as folder:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.bind(f"{folder}/door")
        door.listen(1)
