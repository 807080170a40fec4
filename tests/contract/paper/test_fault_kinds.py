"""Every further kind of fault as a client meets it, the scenario file, and a delayed exchange."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.contract.paper.conftest import DEADLINE_SECONDS
from tests.support.paper import PaperProcess

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
# It is not reached, and so has one report and one balance event.
WAIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50000",
}
KEYS = itertools.count(1)


@pytest.fixture(scope="module")
def open_paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """An exchange that knows every key and checks no signature."""
    log = tmp_path_factory.mktemp("open") / "log.txt"
    process = PaperProcess(log, "--open-accounts", "--seed", "3", "--history-minutes", "5")
    yield process
    assert process.stop() == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")


class Caller:
    """One account on bare connections."""

    def __init__(self, paper: PaperProcess, session: aiohttp.ClientSession, socket: ClientConnection) -> None:
        self.paper = paper
        self.socket = socket
        self.key = f"caller-{next(KEYS)}"
        self._session = session
        self._ids = itertools.count(1)

    def sign(self, values: dict[str, Any]) -> dict[str, Any]:
        """Add what a signed request has."""
        return {**values, "timestamp": time.time_ns() // 1_000_000, "signature": "any"}

    async def rest(self, method: str, path: str, values: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Send a signed request and return status and answer."""
        query = self.sign(values or {})
        url = f"{self.paper.http}/api/v3/{path}"
        async with self._session.request(method, url, params=query, headers={"X-MBX-APIKEY": self.key}) as answer:
            return answer.status, await answer.json()

    async def send(self, method: str, values: dict[str, Any] | None = None) -> int:
        """Send a signed request over the socket and return its id."""
        number = next(self._ids)
        request = {"id": number, "method": method, "params": self.sign({**(values or {}), "apiKey": self.key})}
        await self.socket.send(json.dumps(request))
        return number

    async def hear(self) -> dict[str, Any]:
        """Wait for the next frame."""
        return await hear(self.socket)

    async def ask(self, method: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request over the socket and return its answer; events in between are left out."""
        number = await self.send(method, values)
        while True:
            answer = await self.hear()
            if answer.get("id") == number:
                return answer

    def orders(self) -> list[str]:
        """List the statuses of this account's orders, as the witness knows them."""
        state = self.paper.request("GET", "/paper/v1/state")
        own = [account for account in state["accounts"] if self.key in account["apiKeys"]]
        return [order["status"] for account in own for order in account["orders"]]


async def hear(socket: ClientConnection) -> dict[str, Any]:
    """Wait for the next frame."""
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))
    return frame


async def pass_book_changes(paper: PaperProcess, number: int) -> None:
    """Wait until the book has changed so often that a quote must have been among it."""

    def count() -> int:
        changes: int = paper.request("GET", "/paper/v1/state")["markets"]["BTCUSDT"]["updateId"]
        return changes

    first = count()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while count() < first + number:
        assert time.monotonic() < deadline, "the book does not change"


async def hear_for_ever(socket: ClientConnection) -> None:
    """Hear until the connection ends, whatever still comes."""
    while True:
        await hear(socket)


@pytest.fixture
async def caller(open_paper: PaperProcess) -> AsyncIterator[Caller]:
    """A caller with an account of its own; no fault is left behind."""
    async with aiohttp.ClientSession() as session, connect(f"{open_paper.websocket}/ws-api/v3") as socket:
        yield Caller(open_paper, session, socket)
    open_paper.request("DELETE", "/paper/v1/faults")


@pytest.mark.parametrize("executed", [True, False])
async def test_a_server_error_of_an_order_that_was_or_was_not_taken(caller: Caller, *, executed: bool) -> None:
    caller.paper.arm("order-server-error", status=502, executed=executed, count=2)
    status, answer = await caller.rest("POST", "order", BUY)
    assert (status, answer["code"]) == (502, -1000)
    over_socket = await caller.ask("order.place", BUY)
    assert (over_socket["status"], over_socket["error"]["code"]) == (502, -1000)
    assert caller.orders() == ["FILLED", "FILLED"] * executed


