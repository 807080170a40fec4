"""A read-only HTTP server for probes, the operator and Prometheus: four GET paths on asyncio's streams.

Not a web framework: it would cost each pod more memory than the rest of the gateway, for four fixed answers.
"""

import asyncio
import json
from collections.abc import Callable, Mapping

from stockade_gateway.status import Facts, is_ready, make_metrics, make_status

_HEAD_BYTES = 8 * 1024
_READ_SECONDS = 5.0
_MAX_CONNECTIONS = 32
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

# Status code, content type, body.
Answer = tuple[int, str, bytes]


def make_pages(read_facts: Callable[[], Facts]) -> dict[str, Callable[[], Answer]]:
    """Return the pages by path, each made of the facts of the moment it is asked for."""

    def answer_ready() -> Answer:
        facts = read_facts()
        return (200, "text/plain", b"ready\n") if is_ready(facts) else (503, "text/plain", f"{facts.reason}\n".encode())

    return {
        "/status": lambda: (200, "application/json", json.dumps(make_status(read_facts())).encode()),
        "/readyz": answer_ready,
        "/livez": lambda: (200, "text/plain", b"alive\n"),
        "/metrics": lambda: (200, "text/plain; version=0.0.4", make_metrics(make_status(read_facts())).encode()),
    }


class StatusServer:
    """Answers GET on the given paths; every connection serves one request and is closed."""

    def __init__(self, port: int, answers: Mapping[str, Callable[[], Answer]], host: str | None = None) -> None:
        self._host = host
        self._port = port
        self._answers = answers
        self._connections = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; returns the port. Raises OSError when it is taken."""
        self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_HEAD_BYTES)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= _MAX_CONNECTIONS:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _READ_SECONDS)
                writer.write(_encode_answer(self._answer(head)))
                await asyncio.wait_for(writer.drain(), _READ_SECONDS)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # A caller that does not finish its request, or does not read the answer, gets none.
            pass
        finally:
            self._connections -= 1
            writer.close()

    def _answer(self, head: bytes) -> Answer:
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return 400, "text/plain", b"not an HTTP/1 request\n"
        if words[0] != b"GET":
            return 405, "text/plain", b"only GET is served here\n"
        answer = self._answers.get(words[1].split(b"?", 1)[0].decode("latin-1"))
        return answer() if answer else (404, "text/plain", b"no such page\n")


def _encode_answer(answer: Answer) -> bytes:
    status, content_type, body = answer
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
