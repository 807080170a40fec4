"""What the exchange says about its rate limits, in headers and in messages, is heard: real clients on real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stockade_gateway.account.exchange_client import ExchangeClient
from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.keys import ExchangeKeys, load_keys
from stockade_gateway.rate_budget import Purpose, RateBudget
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import PaperExchange
from tests.support.waiting import wait_until

BANNED = {"code": -1003, "msg": "Way too much request weight used; IP banned."}
# How much of a silence may have passed on a busy machine before the test looks.
SLACK_SECONDS = 30.0


class Scripted:
    """A mock of an exchange: one answer to all of REST, and each WebSocket refused or ended with the same words."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: Any = {"serverTime": 0}
        self.asked: list[str] = []
        self.connects = 0
        self.handshake_status: int | None = None
        self.greeting: dict[str, Any] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.path.startswith("/ws-api"):
            return await self._talk(request)
        self.asked.append(request.path)
        body = {"serverTime": time.time_ns() // 1_000_000} if request.path.endswith("/time") else self.body
        return web.json_response(body, status=self.status, headers=self.headers)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        self.connects += 1
        if self.handshake_status is not None:
            return web.Response(status=self.handshake_status, headers=self.headers)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"id": None, **self.greeting})
        await socket.close()
        return socket


class World:
    """A scripted exchange and what a gateway needs to talk to it."""

    def __init__(self, keys: ExchangeKeys, server: TestServer, exchange: Scripted) -> None:
        self.exchange, self.keys = exchange, keys
        self.url = f"http://127.0.0.1:{server.port}"
        self.budget, self.clock = RateBudget(), ExchangeClock()
        self.rest = RestClient(self.url, keys, self.clock, self.budget)

    def silence(self) -> float:
        """Return for how many seconds not even a cancel may go."""
        return self.budget.seconds_until_free(Purpose.CANCEL, time.time())

    @asynccontextmanager
    async def run_api(self) -> AsyncIterator[WebsocketApi]:
        """Run a WebSocket API client."""
        api = WebsocketApi(
            f"{self.url.replace('http', 'ws')}/ws-api/v3",
            self.keys,
            self.clock,
            self.budget,
            on_user_event=lambda _kind, _event: None,
            on_connection=lambda _connected: None,
            measure_clock=self.rest.measure_clock,
        )
        running = asyncio.create_task(api.run())
        try:
            yield api
        finally:
            running.cancel()
            await asyncio.wait({running})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Serve the scripted exchange."""
    (tmp_path / "apiKey").write_text("made-up")
    (tmp_path / "apiSecret").write_text("made-up")
    exchange = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", exchange.answer)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        world = World(load_keys(tmp_path), server, exchange)
        yield world
        world.rest.close()


async def ask_as_sidecar(world: World) -> None:
    """Ask for an order as a sidecar does."""
    await world.rest.get("/api/v3/order", {"symbol": "BTCUSDT"}, signed=True, purpose=Purpose.RECONCILE)


async def ask_as_account_gateway(world: World) -> None:
    """Ask for an order as an account gateway does."""
    client = ExchangeClient(world.url, world.keys, world.clock, world.budget)
    try:
        await client.get_order("BTCUSDT", "skm-1")
    finally:
        await client.close()


both_clients = pytest.mark.parametrize("ask", [ask_as_sidecar, ask_as_account_gateway])
Ask = Callable[[World], Awaitable[None]]


async def wait_for(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - a condition of objects without events
            await asyncio.sleep(0.02)


# --- REST -------------------------------------------------------------------------------------------------------------


@both_clients
@pytest.mark.parametrize("status", [429, 418])
@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "700"}, 700), ({}, 60)])
async def test_nothing_is_sent_until_retry_after_is_over(
    world: World, ask: Ask, status: int, header: dict[str, str], seconds: int
) -> None:
    world.exchange.status, world.exchange.headers, world.exchange.body = status, header, BANNED
    with pytest.raises(RateLimitedError) as caught:
        await ask(world)
    assert (caught.value.status, caught.value.code, caught.value.retry_after_seconds) == (status, -1003, seconds)
    assert seconds - SLACK_SECONDS < world.silence() <= seconds
    asked = len(world.exchange.asked)
    for purpose in Purpose:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.rest.get("/api/v3/time", purpose=purpose), 0.05)
    assert len(world.exchange.asked) == asked


@both_clients
async def test_the_weight_used_is_read_from_the_header(world: World, ask: Ask) -> None:
    world.exchange.headers = {"X-MBX-USED-WEIGHT": "1", "X-MBX-USED-WEIGHT-1M": "5432"}
    await ask(world)
    assert world.budget.weight_used == 5432


@both_clients
async def test_an_orders_fate_is_asked_for_when_there_is_no_weight_for_orders(world: World, ask: Ask) -> None:
    world.budget.note_weight(5400, time.time())
    await ask(world)
    assert world.exchange.asked[-1].endswith("/order")


@both_clients
async def test_a_5xx_is_unknown_and_a_refusal_is_not(world: World, ask: Ask) -> None:
    world.exchange.status, world.exchange.body = 502, {"code": -1000, "msg": "An unknown error occurred."}
    with pytest.raises(StatusUnknownError):
        await ask(world)
    world.exchange.status, world.exchange.body = 400, {"code": -2013, "msg": "Order does not exist."}
    with pytest.raises(ExchangeError) as caught:
        await ask(world)
    assert (type(caught.value), caught.value.code) == (ExchangeError, -2013)


async def test_what_waits_for_the_rate_limit_does_not_bend_the_clock(world: World) -> None:
    world.budget.block(4, time.time())
    await world.rest.measure_clock()
    # Counted as the question's way, the wait would put the clock two seconds back.
    assert abs(world.clock.offset_ms) < 1500


# --- WebSocket API ----------------------------------------------------------------------------------------------------


async def test_a_banned_connection_is_not_opened_again_before_the_ban_is_over(world: World) -> None:
    retry_at_ms = world.clock.now_ms() + 700_000
    world.exchange.greeting = {"status": 418, "error": {**BANNED, "data": {"retryAfter": retry_at_ms}}}
    async with world.run_api() as api:
        await wait_for(lambda: world.silence() > 0)
        assert 700 - SLACK_SECONDS < world.silence() <= 700
        assert "banned" in str(api.refusal)
        # Its first wait is over in 0.2 s.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait_for(lambda: world.exchange.connects > 1), 1)


@pytest.mark.parametrize("status", [418, 429])
@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "700"}, 700), ({}, 60)])
async def test_a_ban_that_a_handshake_is_answered_with_counts_for_everything(
    world: World, status: int, header: dict[str, str], seconds: int
) -> None:
    world.exchange.handshake_status, world.exchange.headers = status, header
    async with world.run_api() as api:
        await wait_for(lambda: world.silence() > 0)
        assert seconds - SLACK_SECONDS < world.silence() <= seconds
        assert api.refusal == f"the exchange refused the connection with HTTP {status}: nothing is sent for {seconds} s"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait_for(lambda: world.exchange.connects > 1), 1)


async def test_a_firewalls_refusal_closes_the_connections_door_and_no_other(world: World) -> None:
    world.exchange.handshake_status = 403
    async with world.run_api() as api:
        await wait_for(lambda: api.refusal is not None)
        assert api.refusal == "the exchange refused the connection with HTTP 403"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait_for(lambda: world.exchange.connects > 1), 1)
    assert world.silence() == 0


async def test_a_server_that_can_not_answer_now_is_tried_again_soon(world: World) -> None:
    world.exchange.handshake_status = 503
    async with world.run_api() as api:
        await wait_for(lambda: world.exchange.connects > 2)
        assert api.refusal == "the exchange refused the connection with HTTP 503"
    assert world.silence() == 0


# --- A sidecar --------------------------------------------------------------------------------------------------------


def test_a_sidecar_that_was_told_to_wait_asks_nothing_meanwhile(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    before = sidecar.paper.last_audit_number()
    sidecar.paper.arm("rest-status", status=429)
    sidecar.paper.disconnect("websocket-api")
    refused = wait_until(
        lambda: [entry for entry in sidecar.paper.read_audit(before) if entry.get("status") == 429], "the refusal"
    )[0]
    sidecar.wait_until_ready()
    asked = [entry for entry in sidecar.paper.read_audit(refused["number"]) if entry["kind"] == "request"]
    # The paper exchange's Retry-After is a second.
    assert asked
    assert min(entry["timeMs"] for entry in asked) - refused["timeMs"] >= 1000
    algorithm.close()


@contextmanager
def run_crowded_address(paper: PaperExchange, used: int) -> Iterator[str]:
    """Pass REST requests on to the paper exchange, whose answers say that neighbours used so much of the weight."""

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on()

        def do_DELETE(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            connection = HTTPConnection("127.0.0.1", paper.port, timeout=30)
            connection.request(self.command, self.path, headers={"X-MBX-APIKEY": self.headers["X-MBX-APIKEY"] or ""})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            self.send_response(answer.status)
            self.send_header("X-MBX-USED-WEIGHT-1M", str(used))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(30)


def test_a_restarted_sidecar_recovers_though_neighbours_used_four_fifths_of_the_weight(
    make_sidecar: MakeSidecar, paper: PaperExchange
) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    algorithm.close()
    sidecar.kill()
    sidecar.lose_journal()
    sidecar.set_control(deadMan={"afterSeconds": 1, "action": "CancelOrders"})
    with run_crowded_address(paper, used=4800) as address:
        # Every minute begins like this one: as upkeep its questions would take a minute each.
        sidecar.start(STOCKADE_REST_URL=address)
        sidecar.wait_for_status("the dead man's action", lambda status: status["deadMan"] is not None)
        assert sidecar.exchange_open_orders() == set()
        sidecar.kill()


def test_a_sidecar_refused_at_the_door_says_so_and_keeps_still_until_the_ban_is_over(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    before = sidecar.paper.last_audit_number()
    ban = sidecar.paper.call("POST", "/paper/v1/faults", {"kind": "refuse-connections", "seconds": 4, "status": 418})
    sidecar.paper.disconnect("all")
    sidecar.wait_for_status("the ban", lambda status: "with HTTP 418" in str(status["reason"]))
    assert algorithm.cancel(str(resting.client_order_id)).denied is None
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    sidecar.wait_until_ready()
    asked = [entry["timeMs"] for entry in sidecar.paper.read_audit(before) if entry["kind"] == "request"]
    assert min(asked) >= ban["untilMs"]
    assert sidecar.status()["reason"] is None
    algorithm.close()


# A whole day's orders: it does not open again while the test looks.
FEW_ORDERS = "orders_per_day: 20\n"


@pytest.fixture
def strict_paper(tmp_path: Path) -> Iterator[PaperExchange]:
    """Run an exchange that takes few orders."""
    (tmp_path / "paper.yaml").write_text(FEW_ORDERS)
    exchange = PaperExchange("--config", str(tmp_path / "paper.yaml"))
    yield exchange
    exchange.end()


def test_cancels_still_go_while_no_order_may(make_sidecar: MakeSidecar, strict_paper: PaperExchange) -> None:
    sidecar = make_sidecar(exchange=strict_paper).start()
    algorithm = sidecar.connect()
    resting: list[str] = []
    while (reply := algorithm.submit("BUY", "0.001", f"{30000 + len(resting)}")).denied is None:
        algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
        resting.append(str(reply.client_order_id))
    assert (reply.denied, len(resting)) == ("RATE_LIMIT_EXCEEDED", 18)
    # The tenth that is kept for Flatten and the dead man is used up as well.
    assert [sidecar.place_by_hand(f"hand-{number}", "0.001", "30000") for number in range(3)] == [200, 200, 429]
    for name in resting:
        assert algorithm.cancel(name).denied is None
    for name in resting:
        algorithm.wait_for_state(name, "CANCELED")
    assert sidecar.exchange_open_orders() == set()
    assert algorithm.submit("BUY", "0.001", "30000").denied == "RATE_LIMIT_EXCEEDED"
    algorithm.close()
