"""The account gateway as a FastAPI application: routes, errors, and the parts that run as long as it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from stockade_gateway.account import live_routes, metrics, rest_routes, share_routes, status_routes
from stockade_gateway.account.account_gateway import AccountGateway
from stockade_gateway.account.body_limit import BodyLimit
from stockade_gateway.account.errors import RequestError
from stockade_gateway.account.settings import Settings
from stockade_gateway.keys import ExchangeKeys

_DESCRIPTION = f"""
Every request below `/api/v1` carries the header `X-Stockade-Session`, and so do the handshakes of two WebSockets:

- `/api/v1/stream?streams=btcusdt@trade,btcusdt@bookTicker`: market streams, each message as the exchange sent it
  (`{{"stream", "data"}}`).
- `/api/v1/user-events`: the account's own events (`executionReport`, `outboundAccountPosition`, ...).

Both also send `{{"stream": "!connection", "data": {{"connected": true|false}}}}` first and whenever the exchange is
lost or back. They are closed with {live_routes.SESSION_ENDED} when the session ends and with {live_routes.TOO_SLOW}
when the viewer does not keep up; a refused handshake is answered like a request.
"""
_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


def create_app(settings: Settings, keys: ExchangeKeys) -> FastAPI:
    """Return the application for one account."""

    @asynccontextmanager
    async def run_parts(app: FastAPI) -> AsyncIterator[None]:
        gateway = AccountGateway(settings, keys)
        app.state.gateway = gateway
        started = asyncio.Event()
        running = asyncio.create_task(gateway.run(started.set))
        running.add_done_callback(_end_process)
        await started.wait()
        yield
        running.remove_done_callback(_end_process)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await gateway.close()

    app = FastAPI(
        title="Stockade account gateway",
        summary="One exchange account over HTTP and WebSocket; the exchange's keys stay here.",
        description=_DESCRIPTION,
        version="1",
        lifespan=run_parts,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(rest_routes.router)
    app.include_router(live_routes.router)
    app.include_router(status_routes.router)
    app.include_router(share_routes.router)
    app.middleware("http")(_measure)
    # The outermost, so that a request broken off in its body gets no further.
    app.add_middleware(BodyLimit)
    app.add_exception_handler(RequestError, _answer_request_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_failure)
    return app


def _end_process(task: asyncio.Task[None]) -> None:
    """End the process with the failure when a part failed: the kubelet starts a whole one."""
    if not task.cancelled() and task.exception() is not None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a part of the account gateway failed", "exception": task.exception()}
        )
        raise SystemExit(1)


async def _measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    started = time.monotonic()
    response = await call_next(request)
    # The route's pattern and not the path, which holds order ids.
    route = getattr(request.scope.get("route"), "path", "none")
    metrics.REQUESTS.labels(route, request.method, response.status_code).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(time.monotonic() - started)
    return response


async def _answer_request_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101 what it is registered for
    return _make_error(error.status, error.code, error.message, error.retry_after_seconds)


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    """Name each wrong field and what is wrong with it, without repeating what was sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 what it is registered for
    faults = [f"{'.'.join(str(part) for part in each['loc'][1:]) or 'body'}: {each['msg']}" for each in error.errors()]
    return _make_error(400, "INVALID_REQUEST", "; ".join(faults))


async def _answer_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 what it is registered for
    return _make_error(error.status_code, _CODES.get(error.status_code, "ERROR"), str(error.detail))


async def _answer_failure(_request: Request, _error: Exception) -> Response:
    """Answer a defect of ours; the server logs it."""
    return _make_error(500, "INTERNAL_ERROR", "The gateway failed; its log says why.")


def _make_error(status: int, code: str, message: str, retry_after_seconds: float | None = None) -> Response:
    headers = {} if retry_after_seconds is None else {"Retry-After": f"{retry_after_seconds:.0f}"}
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
