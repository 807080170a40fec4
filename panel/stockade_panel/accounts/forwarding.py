"""What the browser asks of an account's gateway: forwarded REST and WebSocket, and the fragments made of its answers.

FastAPI and not Flask, because a slow gateway must cost an async task and never a page's thread.
"""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from stockade_panel.accounts.forms import read_cancel, read_order
from stockade_panel.accounts.presenters import read_balances, read_orders
from stockade_panel.cookies import Cookies, Identity, has_own_origin
from stockade_panel.errors import FormError, GatewayError, NotFoundError, TooBusyError
from stockade_panel.forward import LARGEST_REQUEST_BYTES, forward_websocket
from stockade_panel.parts import Parts

# A page that is told this re-reads balances and open orders.
CHANGED = {"HX-Trigger": "exchange-changed"}


class Forwarding:
    """The checks and acts shared by the routes below."""

    def __init__(self, parts: Parts, cookies: Cookies, templates: Environment) -> None:
        self.parts = parts
        self.cookies = cookies
        self.templates = templates

    async def enter(self, request: Request, namespace: str, name: str) -> Identity:
        """Who asks, once it is known that they may. Raises HTTPException; a foreign account is as none at all."""
        identity = await self.cookies.identify(request)
        if identity is None:
            raise HTTPException(401, "Log in first.", {"HX-Redirect": "/login"})
        if request.method not in {"GET", "HEAD"} and not self.cookies.has_csrf_token(request, identity):
            raise HTTPException(400, "The page is too old. Nothing was changed: load it again.")
        if not self.knows(identity, namespace, name):
            raise HTTPException(404, "There is no such account.")
        return identity

    def knows(self, identity: Identity, namespace: str, name: str) -> bool:
        """Whether there is an account of that name that the viewer may see."""
        if not identity.viewer.may_see(namespace):
            return False
        try:
            self.parts.objects.get("exchangeaccounts", namespace, name)
        except NotFoundError:
            return False
        return True

    async def ask(self, identity: Identity, namespace: str, name: str, method: str, path: str, **more: Any) -> Any:
        """One question to the gateway, answered in JSON."""
        return await self.parts.gateways.ask(namespace, name, method, path, token=identity.token, **more)

    async def record(
        self, identity: Identity, action: str, namespace: str, name: str, detail: dict[str, Any]
    ) -> str | None:
        """Write an audit row; the sentence it returns says that this failed, and is shown beside what was done."""
        return await run_in_threadpool(
            partial(self.parts.audit.record, identity.viewer, action, "ExchangeAccount", namespace, name, detail=detail)
        )

    def render(self, template: str, *, headers: dict[str, str] | None = None, **values: Any) -> HTMLResponse:
        """A fragment."""
        return HTMLResponse(self.templates.get_template(template).render(**values), headers=headers)


def make_forwarding(parts: Parts, cookies: Cookies, templates: Environment) -> APIRouter:
    """The routes below `/accounts/{namespace}/{name}/` that reach a gateway."""
    router = APIRouter(prefix="/accounts/{namespace}/{name}")
    forwarding = Forwarding(parts, cookies, templates)
    _add_forwarded(router, forwarding)
    _add_fragments(router, forwarding)
    _add_orders(router, forwarding)
    return router


def _add_forwarded(router: APIRouter, forwarding: Forwarding) -> None:
    @router.api_route("/api/{path:path}", methods=["GET", "POST", "DELETE"])
    async def forward(request: Request, namespace: str, name: str, path: str) -> Response:
        """Pass a REST request on with the session token in a header, and the answer back."""
        identity = await forwarding.enter(request, namespace, name)
        try:
            answer = await forwarding.parts.gateways.send(
                namespace,
                name,
                request.method,
                f"api/{path}",
                token=identity.token,
                query=request.url.query,
                body=await _read_body(request),
                content_type=request.headers.get("content-type"),
            )
        except GatewayError as error:
            status = 404 if error.code == "NO_SUCH_PATH" else 502
            return JSONResponse({"error": {"code": error.code, "message": str(error)}}, status)
        finally:
            if request.method != "GET":
                # Also when the outcome is unknown: that it was tried is what has to be known then.
                await forwarding.record(identity, f"forward {request.method}", namespace, name, {"path": path})
        return Response(answer.content, answer.status_code, dict(answer.headers))

    @router.websocket("/api/{path:path}")
    async def forward_stream(websocket: WebSocket, namespace: str, name: str, path: str) -> None:
        """Carry a WebSocket to the gateway and back while the session lives."""
        if not has_own_origin(websocket):
            await websocket.close(4403)
            return
        identity = await forwarding.cookies.identify(websocket)
        if identity is None or not forwarding.knows(identity, namespace, name):
            await websocket.close(4401 if identity is None else 4404)
            return
        hub, gateways = forwarding.parts.hub, forwarding.parts.gateways
        try:
            address = gateways.websocket_address(namespace, name, f"api/{path}", websocket.url.query)
            stream = hub.admit(identity.viewer, identity.token_sha256)
        except (TooBusyError, GatewayError):
            await websocket.close(1013)
            return
        try:
            await forward_websocket(websocket, address, identity.token, stream)
        finally:
            hub.release(stream)


