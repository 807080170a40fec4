"""The algorithm's end of the order socket: one datagram in, one out.

Apart from the broker because it knows nothing of orders, only of bytes, time-outs and the descriptor that comes with
the Welcome.
"""

import array
import os
import select
import socket
from pathlib import Path
from typing import Final, Self

from stockade_runner.errors import GatewayLostError, RefusedError
from stockade_sdk import GatewayGoneError
from stockade_wire import PROTOCOL_VERSION
from stockade_wire.errors import MalformedMessageError
from stockade_wire.messages import (
    MAX_EVENT_BYTES,
    Event,
    Hello,
    LauncherReport,
    Refused,
    Request,
    Welcome,
    decode_event,
    encode_request,
)

ANSWER_TIMEOUT_SECONDS: Final = 10.0
"""The gateway answers from memory; one that takes this long is hung or gone."""
BUSY: Final = "BUSY"
"""The gateway's reason for a second connection; after a broken first one it passes by itself."""
_DESCRIPTOR_BYTES: Final = array.array("i").itemsize


class Connection:
    """One connection; made by `open`, ended by `close` or by GatewayGoneError."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.doorbell_fd = -1

    @classmethod
    def open(cls, path: Path) -> Self:
        """Connect; raises OSError while there is no gateway."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            sock.settimeout(ANSWER_TIMEOUT_SECONDS)
            sock.connect(str(path))
        except OSError:
            sock.close()
            raise
        return cls(sock)

    def greet(self, launcher: LauncherReport, strategy: str) -> Welcome:
        """Say hello and return the gateway's welcome; keeps the doorbell that comes with it.

        Raises RefusedError, GatewayLostError for a gateway of another version, and GatewayGoneError.
        """
        self.send(Hello(PROTOCOL_VERSION, launcher, strategy[:128]))
        try:
            datagram, ancillary, _, _ = self._socket.recvmsg(
                MAX_EVENT_BYTES, socket.CMSG_SPACE(_DESCRIPTOR_BYTES), socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            raise GatewayGoneError(f"the gateway did not answer Hello: {error}") from error
        self.doorbell_fd = _take_descriptor(ancillary)
        answer = _decode(datagram)
        if isinstance(answer, Refused):
            if answer.reason == BUSY:
                raise GatewayGoneError(f"the gateway has not let go of the last connection yet: {answer.message}")
            raise RefusedError(f"{answer.reason}: {answer.message}")
        if not isinstance(answer, Welcome) or answer.protocol != PROTOCOL_VERSION or self.doorbell_fd < 0:
            raise GatewayLostError(f"the gateway's answer to Hello is no Welcome of protocol {PROTOCOL_VERSION}")
        os.set_blocking(self.doorbell_fd, False)
        return answer

    def fileno(self) -> int:
        """Return the descriptor, to wait on."""
        return self._socket.fileno()

    def send(self, request: Request) -> None:
        """Send one request; raises GatewayGoneError."""
        try:
            self._socket.send(encode_request(request), socket.MSG_NOSIGNAL)
        except OSError as error:
            raise GatewayGoneError(f"the gateway does not take requests: {error}") from error

    def receive(self, timeout_seconds: float = 0) -> Event | None:
        """Return the next event, None when none came in time; raises GatewayGoneError."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        if not poller.poll(timeout_seconds * 1000):
            return None
        try:
            datagram = self._socket.recv(MAX_EVENT_BYTES)
        except OSError as error:
            raise GatewayGoneError(f"the connection to the gateway broke: {error}") from error
        return _decode(datagram)

    def close(self) -> None:
        """Close the socket and the doorbell."""
        self._socket.close()
        if self.doorbell_fd >= 0:
            os.close(self.doorbell_fd)
            self.doorbell_fd = -1


def _decode(datagram: bytes) -> Event:
    if not datagram:
        raise GatewayGoneError("the gateway closed the connection")
    try:
        return decode_event(datagram)
    except MalformedMessageError as error:
        raise GatewayGoneError(f"the gateway sent what is no event: {error}") from error


def _take_descriptor(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Return the one descriptor the Welcome carries, -1 without one."""
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % _DESCRIPTOR_BYTES])
    for surplus in descriptors[1:]:
        os.close(surplus)
    return descriptors[0] if descriptors else -1
