"""What the command line opens: configured and open accounts, weights, the retired listenKey, the page."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.contract.paper.conftest import DEADLINE_SECONDS, Client, binance
from tests.support.paper import PaperProcess

CONFIGURATION = """
seed: 3
history_minutes: 30
open_accounts: true
legacy_listen_key: true
weight_per_minute: 400
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """An exchange with all optional doors open."""
    folder = tmp_path_factory.mktemp("doors")
    accounts = folder / "accounts.json"
    accounts.write_text(json.dumps([{"apiKey": "known", "apiSecret": "s3cret", "balances": {"USDT": "7"}}]))
    config = folder / "paper.yaml"
    config.write_text(CONFIGURATION)
    process = PaperProcess(folder / "log.txt", "--config", str(config), "--accounts-file", str(accounts))
    yield process
    assert process.stop() == 0


def get(address: str) -> tuple[int, str, dict[str, str]]:
    """Fetch an address whatever its status."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


async def test_configured_and_unknown_keys(opened: PaperProcess) -> None:
    known = await Client(opened, {"account": 0, "apiKey": "known", "apiSecret": "s3cret"}).connect()
    assert (await known.api.get_account())["balances"] == [
        {"asset": "USDT", "free": "7.00000000", "locked": "0.00000000"}
    ]
    await known.close()
    stranger = await Client(opened, {"account": 0, "apiKey": "stranger", "apiSecret": "anything"}).connect()
    assert len((await stranger.api.get_account())["balances"]) == 4
    await stranger.close()


async def test_listen_key(opened: PaperProcess, paper: PaperProcess) -> None:
    client = await Client(opened, opened.open_account(balances={"USDT": "1000"})).connect()
    try:
        listen_key = await client.api.stream_get_listen_key()
        async with connect(f"{opened.websocket}/ws/{listen_key}") as socket:
            await client.api.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price="50000")
            event = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))
            assert (event["e"], event["x"]) == ("executionReport", "NEW")
        await client.api.stream_keepalive(listen_key)
        await client.api.stream_close(listen_key)
        with pytest.raises(binance.exceptions.BinanceAPIException, match=r"This listenKey does not exist\."):
            await client.api.stream_keepalive(listen_key)
    finally:
        await client.close()
    status, text, _ = get(f"{paper.http}/api/v3/userDataStream")
    assert (status, "410 Gone" in text) == (410, True)


async def receive_until_text(socket: ClientConnection, text: str) -> None:
    """Wait for a message with this text in it."""
    while text not in str(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS)):
        pass


async def test_page_and_shutdown_notice(opened: PaperProcess) -> None:
    status, text, _ = get(f"{opened.http}/")
    assert status == 200
    assert "BTCUSDT" in text
    assert "TRADING" in text
    async with connect(f"{opened.websocket}/ws") as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": ["ethusdt@miniTicker"], "id": 1}))
        assert json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS)) == {"result": None, "id": 1}
        opened.request("POST", "/paper/v1/shutdown-notice")
        await receive_until_text(socket, '"e":"serverShutdown"')


def test_weight_is_refused_and_then_banned(opened: PaperProcess) -> None:
    """The last test of this exchange: afterwards its only address is banned."""
    answers = [get(f"{opened.http}/api/v3/ticker/24hr") for _ in range(60)]
    statuses = [status for status, _, _ in answers]
    assert {200, 429, 418} >= set(statuses)
    status, text, headers = answers[-1]
    assert (status, json.loads(text)["code"]) == (418, -1003)
    assert "IP banned until" in json.loads(text)["msg"]
    assert int(headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--feed", "replay"], "trades: a replay needs a recording; write --trades FILE.csv"),
        (["--feed", "replay", "--trades", "/nowhere.csv"], "/nowhere.csv: can't be read"),
        (["--history-minutes", "1", "--accounts-file", "/nowhere.json"], "/nowhere.json: can't be read"),
    ],
)
def test_wrong_flags_end_with_what_to_write(tmp_path: Path, flags: list[str], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        PaperProcess(tmp_path / "log.txt", *flags)
