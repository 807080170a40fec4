"""Ports for servers that have to be told theirs, or that come back on the one they had.

They lie below the range from which the kernel picks ports itself: a port of that range, free for a moment, may become
the near end of any connection on this machine, and more so while several tests run side by side.
"""

import secrets
import socket
from pathlib import Path

LOWEST = 10_000
"""Below it are the ports that people and the local cluster use."""
KERNELS_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def find_free_port() -> int:
    """Return a port of loopback that nobody uses; picked at random, so that two processes do not pick the same."""
    kernels_lowest = int(KERNELS_RANGE.read_text().split()[0])
    for _ in range(1000):
        port = LOWEST + secrets.randbelow(kernels_lowest - LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port between {LOWEST} and {kernels_lowest}")
