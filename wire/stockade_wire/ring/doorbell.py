"""The doorbell: how the gateway wakes an algorithm that sleeps until there is news on the ring.

A pipe and not an eventfd. Both ends of an eventfd share one file description, so an algorithm could clear O_NONBLOCK,
fill the counter and have the gateway sleep in its next write for ever. The ends of a pipe have a description each;
the algorithm gets the reading one only, and can but deafen itself.
"""

import os
from contextlib import suppress
from typing import Final

DRAIN_BYTES: Final = 65536
"""A pipe's whole capacity."""


class Doorbell:
    """The gateway's side: make one per connection, pass `reader_fd` to the algorithm, close it with the connection."""

    def __init__(self) -> None:
        self.reader_fd, self._writer_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self) -> None:
        """Wake the algorithm; never blocks, and is silent when it is gone or has 65,536 rings to answer."""
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._writer_fd, b"\x01")

    def close_reader(self) -> None:
        """Give up this process's copy of the reading end, once it was passed."""
        if self.reader_fd >= 0:
            os.close(self.reader_fd)
            self.reader_fd = -1

    def close(self) -> None:
        """Close both ends; the algorithm reads end-of-file."""
        self.close_reader()
        if self._writer_fd >= 0:
            os.close(self._writer_fd)
            self._writer_fd = -1


def drain(reader_fd: int) -> bool:
    """Forget the rings so far, in the algorithm; False when the gateway closed its end."""
    with suppress(BlockingIOError):
        return os.read(reader_fd, DRAIN_BYTES) != b""
    return True
