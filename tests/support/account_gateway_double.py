"""An account gateway's double for the panel's tests: it answers like one, and keeps what it was asked."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse

from tests.support.waiting import wait_until

MINUTE_MILLISECONDS = 60_000


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: str
    token: str | None
    headers: dict[str, str]
    body: Any = None


@dataclass
class GatewayDouble:
    """What it was asked, and how it is to answer. With `silent` set it takes requests and never answers them."""

    asked: list[Asked] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    refusal: tuple[int, str, str] | None = None
    silent: bool = False
    url: str = ""
    sockets: list[WebSocket] = field(default_factory=list)

    def answers(self) -> Any:
        """The gateway's application."""
        app = FastAPI()

        @app.api_route("/api/v1/{path:path}", methods=["GET", "POST", "DELETE"])
        async def answer(request: Request, path: str) -> JSONResponse:
            body = await request.json() if request.method == "POST" else None
            self.asked.append(
                Asked(
                    request.method,
                    path,
                    request.url.query,
                    request.headers.get("X-Stockade-Session"),
                    dict(request.headers),
                    body,
                )
            )
            if self.silent:
                await asyncio.sleep(3600)
            if self.refusal:
                status, code, message = self.refusal
                return JSONResponse({"error": {"code": code, "message": message}}, status)
            return JSONResponse(self._content(request.method, path, body))

        @app.websocket("/api/v1/{path:path}")
        async def stream(websocket: WebSocket, path: str) -> None:
            headers = dict(websocket.headers)
            token = headers.get("x-stockade-session")
            self.asked.append(Asked("WS", path, websocket.url.query, token, headers))
            await websocket.accept()
            self.sockets.append(websocket)
            if path == "stream":
                await websocket.send_json(
                    {"stream": "btcusdt@trade", "data": {"e": "trade", "s": "BTCUSDT", "p": "64012.50000000"}}
                )
            async for message in websocket.iter_text():
                await websocket.send_text(f"echo {message}")

        return app

    def _content(self, method: str, path: str, body: Any) -> Any:
        if path == "account":
            return {
                "canTrade": True,
                "balances": [
                    {"asset": "USDT", "free": "9120.55000000", "locked": "64.01000000"},
                    {"asset": "BTC", "free": "0.01400000", "locked": "0.00000000"},
                    {"asset": "BNB", "free": "0.00000000", "locked": "0.00000000"},
                ],
            }
        if path == "orders/open":
            return self.orders
        if path == "klines":
            return make_klines()
        if method == "POST" and path == "orders":
            order = {
                **body,
                "clientOrderId": f"skm-{len(self.orders) + 1}",
                "status": "NEW",
                "origQty": body["quantity"],
            }
            order |= {"executedQty": "0", "time": int(datetime.now(UTC).timestamp() * 1000)}
            self.orders.append(order)
            return order
        if method == "DELETE":
            self.orders = [order for order in self.orders if order["clientOrderId"] != path.rpartition("/")[2]]
            return {"status": "CANCELED"}
        return {}


def make_klines(count: int = 120) -> list[list[Any]]:
    """Minutes of a price that goes up and down, ending now."""
    now = int(datetime.now(UTC).timestamp() * 1000) // MINUTE_MILLISECONDS * MINUTE_MILLISECONDS
    rows = []
    for index in range(count):
        opened = now - (count - 1 - index) * MINUTE_MILLISECONDS
        price = f"{64000 + (index * 37 % 101) * 3 - (index * 53 % 89) * 2 + index}.00"
        rows.append(
            [opened, price, price, price, price, "1.0", opened + MINUTE_MILLISECONDS - 1, "0", 1, "0", "0", "0"]
        )
    return rows


@contextmanager
def run_gateway_double() -> Iterator[GatewayDouble]:
    """Serve one on a free loopback port."""
    double = GatewayDouble()
    with serve(double.answers()) as url:
        double.url = url
        yield double


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread and give its address."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=2, ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the server's start")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        assert not thread.is_alive(), "the server did not end"