async def test_an_order_whose_connection_ends(caller: Caller) -> None:
    caller.paper.arm("disconnect-after-order", count=2)
    with pytest.raises(aiohttp.ClientError):
        await caller.rest("POST", "order", BUY)
    await caller.send("order.place", BUY)
    with pytest.raises(ConnectionClosed):
        await caller.hear()
    assert caller.orders() == ["FILLED", "FILLED"]


async def test_doubled_replies(caller: Caller) -> None:
    caller.paper.arm("duplicate-replies")
    number = await caller.send("ping")
    assert [(await caller.hear())["id"] for _ in range(2)] == [number, number]
    assert (await caller.ask("ping"))["id"] == number + 1


async def test_late_and_missing_user_events(caller: Caller) -> None:
    await caller.ask("userDataStream.subscribe.signature")
    caller.paper.arm("delay-user-events", milliseconds=300)
    number = await caller.send("order.place", WAIT)
    frames = [await caller.hear() for _ in range(3)]
    assert frames[0]["id"] == number, "the reply overtakes its late events"
    assert [frame["event"].get("x") for frame in frames[1:]] == ["NEW", None]
    await caller.ask("userDataStream.unsubscribe")
    caller.paper.arm("mute-new-user-streams")
    assert "subscriptionId" in (await caller.ask("userDataStream.subscribe.signature"))["result"]
    placed = await caller.send("order.place", BUY)
    assert (await caller.hear())["id"] == placed
    assert (await caller.ask("ping"))["result"] == {}, "no event came in between"


async def test_a_user_event_that_those_behind_it_overtake(caller: Caller) -> None:
    await caller.ask("userDataStream.subscribe.signature")
    caller.paper.arm("overtake-user-events", milliseconds=300)
    number = await caller.send("order.place", WAIT)
    frames = [await caller.hear() for _ in range(3)]
    assert sorted(frame.get("id", 0) for frame in frames) == [0, 0, number]
    told = [frame["event"].get("x") for frame in frames if "event" in frame]
    assert told == [None, "NEW"], "the balance's event came before the order's"
    await caller.ask("userDataStream.unsubscribe")


async def test_a_gap_in_depth_ids(caller: Caller) -> None:
    async with connect(f"{caller.paper.websocket}/ws/btcusdt@depth@100ms") as depth:
        last = (await hear(depth))["u"]
        event = await hear(depth)
        assert event["U"] == last + 1
        caller.paper.arm("skip-depth-events")
        while True:
            last, event = event["u"], await hear(depth)
            if event["U"] != last + 1:
                break
        assert event["U"] > last + 1
        caller.paper.arm("break-streams")
        with pytest.raises(ConnectionClosed):
            await hear_for_ever(depth)


async def test_lost_stream_messages(caller: Caller) -> None:
    async with connect(f"{caller.paper.websocket}/ws/btcusdt@trade") as trades:
        last = (await hear(trades))["t"]
        caller.paper.arm("lose-stream-messages", probability=0.5, count=None)
        missing = 0
        while not missing:
            number = (await hear(trades))["t"]
            missing, last = number - last - 1, number
    assert missing > 0


async def test_refused_slow_and_half_open_connections(caller: Caller) -> None:
    caller.paper.arm("refuse-connections", seconds=3600)
    for path in ("/ws-api/v3", "/ws/btcusdt@trade"):
        with pytest.raises(InvalidStatus, match="503"):
            await connect(f"{caller.paper.websocket}{path}")
    caller.paper.request("DELETE", "/paper/v1/faults")
    caller.paper.arm("refuse-connections", seconds=3600, status=418)
    with pytest.raises(InvalidStatus, match="418") as caught:
        await connect(f"{caller.paper.websocket}/ws-api/v3")
    assert 0 < int(caught.value.response.headers["Retry-After"]) <= 3600
    caller.paper.request("DELETE", "/paper/v1/faults")
    caller.paper.arm("slow-connections", milliseconds=200, seconds=3600)
    started = time.monotonic()
    for _ in range(3):
        await caller.ask("ping")
    assert time.monotonic() - started >= 0.6
    caller.paper.request("DELETE", "/paper/v1/faults")
    caller.paper.arm("half-open-connections", seconds=3600)
    await caller.send("order.place", BUY)
    async with connect(f"{caller.paper.websocket}/ws/btcusdt@bookTicker") as quotes:
        await pass_book_changes(caller.paper, 100)
        caller.paper.request("DELETE", "/paper/v1/faults")
        with pytest.raises(ConnectionClosed):
            await hear_for_ever(quotes)
    assert caller.orders() == [], "what is sent into a half-open connection arrives nowhere"


