"""Bounds what a request may bring along, for every route and before anybody knows who asks.

Apart from the routes because FastAPI reads a body whole before it looks at the session: without a bound whoever
reaches the port could fill the memory of the process that holds the keys.
"""

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY_BYTES = 16 * 1024


class BodyLimit:
    """ASGI middleware that answers 413 to a larger body, announced or sent, and keeps nothing of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the body in, then pass the request on with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = None if _read_length(scope) > LARGEST_BODY_BYTES else await _read_body(receive)
        except ClientDisconnect:
            return
        if body is None:
            message = f"The body is larger than {LARGEST_BODY_BYTES} bytes."
            answer = JSONResponse({"error": {"code": "REQUEST_TOO_LARGE", "message": message}}, 413)
            await answer(scope, receive, send)
            return
        taken = False

        async def receive_again() -> Message:
            nonlocal taken
            if taken:
                return await receive()
            taken = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_again, send)


def _read_length(scope: Scope) -> int:
    """Return the length a request says its body has, 0 when it says none; the server refuses what is no number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body, None once it is too large; raises ClientDisconnect when it is broken off."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body
