"""The process's ASGI application: FastAPI with streams and forwarded requests at the root, Flask's pages below it.

A stream must never hold one of the threads that make pages; that is why Flask is mounted and not the root.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from stockade_panel.accounts.forwarding import make_forwarding
from stockade_panel.algorithms.chart_route import make_chart_route
from stockade_panel.cookies import Cookies
from stockade_panel.errors import TooBusyError
from stockade_panel.live import Stream, write_events
from stockade_panel.parts import Parts, describe_health
from stockade_panel.security import SecurityHeaders, add_user, has_user
from stockade_panel.web import create_flask

log = logging.getLogger(__name__)

PAGE_THREADS = 10
RESTART_SECONDS = 5.0


def create_app(parts: Parts) -> FastAPI:
    """Make the application of one process."""
    flask = create_flask(parts)
    cookies = Cookies(flask, parts.sessions)

    @asynccontextmanager
    async def live(_app: FastAPI) -> AsyncIterator[None]:
        parts.hub.attach(asyncio.get_running_loop())
        parts.objects.start()
        tasks = [
            asyncio.create_task(_keep_running("ledger news", parts.listener.run)),
            asyncio.create_task(_keep_running("session check", lambda: parts.hub.watch_sessions(parts.sessions))),
            asyncio.create_task(_add_first_admin(flask, parts)),
        ]
        try:
            yield
        finally:
            parts.objects.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await parts.gateways.close()
            parts.engine.dispose()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=live)
    app.add_middleware(SecurityHeaders, secure=parts.settings.secure_cookie)
    _add_health(app, parts)
    _add_stream(app, parts, cookies)
    app.include_router(make_forwarding(parts, cookies, flask.jinja_env))
    app.include_router(make_chart_route(parts, cookies, flask.jinja_env))
    app.mount("/", WSGIMiddleware(flask, workers=PAGE_THREADS))  # type: ignore[arg-type]
    return app


def _add_health(app: FastAPI, parts: Parts) -> None:
    def answers() -> str | None:
        try:
            with parts.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            return f"the ledger does not answer: {type(error).__name__}"
        return None

    @app.get("/livez")
    async def live() -> PlainTextResponse:
        """Whether the event loop turns."""
        return PlainTextResponse("ok")

    @app.get("/readyz")
    async def ready() -> PlainTextResponse:
        """Whether pages can be made. The API server being away does not count: the panel then says so itself."""
        problem = await run_in_threadpool(answers)
        return PlainTextResponse(problem or "ok", 503 if problem else 200)


def _add_stream(app: FastAPI, parts: Parts, cookies: Cookies) -> None:
    @app.get("/stream")
    async def stream(request: Request) -> Response:
        """Server-sent events of everything the viewer may know of."""
        identity = await cookies.identify(request)
        if identity is None:
            return PlainTextResponse("Log in first.", 401)
        try:
            opened = parts.hub.admit(identity.viewer, identity.token_sha256)
        except TooBusyError as error:
            return PlainTextResponse(str(error), 429)
        return StreamingResponse(
            _stream_and_release(parts, opened),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )


async def _stream_and_release(parts: Parts, stream: Stream) -> AsyncIterator[str]:
    try:
        async for event in write_events(stream, lambda: describe_health(parts)):
            yield event
    finally:
        parts.hub.release(stream)


async def _keep_running(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """A background task's outermost loop: it must not end while the process lives."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed and starts again", name)
        await asyncio.sleep(RESTART_SECONDS)


async def _add_first_admin(flask: Flask, parts: Parts) -> None:
    """Add the administrator of the settings once the ledger answers, unless there is one of that email."""
    email, password = parts.settings.admin_email, parts.settings.admin_password
    if not email or not password:
        return
    while True:
        try:
            await run_in_threadpool(_add_admin, flask, email, password)
        except IntegrityError:
            return  # another pod of the panel was faster
        except DBAPIError as error:
            log.warning("the first administrator can't be added yet: %s", type(error).__name__)
            await asyncio.sleep(RESTART_SECONDS)
        else:
            return


def _add_admin(flask: Flask, email: str, password: str) -> None:
    with flask.app_context():
        if not has_user(flask, email):
            add_user(flask, email=email, password=password, tenant_uid=None, is_admin=True)
            log.info("the first administrator was added: %s", email)