async def test_a_ban_and_a_wrong_clock(caller: Caller) -> None:
    caller.paper.arm("ban-address", seconds=3600)
    status, answer = await caller.rest("GET", "account")
    assert (status, answer["code"]) == (418, -1003)
    over_socket = await caller.ask("ping")
    assert (over_socket["status"], over_socket["error"]["code"]) == (418, -1003)
    caller.paper.request("DELETE", "/paper/v1/faults")
    for skew, text in ((-60_000, "1000ms ahead of the server's time"), (6000, "outside of the recvWindow")):
        caller.paper.arm("skew-clock", milliseconds=skew, seconds=3600)
        status, answer = await caller.rest("GET", "account")
        assert (status, answer["code"]) == (400, -1021)
        assert text in answer["msg"]
        before = time.time_ns() // 1_000_000
        told = (await caller.ask("time"))["result"]["serverTime"]
        assert before <= told - skew <= time.time_ns() // 1_000_000
        caller.paper.request("DELETE", "/paper/v1/faults")
    assert (await caller.rest("GET", "account"))[0] == 200


async def test_a_scenario_and_a_short_life(tmp_path: Path) -> None:
    scenario = tmp_path / "day.yaml"
    scenario.write_text(
        "- {at: 0, market: {symbol: BTCUSDT, status: HALT}}\n"
        "- {at: 0, arm: {kind: rest-status, status: 503, count: 1}}\n"
        "- {at: 0, revoke: nobody}\n"
        # Whenever this test gets there, the next notice comes within the life of its connection.
        + "".join(f"- {{at: {second}, shutdown-notice: true}}\n" for second in range(2, 120, 2)),
        encoding="utf-8",
    )
    log = tmp_path / "log.txt"
    paper = PaperProcess(log, "--scenario", str(scenario), "--connection-seconds", "4", "--history-minutes", "5")
    try:
        async with connect(f"{paper.websocket}/ws") as silent, aiohttp.ClientSession() as session:
            statuses = []
            for _ in range(2):
                async with session.get(f"{paper.http}/api/v3/ping") as answer:
                    statuses.append(answer.status)
            assert statuses == [503, 200]
            assert paper.request("GET", "/paper/v1/state")["markets"]["BTCUSDT"]["status"] == "HALT"
            assert (await hear(silent))["e"] == "serverShutdown"
            with pytest.raises(ConnectionClosed):
                await hear_for_ever(silent)
    finally:
        paper.stop()
    assert "revoke at 0 s can't be done: no such key" in log.read_text(encoding="utf-8")


async def test_a_far_exchange_answers_late_and_in_order(tmp_path: Path) -> None:
    paper = PaperProcess(tmp_path / "log.txt", "--open-accounts", "--latency", "--history-minutes", "5")
    try:
        async with aiohttp.ClientSession() as session, connect(f"{paper.websocket}/ws-api/v3") as socket:
            caller = Caller(paper, session, socket)
            await caller.ask("userDataStream.subscribe.signature")
            placed = [await caller.send("order.place", WAIT) for _ in range(20)]
            frames = [await caller.hear() for _ in range(60)]
            assert {frame["id"] for frame in frames if "id" in frame} == set(placed)
            executions = [frame["event"]["I"] for frame in frames if frame.get("event", {}).get("x")]
            assert executions == sorted(executions)
            assert len(executions) == 20
            started = time.monotonic()
            for _ in range(20):
                assert (await caller.rest("GET", "time"))[0] == 200
            assert time.monotonic() - started > 20 * 0.003
    finally:
        paper.stop()
