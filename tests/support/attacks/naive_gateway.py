"""A gateway as one writes it who trusts the algorithm: what the bare stages attack. Travels into their pods.

It takes every connection and answers every message, keeps its files open to all, and its key in its environment.
"""

import contextlib
import http.server
import os
import queue
import socket
import threading
from pathlib import Path

RING = Path("/run/stockade/market.ring")
DOOR = Path("/run/stockade/orders.sock")
DONE = b"\x93\xaaOrderReply\x01\xa2ok"
"""`["OrderReply", 1, "ok"]`."""


class Status(http.server.BaseHTTPRequestHandler):
    """Says that all is well, to everybody."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")


def serve(client: socket.socket) -> None:
    """Answer whatever comes, keeping every descriptor that comes with it, and every answer until it is read."""
    kept, answers = [], queue.SimpleQueue[bytes]()
    threading.Thread(target=answer, args=(client, answers), daemon=True).start()
    with contextlib.suppress(OSError):
        while True:
            datagram, descriptors, _, _ = socket.recv_fds(client, 1 << 20, 253)
            kept.append(descriptors)
            if not datagram:
                return
            answers.put(DONE)


def answer(client: socket.socket, answers: queue.SimpleQueue[bytes]) -> None:
    """Send the answers, the first one with a socket that could be of use."""
    useful = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.suppress(OSError):
        socket.send_fds(client, [answers.get()], [useful.fileno()])
        while True:
            client.send(answers.get())


def listen() -> None:
    """Take every connection."""
    DOOR.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(DOOR))
    DOOR.chmod(0o777)
    listener.listen(64)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def main() -> None:
    """Serve until killed."""
    os.umask(0)
    RING.write_bytes(bytes(1 << 20))
    threading.Thread(target=listen, daemon=True).start()
    http.server.ThreadingHTTPServer(("", 8081), Status).serve_forever()


if __name__ == "__main__":
    main()
