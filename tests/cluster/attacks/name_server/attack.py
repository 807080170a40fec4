"""A question to the cluster's name server, made by hand.

What is asked goes out to whoever owns the domain: keys, one label at a time. No NetworkPolicy helps, since the
gateway in the same pod needs names as well.
"""

import socket

from tests.support.attacks.hostile import TARGETS


def attack() -> None:
    """Ask, and get an answer."""
    query = (
        bytes.fromhex("abcd01000001000000000000")
        + b"\x0akubernetes\x07default\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(3)
        client.sendto(query, (TARGETS["name server"], 53))
        client.recv(512)