def _add_fragments(router: APIRouter, forwarding: Forwarding) -> None:
    @router.get("/exchange/balances")
    async def balances(request: Request, namespace: str, name: str) -> HTMLResponse:
        """What the account holds, as the exchange says now."""
        identity = await forwarding.enter(request, namespace, name)
        found, problem = None, None
        try:
            found = read_balances(await forwarding.ask(identity, namespace, name, "GET", "api/v1/account"))
        except GatewayError as error:
            problem = error
        return forwarding.render("accounts/_balances.html", balances=found, problem=problem, now=datetime.now(UTC))

    @router.get("/exchange/open-orders")
    async def open_orders(request: Request, namespace: str, name: str) -> HTMLResponse:
        """The account's open orders, ours and foreign, as the exchange says now."""
        identity = await forwarding.enter(request, namespace, name)
        found, problem = None, None
        try:
            found = read_orders(await forwarding.ask(identity, namespace, name, "GET", "api/v1/orders/open"))
        except GatewayError as error:
            problem = error
        return forwarding.render(
            "accounts/_open_orders.html",
            orders=found,
            problem=problem,
            now=datetime.now(UTC),
            namespace=namespace,
            name=name,
        )


def _add_orders(router: APIRouter, forwarding: Forwarding) -> None:
    @router.post("/exchange/orders")
    async def place_order(request: Request, namespace: str, name: str) -> HTMLResponse:
        """Place an order by hand. The answer says what is known, also when that is only that nothing is known."""
        identity = await forwarding.enter(request, namespace, name)
        try:
            order = read_order(await _read_form(request))
        except FormError as error:
            return forwarding.render("accounts/_outcome.html", tone="bad", message=str(error), warning=None)
        message, tone = await _try(
            forwarding.ask(identity, namespace, name, "POST", "api/v1/orders", payload=order), _describe_placed
        )
        warning = await forwarding.record(identity, "place order", namespace, name, {**order, "outcome": message})
        return forwarding.render("accounts/_outcome.html", headers=CHANGED, tone=tone, message=message, warning=warning)

    @router.post("/exchange/orders/cancel")
    async def cancel_order(request: Request, namespace: str, name: str) -> HTMLResponse:
        """Cancel one open order."""
        identity = await forwarding.enter(request, namespace, name)
        try:
            symbol, client_order_id = read_cancel(await _read_form(request))
        except FormError as error:
            return forwarding.render("accounts/_outcome.html", tone="bad", message=str(error), warning=None)
        message, tone = await _try(
            forwarding.ask(identity, namespace, name, "DELETE", f"api/v1/orders/{symbol}/{client_order_id}"),
            lambda _answer: f"{client_order_id} is canceled.",
        )
        detail = {"symbol": symbol, "clientOrderId": client_order_id, "outcome": message}
        warning = await forwarding.record(identity, "cancel order", namespace, name, detail)
        return forwarding.render("accounts/_outcome.html", headers=CHANGED, tone=tone, message=message, warning=warning)


async def _try(question: Any, describe: Any) -> tuple[str, str]:
    """Ask and put the answer, or the refusal, in words; with the tone they are shown in."""
    try:
        return describe(await question), "good"
    except GatewayError as error:
        return f"{error} ({error.code})", "warn" if error.code == "OUTCOME_UNKNOWN" else "bad"


def _describe_placed(answer: Any) -> str:
    told = answer if isinstance(answer, dict) else {}
    state = told.get("status") or told.get("state") or "accepted"
    return (
        f"{told.get('side', 'Order')} {told.get('symbol', '')} is {state}, {told.get('clientOrderId', 'no id told')}."
    )


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST_BYTES:
            raise HTTPException(413, "The request is too large.")
    return bytes(body)


async def _read_form(request: Request) -> dict[str, str]:
    """A form as browsers send it, or JSON; the last value of a name counts."""
    body = await _read_body(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "This is not JSON.") from error
        return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}
    return {key: values[-1] for key, values in parse_qs(body.decode(errors="replace")).items()}
