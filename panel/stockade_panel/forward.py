"""Requests that go on to an account's gateway: REST and WebSocket, with the viewer's session token in a header.

The panel never calls an exchange. It passes the token on and the gateway decides; a slow gateway holds an async task
here, never one of the threads that make pages.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import websockets
from starlette.websockets import WebSocket, WebSocketDisconnect

from stockade_panel.errors import GatewayError
from stockade_panel.live import Stream

SESSION_HEADER = "X-Stockade-Session"
DEADLINE = httpx.Timeout(10.0, connect=3.0, pool=3.0)
MOST_CONNECTIONS = 100
LARGEST_REQUEST_BYTES = 16 * 1024
LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
LARGEST_MESSAGE_BYTES = 1024 * 1024
PASSED_HEADERS = ("content-type", "retry-after")
UNKNOWN_OUTCOME = (
    "The account's gateway did not answer in time. Whether the order was placed or canceled is unknown:"
    " look at the open orders before you try again."
)


class Gateways:
    """All account gateways, reached by namespace and account name."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.AsyncClient(
            timeout=DEADLINE,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=20),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def send(
        self,
        namespace: str,
        name: str,
        method: str,
        path: str,
        *,
        token: str,
        query: str = "",
        body: bytes = b"",
        content_type: str | None = None,
    ) -> httpx.Response:
        """One request to a gateway, answered whole. Raises GatewayError when there is no answer.

        An order's time-out is not a failure: the error says that its outcome is unknown.
        """
        headers = {SESSION_HEADER: token, **({"Content-Type": content_type} if content_type else {})}
        url = self._address(namespace, name, path) + (f"?{query}" if query else "")
        try:
            async with asyncio.timeout(15), self._client.stream(method, url, headers=headers, content=body) as answer:
                data = bytearray()
                async for chunk in answer.aiter_bytes():
                    data += chunk
                    if len(data) > LARGEST_ANSWER_BYTES:
                        raise GatewayError("ANSWER_TOO_LARGE", "The account's gateway answered more than 4 MiB.")
                kept = {key: answer.headers[key] for key in PASSED_HEADERS if key in answer.headers}
                return httpx.Response(answer.status_code, headers=kept, content=bytes(data))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            # Nothing was sent yet, so nothing was done.
            raise GatewayError("GATEWAY_UNREACHABLE", f"The gateway of {name} can't be reached.") from error
        except (httpx.HTTPError, TimeoutError) as error:
            message = "The account's gateway did not answer in time." if method == "GET" else UNKNOWN_OUTCOME
            raise GatewayError("OUTCOME_UNKNOWN" if method != "GET" else "GATEWAY_TIMEOUT", message) from error

    async def ask(
        self,
        namespace: str,
        name: str,
        method: str,
        path: str,
        *,
        token: str,
        params: Mapping[str, str] | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> Any:
        """One request whose answer is JSON. Raises GatewayError with the gateway's own code and message."""
        body = httpx.Request("POST", "http://gateway", json=dict(payload)).content if payload is not None else b""
        answer = await self.send(
            namespace,
            name,
            method,
            path,
            token=token,
            query=str(httpx.QueryParams(dict(params or {}))),
            body=body,
            content_type="application/json" if payload is not None else None,
        )
        return read_answer(answer)

    def websocket_address(self, namespace: str, name: str, path: str, query: str) -> str:
        """Where a gateway's WebSocket is."""
        address = self._address(namespace, name, path).replace("http", "ws", 1)
        return f"{address}?{query}" if query else address

    def _address(self, namespace: str, name: str, path: str) -> str:
        """A gateway's URL. Namespace and name are those of an object that exists, so they are DNS labels."""
        segments = path.split("/")
        if any(segment in {"", ".", ".."} for segment in segments):
            raise GatewayError("NO_SUCH_PATH", "There is no such path at the account's gateway.")
        return self._url.format(namespace=namespace, name=name) + "/" + "/".join(quote(part) for part in segments)


def read_answer(answer: httpx.Response) -> Any:
    """The JSON of a gateway's answer. Raises GatewayError when it is an error or no JSON."""
    try:
        content = answer.json()
    except ValueError:
        content = None
    if answer.is_success and content is not None:
        return content
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict):
        raise GatewayError(str(error.get("code", "ERROR")), str(error.get("message", "The gateway refused.")))
    raise GatewayError("UNREADABLE_ANSWER", f"The account's gateway answered {answer.status_code} without a reason.")


async def forward_websocket(browser: WebSocket, address: str, token: str, stream: Stream) -> None:
    """Carry messages both ways until either side, or the session, ends. The browser's side is accepted here."""
    try:
        async with websockets.connect(
            address,
            additional_headers={SESSION_HEADER: token},
            open_timeout=5,
            max_size=LARGEST_MESSAGE_BYTES,
            proxy=None,
        ) as gateway:
            await browser.accept()
            tasks = [
                asyncio.create_task(_carry_down(gateway, browser)),
                asyncio.create_task(_carry_up(browser, gateway)),
                asyncio.create_task(_await_end(stream)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(
                result, (WebSocketDisconnect, websockets.WebSocketException)
            ):
                raise result
        await _close(browser, 4401 if stream.ended.is_set() else 1001)
    except (OSError, TimeoutError, websockets.WebSocketException):
        # The handshake failed: refused, unreachable or too slow.
        await _close(browser, 1013)


async def _carry_down(gateway: websockets.ClientConnection, browser: WebSocket) -> None:
    async for message in gateway:
        if isinstance(message, str):
            await browser.send_text(message)
        else:
            await browser.send_bytes(message)


async def _carry_up(browser: WebSocket, gateway: websockets.ClientConnection) -> None:
    async for message in browser.iter_text():
        if len(message) > LARGEST_REQUEST_BYTES:
            return
        await gateway.send(message)


async def _await_end(stream: Stream) -> None:
    await stream.ended.wait()


async def _close(browser: WebSocket, code: int) -> None:
    """Close the browser's side; it may be gone already, and then there is nothing left to do."""
    try:
        await browser.close(code)
    except (RuntimeError, WebSocketDisconnect):
        return
