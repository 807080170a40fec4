"""The control API (`/paper/v1/...`) for tests and demos: accounts, feed, faults and the witness."""

from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from stockade_paper.account_requests import open_account
from stockade_paper.audit import AuditLog
from stockade_paper.errors import BinanceError, ConfigurationError, PaperError
from stockade_paper.faults import KINDS
from stockade_paper.json_text import parse_json
from stockade_paper.operations import Operations
from stockade_paper.witness import describe_state

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Handlers of the control API; each answers JSON, errors as `{"error": text}` with status 400 or 404."""

    def __init__(self, operations: Operations, audit: AuditLog) -> None:
        self._operations = operations
        self._audit = audit
        self._exchange = operations.exchange
        self._faults = operations.faults
        self._feed = operations.feed
        self._journal = operations.journal

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register all handlers."""
        routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/paper/v1/state", self.show_state),
            ("GET", "/paper/v1/audit", self.show_audit),
            ("POST", "/paper/v1/accounts", self.create_account),
            ("POST", "/paper/v1/accounts/{account}/balances", self.change_balance),
            ("DELETE", "/paper/v1/keys/{key}", self.revoke_key),
            ("GET", "/paper/v1/feed", self.show_feed),
            ("POST", "/paper/v1/feed/start", self.start_feed),
            ("POST", "/paper/v1/feed/pause", self.pause_feed),
            ("PUT", "/paper/v1/feed/regime", self.choose_regime),
            ("GET", "/paper/v1/faults", self.list_faults),
            ("POST", "/paper/v1/faults", self.arm_fault),
            ("DELETE", "/paper/v1/faults", self.clear_faults),
            ("POST", "/paper/v1/disconnect", self.disconnect),
            ("POST", "/paper/v1/shutdown-notice", self.announce_shutdown),
            ("POST", "/paper/v1/orders/{order}/cancel", self.cancel_order),
            ("POST", "/paper/v1/orders/{order}/expire", self.expire_order),
            ("PUT", "/paper/v1/markets/{symbol}/status", self.set_market_status),
        )
        for method, path, handler in routes:
            router.add_route(method, path, _answering_errors(handler))

    async def show_state(self, _request: web.Request) -> web.Response:
        """Tell everything."""
        return web.json_response(describe_state(self._exchange))

    async def show_audit(self, request: web.Request) -> web.Response:
        """Tell what happened: the oldest `limit` (default 1000) entries after the one with the number `after`."""
        after, limit = (
            _whole(request.query.get(name, default)) for name, default in (("after", "0"), ("limit", "1000"))
        )
        if after < 0 or limit < 1:
            raise ConfigurationError("after, limit: write whole numbers, such as ?after=0&limit=1000")
        return web.Response(body=self._audit.write_after(after, limit), content_type="application/json")

    async def create_account(self, request: web.Request) -> web.Response:
        """Open an account or add a key to one; the answer is the only place that tells a generated secret."""
        opened = open_account(self._exchange.accounts, await _read_object(request), self._exchange.clock())
        if self._journal is not None:
            self._journal.record_account(opened.key)
        return web.json_response(opened.describe(), status=201)

    async def change_balance(self, request: web.Request) -> web.Response:
        """Deposit, or withdraw with a negative amount: `{"asset": "USDT", "amount": "-5"}`."""
        wish = await _read_object(request)
        account = self._exchange.accounts.by_id.get(_whole(request.match_info["account"]))
        if account is None:
            raise web.HTTPNotFound(text='{"error": "no such account"}', content_type="application/json")
        try:
            amount = Decimal(str(wish.get("amount")))
        except InvalidOperation as error:
            raise ConfigurationError('amount: write a decimal string such as "-5"') from error
        self._exchange.deposit(account, str(wish.get("asset", "")), amount)
        return web.json_response({})

    async def revoke_key(self, request: web.Request) -> web.Response:
        """Delete a key: sessions that use it get 401 with id null."""
        if request.match_info["key"] not in self._exchange.accounts.keys:
            raise web.HTTPNotFound(text='{"error": "no such key"}', content_type="application/json")
        self._operations.revoke_key(request.match_info["key"])
        return web.json_response({})

    async def show_feed(self, _request: web.Request) -> web.Response:
        """Tell where the feed is."""
        return web.json_response(self._feed.describe())

    async def start_feed(self, _request: web.Request) -> web.Response:
        """Begin, or go on after a pause."""
        self._feed.start()
        return web.json_response(self._feed.describe())

    async def pause_feed(self, _request: web.Request) -> web.Response:
        """Let the market stand still."""
        self._feed.pause()
        return web.json_response(self._feed.describe())

    async def choose_regime(self, request: web.Request) -> web.Response:
        """Change how the synthetic market behaves: `{"regime": "crash"}`."""
        self._operations.choose_regime((await _read_object(request)).get("regime"))
        return web.json_response({})

    async def list_faults(self, _request: web.Request) -> web.Response:
        """List armed faults and the kinds there are."""
        return web.json_response({"armed": [fault.describe() for fault in self._faults.armed], "kinds": KINDS})

    async def arm_fault(self, request: web.Request) -> web.Response:
        """Arm one fault."""
        fault = self._faults.arm(await _read_object(request))
        return web.json_response(fault.describe(), status=201)

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Disarm all faults."""
        self._faults.clear()
        return web.json_response({})

    async def disconnect(self, request: web.Request) -> web.Response:
        """Close connections: `{"target": "streams" | "websocket-api" | "all"}`."""
        target = (await _read_object(request)).get("target", "all")
        return web.json_response({"closed": self._operations.disconnect(str(target))})

    async def announce_shutdown(self, _request: web.Request) -> web.Response:
        """Send `serverShutdown` on every connection."""
        self._operations.announce_shutdown()
        return web.json_response({})

    async def cancel_order(self, request: web.Request) -> web.Response:
        """Cancel an order from the exchange's side."""
        order = self._find_order(request)
        self._exchange.cancel(order, "exchange")
        return web.json_response({})

    async def expire_order(self, request: web.Request) -> web.Response:
        """Expire an order from the exchange's side."""
        self._exchange.expire(self._find_order(request))
        return web.json_response({})

    async def set_market_status(self, request: web.Request) -> web.Response:
        """Halt or open a market: `{"status": "HALT"}`."""
        status = (await _read_object(request)).get("status")
        self._operations.set_market_status(request.match_info["symbol"], status)
        return web.json_response({})

    def _find_order(self, request: web.Request) -> Any:
        order = self._exchange.orders.get(_whole(request.match_info["order"]))
        if order is None:
            raise web.HTTPNotFound(text='{"error": "no such order"}', content_type="application/json")
        return order


def _answering_errors(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except BinanceError as error:
            return web.json_response({"error": error.message}, status=400)
        except PaperError as error:
            return web.json_response({"error": str(error)}, status=400)

    return answer


async def _read_object(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    if not text:
        return {}
    try:
        value = parse_json(text)
    except ValueError as error:
        raise ConfigurationError("the body is no JSON; write an object") from error
    if not isinstance(value, dict):
        raise ConfigurationError("the body is no JSON object; write {...}")
    return value


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1
