"""The order socket: SOCK_SEQPACKET, one algorithm at a time, its uid told by the kernel, a bounded share of the loop.

The gateway never waits for the algorithm: what it does not read is kept up to a bound, then the connection is dropped.
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable
from pathlib import Path

from stockade_gateway.errors import ClientError
from stockade_gateway.session import refuse
from stockade_wire.errors import MalformedMessageError
from stockade_wire.messages import (
    MAX_DATAGRAM_BYTES,
    Event,
    Request,
    Welcome,
    decode_request,
    encode_event,
)
from stockade_wire.ring import Doorbell

_READS_PER_WAKE_UP = 16
_MAX_UNREAD_EVENTS = 2000
_CREDENTIALS = struct.Struct("3i")

logger = logging.getLogger(__name__)


class SocketServer:
    """Serves one algorithm; `on_request` may raise ClientError, `on_close` is called when it is gone."""

    def __init__(
        self, path: Path, algorithm_uid: int, on_request: Callable[[Request], None], on_close: Callable[[], None]
    ) -> None:
        self._path = path
        self._algorithm_uid = algorithm_uid
        self._on_request = on_request
        self._on_close = on_close
        self._listener: socket.socket | None = None
        self._client: socket.socket | None = None
        self._doorbell: Doorbell | None = None
        self._unsent: deque[bytes] = deque()
        self.refused = 0

    def open(self) -> None:
        """Listen; raises OSError when the socket can't be made."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        listener.bind(str(self._path))
        # The algorithm has another uid; that it is the right one is checked on the connection itself.
        self._path.chmod(0o666)
        listener.listen(4)
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept)

    def close(self) -> None:
        """Stop listening and drop the algorithm."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
        self._drop()

    def ring(self) -> None:
        """Wake the algorithm for what is new on the ring."""
        if self._doorbell is not None:
            self._doorbell.ring()

    def send(self, event: Event) -> None:
        """Send one event to the algorithm, now or when it has read what came before; never blocks."""
        client = self._client
        if client is None:
            return
        datagram = encode_event(event)
        if self._unsent:
            self._keep(datagram)
            return
        try:
            if isinstance(event, Welcome):
                self._send_welcome(client, datagram)
            else:
                client.send(datagram)
        except BlockingIOError:
            asyncio.get_running_loop().add_writer(client.fileno(), self._flush)
            self._keep(datagram)
        except OSError as error:
            logger.info("the algorithm is gone: %s", error)
            self._drop()

    def _send_welcome(self, client: socket.socket, datagram: bytes) -> None:
        doorbell = Doorbell()
        try:
            socket.send_fds(client, [datagram], [doorbell.reader_fd])
        except OSError:
            doorbell.close()
            raise
        doorbell.close_reader()
        self._doorbell = doorbell

    def _keep(self, datagram: bytes) -> None:
        if len(self._unsent) >= _MAX_UNREAD_EVENTS:
            logger.error("the algorithm has not read %d events; its connection is dropped", _MAX_UNREAD_EVENTS)
            self._drop()
            return
        self._unsent.append(datagram)

    def _flush(self) -> None:
        client = self._client
        if client is None:
            return
        try:
            while self._unsent:
                client.send(self._unsent[0])
                self._unsent.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._drop()
            return
        asyncio.get_running_loop().remove_writer(client.fileno())

    def _accept(self) -> None:
        listener = self._listener
        if listener is None:
            return
        try:
            client, _ = listener.accept()
        except OSError as error:
            logger.warning("a connection to the order socket was not accepted: %s", error)
            return
        client.setblocking(False)  # noqa: FBT003 - the standard library's own
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(credentials)
        if uid != self._algorithm_uid:
            self._refuse(client, "FOREIGN_UID", f"uid {uid} is not the algorithm's {self._algorithm_uid}")
        elif self._client is not None:
            self._refuse(client, "BUSY", "another connection of the algorithm is open")
        else:
            self._client = client
            asyncio.get_running_loop().add_reader(client.fileno(), self._read)

    def _refuse(self, client: socket.socket, reason: str, message: str) -> None:
        self.refused += 1
        logger.warning("a connection to the order socket was refused: %s", message)
        with contextlib.suppress(OSError):
            client.send(encode_event(refuse(reason, message)))
        client.close()

    def _read(self) -> None:
        # Bounded: what is left wakes the loop again, after everybody else had a turn.
        for _ in range(_READS_PER_WAKE_UP):
            client = self._client
            if client is None:
                return
            try:
                datagram = client.recv(MAX_DATAGRAM_BYTES + 1)
            except BlockingIOError:
                return
            except OSError:
                datagram = b""
            if not datagram:
                self._drop()
                return
            try:
                self._on_request(decode_request(datagram))
            except (MalformedMessageError, ClientError) as error:
                self.refused += 1
                logger.warning("the algorithm's connection is ended: %s", error)
                self.send(refuse("PROTOCOL", str(error)))
                self._drop()
                return

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(client.fileno())
        loop.remove_writer(client.fileno())
        client.close()
        self._unsent.clear()
        if self._doorbell is not None:
            self._doorbell.close()
            self._doorbell = None
        self._on_close()
