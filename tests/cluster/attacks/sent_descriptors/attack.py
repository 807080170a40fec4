"""A descriptor sent along with a message.

Two hundred of them a message, and the gateway can open nothing any more.
"""

import os
import select
import socket

import msgspec
from tests.support.attacks.hostile import OrderSocket, Refused


def attack() -> None:
    """Send a pipe's end and see whether the gateway keeps it."""
    door = OrderSocket()
    door.greet()
    reading, writing = os.pipe()
    socket.send_fds(door.socket, [msgspec.msgpack.encode(["CancelAllOrders", 1])], [writing])
    os.close(writing)
    door.ask(["CancelAllOrders", 2])
    if select.select([reading], [], [], 2)[0]:
        raise Refused("DROPPED")
