"""The WebSocket API with all three kinds of keys: sessions, subscriptions, rate limits, revocation."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from websockets.asyncio.client import ClientConnection, connect

from tests.contract.paper.conftest import DEADLINE_SECONDS, Client
from tests.support.paper import PaperProcess

PrivateKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
MARKET_BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


@pytest.fixture
async def socket(paper: PaperProcess) -> AsyncIterator[ClientConnection]:
    """A bare connection to the WebSocket API."""
    async with connect(f"{paper.websocket}/ws-api/v3") as connection:
        yield connection


async def ask(socket: ClientConnection, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send one request and return its answer; events in between are left out."""
    await socket.send(json.dumps({"id": method, "method": method, "params": parameters or {}}))
    while True:
        answer = await hear(socket)
        if answer.get("id") == method:
            return answer


async def hear(socket: ClientConnection) -> dict[str, Any]:
    """Wait for the next frame."""
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))
    return frame


def sign(parameters: dict[str, Any], signer: Callable[[bytes], str]) -> dict[str, Any]:
    """Add timestamp and signature."""
    stamped = {**parameters, "timestamp": time.time_ns() // 1_000_000}
    payload = "&".join(f"{name}={stamped[name]}" for name in sorted(stamped))
    return {**stamped, "signature": signer(payload.encode())}


def make_key(kind: str) -> tuple[PrivateKey, str]:
    """Return a private key and its public PEM."""
    private: PrivateKey = (
        ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else rsa.generate_private_key(65537, 2048)
    )
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, private.public_key().public_bytes(*form).decode()


def sign_with(private: PrivateKey) -> Callable[[bytes], str]:
    """Return a signer."""

    def signer(payload: bytes) -> str:
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return base64.b64encode(private.sign(payload)).decode()
        return base64.b64encode(private.sign(payload, padding.PKCS1v15(), hashes.SHA256())).decode()

    return signer


async def test_ed25519_session(paper: PaperProcess, socket: ClientConnection) -> None:
    private, pem = make_key("Ed25519")
    account = paper.open_account(publicKey=pem, balances={"USDT": "10000"})
    refused = await ask(socket, "userDataStream.subscribe")
    assert (refused["status"], refused["error"]["code"]) == (401, -2015)
    logon = await ask(socket, "session.logon", sign({"apiKey": account["apiKey"]}, sign_with(private)))
    assert logon["result"]["apiKey"] == account["apiKey"]
    assert (await ask(socket, "userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
    again = await ask(socket, "userDataStream.subscribe")
    assert (again["error"]["code"], again["error"]["msg"]) == (-2035, "User Data Stream subscription already active.")
    await socket.send(
        json.dumps({"id": 5, "method": "order.place", "params": {**MARKET_BUY, "timestamp": int(time.time() * 1000)}})
    )
    answer: dict[str, Any] | None = None
    events: list[dict[str, Any]] = []
    while answer is None or not events or events[-1]["e"] != "outboundAccountPosition":
        frame = await hear(socket)
        if "event" in frame:
            events.append(frame["event"])
        else:
            answer = frame
    assert answer["result"]["status"] == "FILLED"
    assert [limit["rateLimitType"] for limit in answer["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    kinds = dict.fromkeys(event.get("x", event["e"]) for event in events)  # It may have met several offers.
    assert list(kinds) == ["NEW", "TRADE", "outboundAccountPosition"]
    assert (await ask(socket, "session.logout"))["result"]["apiKey"] is None


async def test_hmac_keys_subscribe_by_signature_and_can_not_log_on(
    paper: PaperProcess, socket: ClientConnection
) -> None:
    account = paper.open_account()

    def signer(payload: bytes) -> str:
        return hmac.new(account["apiSecret"].encode(), payload, hashlib.sha256).hexdigest()

    refused = await ask(socket, "session.logon", sign({"apiKey": account["apiKey"]}, signer))
    assert refused["error"] == {"code": -4056, "msg": "HMAC_SHA256 API key is not supported."}
    answer = await ask(socket, "userDataStream.subscribe.signature", sign({"apiKey": account["apiKey"]}, signer))
    assert answer["result"] == {"subscriptionId": 0}
    paper.request("POST", f"/paper/v1/accounts/{account['account']}/balances", {"asset": "USDT", "amount": "5"})
    event = (await hear(socket))["event"]
    assert (event["e"], event["a"], event["d"]) == ("balanceUpdate", "USDT", "5.00000000")
    assert (await hear(socket))["event"]["e"] == "outboundAccountPosition"
    assert (await ask(socket, "userDataStream.unsubscribe"))["result"] == {}


async def test_revoked_key_is_told_with_id_null(paper: PaperProcess, socket: ClientConnection) -> None:
    private, pem = make_key("Ed25519")
    account = paper.open_account(publicKey=pem)
    await ask(socket, "session.logon", sign({"apiKey": account["apiKey"]}, sign_with(private)))
    paper.request("DELETE", f"/paper/v1/keys/{account['apiKey']}")
    frame = await hear(socket)
    assert (frame["id"], frame["status"], frame["error"]["code"]) == (None, 401, -2015)


async def test_unknown_parameters(paper: PaperProcess, socket: ClientConnection) -> None:
    """They are counted and refused before key and signature are looked at, as REST does it."""
    refused = await ask(socket, "time", {"colour": "red"})
    assert (refused["status"], refused["error"]["code"]) == (400, -1101)
    assert refused["error"]["msg"] == "Too many parameters; expected '0' and received '1'."
    refused = await ask(socket, "depth", {"symbol": "BTCUSDT", "limit": 5, "colour": "red"})
    assert refused["error"]["code"] == -1104
    assert refused["error"]["msg"] == "Not all sent parameters were read; read '2' parameter(s) but was sent '3'."
    refused = await ask(socket, "session.status", {"colour": "red"})
    assert refused["error"]["code"] == -1101
    private, pem = make_key("Ed25519")
    account = paper.open_account(publicKey=pem)
    order = sign({**MARKET_BUY, "apiKey": account["apiKey"], "new_client_order_id": "x"}, sign_with(private))
    assert (await ask(socket, "order.place", order))["error"]["code"] == -1104
    assert paper.account_state(account["account"])["orders"] == []


async def test_bad_requests(socket: ClientConnection) -> None:
    await socket.send("{")
    assert (await hear(socket))["error"] == {"code": -1135, "msg": "Invalid JSON Request"}
    assert (await ask(socket, "order.dance"))["error"]["code"] == -1020
    missing = await ask(socket, "account.status", {"timestamp": 1})
    assert missing["error"]["msg"] == "Mandatory parameter 'apiKey' was not sent, was empty/null, or malformed."
    unknown = await ask(socket, "account.status", {"apiKey": "x", "timestamp": 1, "signature": "x"})
    assert (unknown["status"], unknown["error"]["code"]) == (401, -2008)
    silent = await ask(socket, "time", {"returnRateLimits": False})
    assert "rateLimits" not in silent


@pytest.mark.parametrize("kind", ["Ed25519", "RSA"])
async def test_python_binance_signs_rest_with_private_keys(paper: PaperProcess, tmp_path: Path, kind: str) -> None:
    private, pem = make_key(kind)
    path = tmp_path / "key.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private.private_bytes(*form))
    account = paper.open_account(publicKey=pem, permissions={"canWithdraw": True, "ipRestricted": False})
    client = await Client(paper, account).connect(path)
    try:
        assert (await client.api.create_order(**MARKET_BUY))["status"] == "FILLED"
        assert (await client.api.get_account())["canWithdraw"] is True
    finally:
        await client.close()


async def test_lost_reply_and_late_reply(paper: PaperProcess, socket: ClientConnection) -> None:
    """A swallowed reply leaves the order and its events; a late one comes after what was asked later."""
    private, pem = make_key("Ed25519")
    account = paper.open_account(publicKey=pem, balances={"USDT": "10000"})
    await ask(socket, "session.logon", sign({"apiKey": account["apiKey"]}, sign_with(private)))
    paper.arm("drop-order-reply")
    order = {**MARKET_BUY, "newClientOrderId": "swallowed", "timestamp": time.time_ns() // 1_000_000}
    await socket.send(json.dumps({"id": 1, "method": "order.place", "params": order}))
    assert (await ask(socket, "ping"))["result"] == {}
    orders = paper.account_state(account["account"])["orders"]
    assert [(each["clientOrderId"], each["status"]) for each in orders] == [("swallowed", "FILLED")]
    paper.arm("delay-replies", milliseconds=500)
    await socket.send(json.dumps({"id": "late", "method": "time"}))
    await socket.send(json.dumps({"id": "prompt", "method": "time"}))
    assert [(await hear(socket))["id"] for _ in range(2)] == ["prompt", "late"]


async def test_user_stream_can_fall_silent(paper: PaperProcess, socket: ClientConnection) -> None:
    private, pem = make_key("Ed25519")
    account = paper.open_account(publicKey=pem, balances={"USDT": "10000"})
    await ask(socket, "session.logon", sign({"apiKey": account["apiKey"]}, sign_with(private)))
    await ask(socket, "userDataStream.subscribe")
    balances = f"/paper/v1/accounts/{account['account']}/balances"
    paper.arm("freeze-user-events", seconds=3600)
    paper.request("POST", balances, {"asset": "USDT", "amount": "1"})
    paper.request("DELETE", "/paper/v1/faults")
    paper.request("POST", balances, {"asset": "USDT", "amount": "2"})
    assert (await hear(socket))["event"]["d"] == "2.00000000"
