"""Real paper exchanges, each its own process, and unmodified clients that are only told another address."""

import asyncio
import importlib
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.paper import PaperProcess

with warnings.catch_warnings():
    # python-binance 1.0.37 imports a name that websockets 17 has moved; nothing of ours can change that.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=r"websockets\..*")
    binance: Any = importlib.import_module("binance")

DEADLINE_SECONDS = 30.0
WINDOW_SECONDS = 4
TOO_MUCH_WEIGHT = f"current limit is 400 request weight per {WINDOW_SECONDS} SECOND"


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """A synthetic exchange with a short history."""
    log = tmp_path_factory.mktemp("paper") / "log.txt"
    process = PaperProcess(log, "--seed", "7", "--history-minutes", "180")
    yield process
    assert process.stop() == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """An exchange that takes five unfilled orders in ten seconds, and whose market stands still."""
    folder = tmp_path_factory.mktemp("tight")
    config = folder / "paper.yaml"
    config.write_text("orders_per_ten_seconds: 5\nhistory_minutes: 10\nstart_paused: true\n")
    process = PaperProcess(folder / "log.txt", "--config", str(config))
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="session")
def rationed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """An exchange that serves a weight of 400 in each four seconds, and whose market stands still."""
    folder = tmp_path_factory.mktemp("rationed")
    config = folder / "paper.yaml"
    config.write_text(
        f"weight_per_minute: 400\nweight_window_seconds: {WINDOW_SECONDS}\nhistory_minutes: 10\nstart_paused: true\n"
    )
    process = PaperProcess(folder / "log.txt", "--config", str(config))
    yield process
    assert process.stop() == 0


async def ask_in_vain(ask: Callable[[], Awaitable[Any]]) -> None:
    """Ask again and again, until the client raises what it makes of the refusal."""
    for _ in range(50):
        await ask()


async def wait_out(retry_after: Any) -> None:
    """Wait for as long as a refusal says, and no longer."""
    assert 1 <= int(retry_after) <= WINDOW_SECONDS
    await asyncio.sleep(int(retry_after))


@pytest.fixture
def paper_log(tmp_path: Path) -> Path:
    """Where a test's own exchange writes."""
    return tmp_path / "log.txt"


class Client:
    """python-binance as its documentation uses it, pointed at one paper exchange."""

    def __init__(self, paper: PaperProcess, account: dict[str, Any]) -> None:
        self.account: int = account["account"]
        self._rest = type(
            "PaperClient",
            (binance.AsyncClient,),
            {"API_URL": f"{paper.http}/api", "WS_API_URL": f"{paper.websocket}/ws-api/v3"},
        )
        self._manager = type("PaperSockets", (binance.BinanceSocketManager,), {"STREAM_URL": f"{paper.websocket}/"})
        self._keys = account
        self._paper = paper
        self.api: Any = None
        self.sockets: Any = None

    async def connect(self, private_key: Path | None = None) -> "Client":
        """Log in with the secret or a private key."""
        keys = self._keys
        self.api = await self._rest.create(keys["apiKey"], keys.get("apiSecret"), private_key=private_key)  # type: ignore[attr-defined]  # an untyped library
        self.sockets = self._manager(self.api)
        return self

    async def close(self) -> None:
        """Close all connections.

        The library's read loop waits up to ten seconds for one more message before it ends; a disconnect wakes it.
        """
        closing = asyncio.create_task(self.api.close_connection())
        while not closing.done():
            await asyncio.to_thread(self._paper.request, "POST", "/paper/v1/disconnect", {"target": "websocket-api"})
            await asyncio.wait([closing], timeout=0.2)
        await closing


@pytest.fixture
async def client(paper: PaperProcess) -> AsyncIterator[Client]:
    """A connected client with an account of its own."""
    connected = await Client(paper, paper.open_account(balances={"USDT": "100000", "BTC": "2"})).connect()
    yield connected
    await connected.close()


def aim_ccxt(paper: PaperProcess, account: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with which ccxt and ccxt.pro speak to a paper exchange."""
    rest = f"{paper.http}/api/v3"
    sockets = {"spot": f"{paper.websocket}/ws", "ws-api": {"spot": f"{paper.websocket}/ws-api/v3"}}
    return {
        "apiKey": account["apiKey"],
        "secret": account["apiSecret"],
        "enableRateLimit": False,
        "urls": {"api": {"public": rest, "private": rest, "sapi": f"{paper.http}/sapi/v1", "ws": sockets}},
        "options": {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}},
    }


async def receive(socket: Any) -> Any:
    """Wait for a socket's next message."""
    return await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS)


async def receive_until(socket: Any, **wanted: Any) -> list[dict[str, Any]]:
    """Collect messages up to the first that has all wanted fields."""
    messages: list[dict[str, Any]] = []
    while True:
        messages.append(await receive(socket))
        if all(messages[-1].get(name) == value for name, value in wanted.items()):
            return messages
