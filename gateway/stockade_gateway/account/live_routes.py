"""The WebSocket routes: market streams and the account's events, live, for as long as the session lasts."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse

from stockade_gateway.account.account_gateway import AccountGateway
from stockade_gateway.account.errors import RequestError, UnknownSessionError
from stockade_gateway.account.hub import Viewer
from stockade_gateway.account.market_feed import STREAM_NAME

SESSION_ENDED = 4401
TOO_SLOW = 4408
_MAXIMUM_STREAMS = 50
_MAXIMUM_VIEWERS = 200
_CHECK_SECONDS = 2.0
# A viewer whose connection takes nothing for so long is as slow as one whose queue is full.
_SEND_SECONDS = 10.0

router = APIRouter(prefix="/api/v1")


@router.websocket("/stream")
async def stream_market(websocket: WebSocket, streams: str = "") -> None:
    """Market streams, e.g. `?streams=btcusdt@trade,btcusdt@bookTicker`, as `{"stream", "data"}` messages."""
    gateway: AccountGateway = websocket.app.state.gateway
    try:
        await gateway.sessions.find_owner(websocket.headers.get("x-stockade-session"))
        viewer = Viewer(read_streams(streams))
        _check_room(gateway)
    except RequestError as error:
        await _refuse(websocket, error)
        return
    if not gateway.market.add(viewer):
        await _refuse(websocket, RequestError(503, "TOO_MANY_STREAMS", "No room for more streams; ask for fewer."))
        return
    await _serve(websocket, gateway, viewer, lambda: gateway.market.remove(viewer))


@router.websocket("/user-events")
async def stream_user_events(websocket: WebSocket) -> None:
    """The account's events as the exchange sends them (`executionReport`, `outboundAccountPosition`, ...)."""
    gateway: AccountGateway = websocket.app.state.gateway
    try:
        await gateway.sessions.find_owner(websocket.headers.get("x-stockade-session"))
        _check_room(gateway)
    except RequestError as error:
        await _refuse(websocket, error)
        return
    viewer = Viewer()
    gateway.watch_user_events(viewer)
    await _serve(websocket, gateway, viewer, lambda: gateway.user_events.remove(viewer))


def read_streams(text: str) -> frozenset[str]:
    """Return the streams asked for; raises RequestError (400) naming the first that is none."""
    names = [name for name in text.split(",") if name]
    if not names or len(names) > _MAXIMUM_STREAMS:
        raise RequestError(
            400, "INVALID_STREAMS", f"Ask for 1 to {_MAXIMUM_STREAMS} streams, such as ?streams=btcusdt@trade."
        )
    for name in names:
        if not STREAM_NAME.fullmatch(name):
            raise RequestError(400, "INVALID_STREAMS", f"There is no stream {name[:60]!r}; btcusdt@trade is one.")
    return frozenset(names)


def _check_room(gateway: AccountGateway) -> None:
    if len(gateway.market.hub) + len(gateway.user_events) >= _MAXIMUM_VIEWERS:
        raise RequestError(503, "TOO_MANY_VIEWERS", "Too many live viewers of this account; close some.")


async def _refuse(websocket: WebSocket, error: RequestError) -> None:
    """Answer the handshake like a REST request."""
    body = {"error": {"code": error.code, "message": error.message}}
    await websocket.send_denial_response(JSONResponse(body, status_code=error.status))


async def _serve(websocket: WebSocket, gateway: AccountGateway, viewer: Viewer, forget: Callable[[], None]) -> None:
    """Send until the viewer leaves, is too slow, or its session ends."""
    try:
        await websocket.accept()
        tasks = {
            asyncio.create_task(_send(websocket, viewer)),
            asyncio.create_task(_await_leave(websocket)),
            asyncio.create_task(_await_session_end(websocket, gateway)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        forget()
    code = next(iter(done)).result()
    if code is not None:
        await websocket.close(code)


async def _send(websocket: WebSocket, viewer: Viewer) -> int | None:
    try:
        while (message := await viewer.get()) is not None:
            async with asyncio.timeout(_SEND_SECONDS):
                await websocket.send_text(message)
    except TimeoutError:
        return TOO_SLOW
    except WebSocketDisconnect:
        return None
    return TOO_SLOW


async def _await_leave(websocket: WebSocket) -> None:
    """Return when the viewer left; what it says is not listened to."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _await_session_end(websocket: WebSocket, gateway: AccountGateway) -> int:
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        try:
            await gateway.sessions.find_owner(websocket.headers.get("x-stockade-session"))
        except UnknownSessionError:
            return SESSION_ENDED
        except RequestError:
            # PostgreSQL does not answer: nothing says that the session ended.
            continue
