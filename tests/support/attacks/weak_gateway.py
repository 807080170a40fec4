"""The real gateway without its checks on the algorithm's messages. Travels into the pod of the stage `gateway`."""

import array
import asyncio
import contextlib
import socket
import sys
from typing import Any

import stockade_gateway.socket_server as server
from stockade_gateway import sidecar
from stockade_gateway.session import Session
from stockade_gateway.socket_server import SocketServer
from stockade_wire import PROTOCOL_VERSION
from stockade_wire.errors import MalformedMessageError
from stockade_wire.messages import Hello, LauncherReport, Request, decode_request

_receive = Session.receive
_accept, _read = SocketServer._accept, SocketServer._read
KEPT: list[int] = []
"""Descriptors nobody closes."""


def decode_anything(datagram: bytes) -> Request | None:
    """Pass on what is no message."""
    try:
        return decode_request(datagram)
    except MalformedMessageError:
        return None


def receive_anything(self: Any, request: Request | None) -> None:
    """Take every message at any time, and every launcher's word."""
    if isinstance(request, Hello):
        self._greeted = False
        request = Hello(PROTOCOL_VERSION, LauncherReport(True, True, 0, True), request.strategy)  # noqa: FBT003 - the wire's order
    else:
        self._greeted = True
    if request is not None:
        _receive(self, request)


def accept_another(self: Any) -> None:
    """Take a second connection beside the first."""
    if self._client is not None:
        asyncio.get_running_loop().remove_reader(self._client.fileno())
        asyncio.get_running_loop().remove_writer(self._client.fileno())
        self._unsent.clear()
        KEPT.append(self._client.detach())
        self._client = None
    _accept(self)


def read_with_descriptors(self: Any) -> None:
    """Take what comes along with a message before the message is read."""
    if self._client is not None:
        with contextlib.suppress(OSError):
            room = socket.CMSG_SPACE(253 * array.array("i").itemsize)
            _, ancillary, _, _ = self._client.recvmsg(1, room, socket.MSG_PEEK)
            KEPT.extend(array.array("i", b"".join(content for _, _, content in ancillary)))
    _read(self)


def welcome_with_a_socket(self: Any, client: socket.socket, datagram: bytes) -> None:
    """Pass on a socket instead of the doorbell."""
    socket.send_fds(client, [datagram], [socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach()])


if __name__ == "__main__":
    vars(server)["decode_request"] = decode_anything
    server._MAX_UNREAD_EVENTS = 10**9
    # One message a time: of those read in one go only the first would be looked into beforehand.
    server._READS_PER_WAKE_UP = 1
    Session.receive = receive_anything  # type: ignore[method-assign]
    SocketServer._accept = accept_another  # type: ignore[method-assign]
    SocketServer._read = read_with_descriptors  # type: ignore[method-assign]
    SocketServer._send_welcome = welcome_with_a_socket  # type: ignore[method-assign]
    sys.exit(sidecar.main())
