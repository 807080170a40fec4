"""The WebSocket API door (`/ws-api/v3`): requests with ids, sessions, user event subscriptions."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from stockade_paper.accounts import ApiKey
from stockade_paper.connections import Connection, find_refusal
from stockade_paper.dispatch import WEBSOCKET_ENDPOINTS, Dispatcher
from stockade_paper.endpoints.known_parameters import check_known
from stockade_paper.errors import BinanceError, invalid_key
from stockade_paper.latency import DelayLine
from stockade_paper.parameters import Parameters
from stockade_paper.security import check_signature, check_time, find_key
from stockade_paper.signatures import websocket_payload
from stockade_paper.time_units import to_microseconds, wants_microseconds
from stockade_paper.user_streams import Deliver, UserStreams
from stockade_paper.websocket_requests import Request, read_request

SESSION_WEIGHT = 2
CONNECTION_WEIGHT = 2
MAX_SUBSCRIPTIONS = 1000
UNKNOWN_KEY = -2008
ANSWERED_AS_LIST = frozenset({"sor.order.place"})


class WebsocketApi:
    """Accepts connections to the WebSocket API."""

    def __init__(self, dispatcher: Dispatcher, user_streams: UserStreams, lifetime_seconds: int) -> None:
        self.dispatcher = dispatcher
        self.user_streams = user_streams
        self.sessions: set[Session] = set()
        self._lifetime_seconds = lifetime_seconds

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        address = request.remote or "unknown"
        faults = self.dispatcher.faults
        if (refusal := find_refusal(faults)) is not None:
            return refusal
        socket = web.WebSocketResponse(autoping=False, max_msg_size=2**20)
        await socket.prepare(request)
        connection = Connection(socket, address, faults, self._lifetime_seconds)
        session = Session(
            self,
            connection,
            wants_limits=request.query.get("returnRateLimits") != "false",
            wants_microseconds=wants_microseconds(request.query.get("timeUnit")),
        )
        self.sessions.add(session)
        try:
            self.dispatcher.charge(address, CONNECTION_WEIGHT)
            await session.connection.run(session.on_text, lambda: None)
        except BinanceError as error:
            session.connection.send(session.refuse(None, error, wants_limits=True))
        finally:
            session.close_subscriptions()
            self.sessions.discard(session)
        return socket

    def revoke(self, key: ApiKey) -> None:
        """Tell the sessions that use a deleted key, and end their subscriptions."""
        for session in self.sessions:
            session.revoke(key)

    def announce_shutdown(self) -> None:
        """Tell every client that the server is about to end its connection."""
        event = {"event": {"e": "serverShutdown", "E": self.dispatcher.exchange.clock()}}
        for session in self.sessions:
            session.connection.send(msgspec.json.encode(event).decode())

    def disconnect_all(self) -> int:
        """Close every connection and return how many there were."""
        for session in self.sessions:
            session.connection.close()
        return len(self.sessions)


class Session:
    """One connection: its logon, its subscriptions, its requests."""

    def __init__(
        self, api: WebsocketApi, connection: Connection, *, wants_limits: bool, wants_microseconds: bool
    ) -> None:
        self.connection = connection
        self._api = api
        self._wants_limits = wants_limits
        self._in_unit = to_microseconds if wants_microseconds else _keep
        self._key: ApiKey | None = None
        self._authorized_ms = 0
        self._subscriptions: dict[int, Subscription] = {}
        self._next_subscription = 0
        self._arrivals: DelayLine[str] = DelayLine(self._answer)

    async def on_text(self, text: str) -> None:
        """Answer one request once it has come all the way; requests of one connection never overtake each other."""
        self._arrivals.put(text, self._api.dispatcher.latency.draw_half("websocket-api"))

    def _answer(self, text: str) -> None:
        """Answer one request, late, twice or not at all when a fault says so."""
        faults, audit = self._api.dispatcher.faults, self._api.dispatcher.audit
        request = read_request(text)
        number = self._record(request)
        status, reply, places_order = self._reply(request)
        is_lost = places_order and faults.strike("drop-order-reply") is not None
        is_cut = places_order and faults.strike("disconnect-after-order") is not None
        audit.record("reply", request=number, status=status, isLost=is_lost or is_cut)
        if is_cut:
            self.connection.close()
        if is_lost or is_cut:
            return
        late = faults.strike("delay-replies")
        delay = self._api.dispatcher.latency.draw_reply("websocket-api", status)
        delay += late.milliseconds / 1000 if late is not None else 0.0
        for _ in range(2 if faults.strike("duplicate-replies") is not None else 1):
            self._send(reply, delay)

    def _send(self, reply: str, seconds: float) -> None:
        """Send a reply in `seconds`; another one may overtake it."""
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, self.connection.send, reply)
        else:
            self.connection.send(reply)

    def close_subscriptions(self) -> None:
        """End all user event subscriptions of this connection, and forget what has not arrived."""
        self._arrivals.close()
        for number in list(self._subscriptions):
            self._end_subscription(number, tell=False)

    def revoke(self, key: ApiKey) -> None:
        """Forget a deleted key."""
        is_used = self._key == key or any(each.key == key for each in self._subscriptions.values())
        if not is_used:
            return
        for number, subscription in list(self._subscriptions.items()):
            if subscription.key == key:
                self._end_subscription(number, tell=True)
        if self._key == key:
            self._key = None
        self.connection.send(self.refuse(None, invalid_key(), wants_limits=False))

    def refuse(self, number: Any, error: BinanceError, *, wants_limits: bool) -> str:
        """Write the answer to a refused request."""
        body: dict[str, Any] = {"code": error.code, "msg": error.message}
        if error.data is not None:
            body["data"] = error.data
        if error.retry_after_seconds is not None:
            now = self._api.dispatcher.exchange.clock()
            body["data"] = {"serverTime": now, "retryAfter": now + 1000 * error.retry_after_seconds}
        answer: dict[str, Any] = {"id": number, "status": error.status, "error": body}
        if wants_limits:
            answer["rateLimits"] = self._describe_limits(None)
        return msgspec.json.encode(answer).decode()

    def _record(self, request: Request | None) -> int:
        told = request.parameters.values if request is not None and request.parameters is not None else {}
        key = self._api.dispatcher.exchange.accounts.keys.get(told.get("apiKey", "")) or self._key
        name = str(request.method) if request is not None else "(not JSON)"
        account = key.account_id if key is not None else None
        return self._api.dispatcher.audit.record_request("websocket-api", self.connection.address, name, told, account)

    def _reply(self, request: Request | None) -> tuple[int, str, bool]:
        """Return status and text of the answer to one request, and whether it placed an order."""
        if request is None:
            error = BinanceError(-1135, "Invalid JSON Request")
            return error.status, self.refuse(None, error, wants_limits=self._wants_limits), False
        wants_limits = self._wants_limits
        if request.parameters is not None and request.parameters.has("returnRateLimits"):
            wants_limits = request.parameters.values["returnRateLimits"].lower() != "false"
        try:
            result, order_key = self._perform(request.require_method(), request.require_parameters())
        except BinanceError as error:
            return error.status, self.refuse(request.number, error, wants_limits=wants_limits), False
        answer = {"id": request.number, "status": 200, "result": self._in_unit(result)}
        if wants_limits:
            answer["rateLimits"] = self._describe_limits(order_key)
        return 200, msgspec.json.encode(answer).decode(), order_key is not None

    def _perform(self, method: str, parameters: Parameters) -> tuple[Any, ApiKey | None]:
        """Run one method; the key comes back when it placed an order."""
        dispatcher = self._api.dispatcher
        own = OWN_METHODS.get(method)
        if own is not None:
            dispatcher.charge(self.connection.address, SESSION_WEIGHT)
            check_known(method, parameters.values)
            return own(self, parameters), None
        endpoint = WEBSOCKET_ENDPOINTS.get(method)
        if endpoint is None:
            raise BinanceError(-1020, "This operation is not supported.")
        dispatcher.charge(self.connection.address, endpoint.weigh(parameters))
        check_known(endpoint.rest or method, parameters.values)
        key = self._authenticate(parameters) if endpoint.signed else None
        result = dispatcher.run(endpoint, parameters, key, self.connection.address)
        if method in ANSWERED_AS_LIST:
            result = [result]
        return result, key if endpoint.orders else None

    def _authenticate(self, parameters: Parameters) -> ApiKey:
        """Return the key of a signed request: its own, or the one that is logged on."""
        accounts = self._api.dispatcher.exchange.accounts
        if not parameters.has("apiKey") and self._key is not None:
            check_time(parameters, self._api.dispatcher.server_time_ms)
            return self._key
        key = find_key(accounts, parameters.require("apiKey"), UNKNOWN_KEY, self.connection.address)
        parameters.require("timestamp")
        check_signature(key, parameters, websocket_payload(parameters.values))
        check_time(parameters, self._api.dispatcher.server_time_ms)
        return key

    def log_on(self, parameters: Parameters) -> dict[str, Any]:
        """Log a key on, for all later requests of this connection."""
        key = find_key(
            self._api.dispatcher.exchange.accounts, parameters.require("apiKey"), UNKNOWN_KEY, self.connection.address
        )
        if key.is_hmac:
            raise BinanceError(-4056, "HMAC_SHA256 API key is not supported.")
        self._key = self._authenticate(parameters)
        self._authorized_ms = self._api.dispatcher.exchange.clock()
        return self.show_status(parameters)

    def show_status(self, _parameters: Parameters) -> dict[str, Any]:
        """Tell who is logged on."""
        return {
            "apiKey": self._key.api_key if self._key is not None else None,
            "authorizedSince": self._authorized_ms if self._key is not None else None,
            "connectedSince": self.connection.opened_ms,
            "returnRateLimits": self._wants_limits,
            "serverTime": self._api.dispatcher.server_time_ms,
            "userDataStream": any(each.is_of_session for each in self._subscriptions.values()),
        }

    def log_out(self, parameters: Parameters) -> dict[str, Any]:
        """End the logon and its subscription."""
        for number, subscription in list(self._subscriptions.items()):
            if subscription.is_of_session:
                self._end_subscription(number, tell=True)
        self._key = None
        return self.show_status(parameters)

    def list_subscriptions(self, _parameters: Parameters) -> list[dict[str, Any]]:
        """List the user event subscriptions of this connection."""
        return [{"subscriptionId": number} for number in self._subscriptions]

    def subscribe_session(self, _parameters: Parameters) -> dict[str, int]:
        """Subscribe to the events of the key that is logged on."""
        if self._key is None:
            raise invalid_key()
        return self._subscribe(self._key, is_of_session=True)

    def subscribe_signed(self, parameters: Parameters) -> dict[str, int]:
        """Subscribe to the events of the key that signed this request."""
        parameters.require("apiKey")
        return self._subscribe(self._authenticate(parameters), is_of_session=False)

    def unsubscribe(self, parameters: Parameters) -> dict[str, Any]:
        """End one subscription, or all."""
        number = parameters.integer("subscriptionId")
        if number is not None and number not in self._subscriptions:
            raise BinanceError(-2036, "User Data Stream subscription not active.")
        for each in [number] if number is not None else list(self._subscriptions):
            self._end_subscription(each, tell=True)
        return {}

    def _subscribe(self, key: ApiKey, *, is_of_session: bool) -> dict[str, int]:
        if any(each.key.account_id == key.account_id for each in self._subscriptions.values()):
            raise BinanceError(-2035, "User Data Stream subscription already active.")
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise BinanceError(-2042, "The maximum number of User Data Stream subscriptions has been reached.")
        number = self._next_subscription
        self._next_subscription += 1

        def deliver(event: dict[str, Any]) -> None:
            frame = {"subscriptionId": number, "event": self._in_unit(event)}
            self.connection.send(msgspec.json.encode(frame).decode())

        self._subscriptions[number] = Subscription(key, deliver, is_of_session=is_of_session)
        if self._api.dispatcher.faults.strike("mute-new-user-streams") is None:
            self._api.user_streams.subscribe(key.account_id, deliver)
        return {"subscriptionId": number}

    def _end_subscription(self, number: int, *, tell: bool) -> None:
        subscription = self._subscriptions.pop(number)
        self._api.user_streams.unsubscribe(subscription.key.account_id, subscription.deliver)
        if tell:
            subscription.deliver({"e": "eventStreamTerminated", "E": self._api.dispatcher.exchange.clock()})

    def _describe_limits(self, order_key: ApiKey | None) -> list[dict[str, Any]]:
        limits = self._api.dispatcher.limits
        weight = limits.describe_weight(self.connection.address)
        return [weight] if order_key is None else [*limits.describe_orders(order_key.account_id), weight]


# Methods that belong to a connection; all others are endpoints, which REST has too.
OWN_METHODS: dict[str, Callable[[Session, Parameters], Any]] = {
    "session.logon": Session.log_on,
    "session.status": Session.show_status,
    "session.logout": Session.log_out,
    "session.subscriptions": Session.list_subscriptions,
    "userDataStream.subscribe": Session.subscribe_session,
    "userDataStream.subscribe.signature": Session.subscribe_signed,
    "userDataStream.unsubscribe": Session.unsubscribe,
}


class Subscription:
    """One user event subscription; `is_of_session` ends it with the logon that opened it."""

    def __init__(self, key: ApiKey, deliver: Deliver, *, is_of_session: bool) -> None:
        self.key = key
        self.deliver = deliver
        self.is_of_session = is_of_session


def _keep(value: Any) -> Any:
    return value
