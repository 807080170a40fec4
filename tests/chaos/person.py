"""A person who trades by hand on an account, through its gateway's REST API with a session token, as the panel does.

Has a thread of its own, so that whatever happens to the gateway happens while an order is on its way.
"""

import hashlib
import secrets
from decimal import Decimal
from typing import Any, Protocol

import httpx

from stockade_wire.order_ids import MANUAL_PREFIX
from tests.chaos.evidence import Wish
from tests.chaos.turns import Turns
from tests.support.postgresql import Ledger

# Worth some 30 of the quote asset; each wish is for a little more than the one before, which tells them apart.
_FIRST_QUANTITY, _STEP = Decimal("0.0003"), Decimal("0.00001")
_TICK = Decimal("0.01")
EMAIL = "person@example.com"


class Gateway(Protocol):
    """An account's gateway, wherever it runs."""

    def ask(self, method: str, path: str, token: str | None, **rest: Any) -> httpx.Response:
        """Send one request with a session token."""


class Person:
    """Asks for what the schedule says until `close`."""

    def __init__(self, gateway: Gateway, token: str, name: str, deaths: list[str]) -> None:
        self._gateway = gateway
        self._token = token
        self.wishes: list[Wish] = []
        self.cancels: set[str] = set()
        self._turns = Turns(f"the person of {name}", lambda: None, deaths)
        self._turns.start()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is still to be asked for."""
        return self._turns.is_idle

    def place(self, details: dict[str, Any]) -> None:
        """Ask for an order, after what was asked for before."""
        self._turns.do(lambda: self._place(details))

    def cancel_one(self, which: float) -> None:
        """Ask to cancel one of the account's open manual orders, as they are listed then."""
        self._turns.do(lambda: self._cancel_one(which))

    def close(self) -> None:
        """Let what was asked for be answered, and ask for nothing more."""
        assert self._turns.close(300), "the account gateway does not answer"

    def _place(self, details: dict[str, Any]) -> None:
        quantity = _FIRST_QUANTITY + _STEP * len(self.wishes)
        order = {"symbol": "BTCUSDT", "side": details["side"], "quantity": str(quantity), "type": details["type"]}
        if order["type"] != "MARKET":
            price = self._find_price() * Decimal(details["distance"])
            order["price"] = str(price.quantize(_TICK))
        if order["type"] == "STOP_LOSS_LIMIT":
            order["stopPrice"] = order["price"]
        try:
            answer = self._ask("POST", "/api/v1/orders", json=order)
        except httpx.TransportError as error:
            self.wishes.append(Wish(quantity, 0, type(error).__name__))
            return
        number = answer.json().get("clientOrderId") if answer.status_code == httpx.codes.CREATED else None
        self.wishes.append(Wish(quantity, answer.status_code, answer.text[:300], number))

    def _cancel_one(self, which: float) -> None:
        try:
            answer = self._ask("GET", "/api/v1/orders/open")
            found = answer.json() if answer.is_success else []
            ours = sorted(each["clientOrderId"] for each in found if each["clientOrderId"].startswith(MANUAL_PREFIX))
            if ours:
                number = ours[int(which * len(ours))]
                self.cancels.add(number)
                self._ask("DELETE", f"/api/v1/orders/BTCUSDT/{number}")
        except httpx.TransportError:
            return  # The gateway is away; what became of the order is the judge's business.

    def _find_price(self) -> Decimal:
        """Return what the panel's chart ends with, or a price of which any is far away while there is none."""
        try:
            answer = self._ask("GET", "/api/v1/klines?symbol=BTCUSDT&interval=1m&limit=1")
        except httpx.TransportError:
            return Decimal(50_000)
        return Decimal(answer.json()[-1][4] if answer.is_success and answer.json() else 50_000)

    def _ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        return self._gateway.ask(method, path, self._token, **rest)


def log_in(ledger: Ledger, tenant_uid: str) -> str:
    """Make a user of the tenant and a session of theirs, as the panel does; return its token."""
    token = secrets.token_urlsafe(32)
    with ledger.connect("stockade_panel") as connection:
        connection.execute(
            'INSERT INTO ledger."user" (email, fs_uniquifier, tenant_uid) VALUES (%s, %s, %s)',
            (EMAIL, EMAIL, tenant_uid),
        )
        connection.execute(
            "INSERT INTO ledger.session (token_sha256, user_id, expires) "
            "SELECT %s, id, now() + interval '1 day' FROM ledger.\"user\" WHERE email = %s",
            (hashlib.sha256(token.encode()).digest(), EMAIL),
        )
    return token
