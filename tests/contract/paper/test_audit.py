"""The audit log of a real process: both doors, what a fault did, and nothing secret."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.paper.conftest import Client, binance
from tests.support.paper import PaperProcess

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def entries(paper: PaperProcess, after: int) -> list[dict[str, Any]]:
    """Return everything after a number."""
    found: list[dict[str, Any]] = paper.request("GET", f"/paper/v1/audit?after={after}&limit=10000")["entries"]
    return found


async def test_an_order_can_be_followed_from_request_to_event(client: Client, paper: PaperProcess) -> None:
    before = paper.request("GET", "/paper/v1/audit?limit=1")["last"]
    paper.arm("drop-order-reply")
    with pytest.raises((aiohttp.ClientError, binance.exceptions.BinanceRequestException)):
        await client.api.create_order(**BUY, newClientOrderId="lost-rest")
    await client.api.ws_create_order(**BUY, newClientOrderId="kept-socket")
    told = entries(paper, before)
    for name, door, is_lost in (("lost-rest", "rest", True), ("kept-socket", "websocket-api", False)):
        asked = next(each for each in told if each.get("parameters", {}).get("newClientOrderId") == name)
        assert (asked["door"], asked["account"]) == (door, client.account)
        reply = next(each for each in told if each.get("request") == asked["number"])
        assert (reply["status"], reply["isLost"]) == (200, is_lost)
        between = [each for each in told if asked["number"] < each["number"] < reply["number"]]
        order = next(each for each in between if each["kind"] == "order" and each["clientOrderId"] == name)
        assert order["status"] == "FILLED"
        assert [each["event"]["x"] for each in between if each.get("event", {}).get("c") == name] == ["NEW", "TRADE"]
    assert [each["fault"]["kind"] for each in told if each["kind"] == "fault"] == ["drop-order-reply"]


async def test_the_file_survives_a_kill_and_holds_no_key(paper_log: Path, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    paper = PaperProcess(paper_log, "--audit", str(path), "--history-minutes", "5")
    account = paper.open_account(balances={"USDT": "1000"})
    client = await Client(paper, account).connect()
    try:
        await client.api.create_order(**BUY | {"quantity": "0.001"}, newClientOrderId="kept")
        await client.api.ws_create_order(**BUY | {"quantity": "0.001"})
    finally:
        await client.close()
        paper.kill()
    text = path.read_text(encoding="utf-8")
    numbers = [json.loads(line)["number"] for line in text.splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert '"clientOrderId":"kept","status":"FILLED"' in text
    assert account["apiKey"] not in text
    assert account["apiSecret"] not in text
