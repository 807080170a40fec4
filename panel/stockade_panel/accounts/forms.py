"""The forms of an account: a new one, its keys, and an order by hand. Pure; keys pass through and are never kept.

Nothing here puts a key into an error or back into a form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from stockade_panel.errors import FormError, Refusal
from stockade_panel.formats import parse_decimal
from stockade_panel.kubectl import Manifest

ENVIRONMENTS = ("Paper", "Testnet", "Demo", "Live")
FIELDS = ("namespace", "name", "environment", "maxExposure", "maxDailyLoss", "quoteAsset")
DEFAULTS = {"environment": "Paper", "quoteAsset": "USDT"}
PATHS = {
    "metadata.name": "name",
    "spec.environment": "environment",
    "spec.limits.maxExposure": "maxExposure",
    "spec.limits.maxDailyLoss": "maxDailyLoss",
    "spec.limits.quoteAsset": "quoteAsset",
}
SYMBOL = re.compile(r"[A-Z0-9]{2,30}")
CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
API_KEY = re.compile(r"[!-~]{8,256}")
LONGEST_SECRET = 8192


@dataclass(frozen=True)
class Keys:
    """Exchange keys on their way into a Secret; no repr shows them."""

    api_key: str = field(repr=False)
    secret_name: str
    """Which of the Secret's keys the second half is: `apiSecret` or `privateKey`."""
    secret: str = field(repr=False)

    def as_secret(self) -> dict[str, str]:
        """The Secret's content."""
        return {"apiKey": self.api_key, self.secret_name: self.secret}


def read_keys(form: Mapping[str, str]) -> Keys:
    """Read pasted keys. Raises FormError, which names the field and never the value."""
    api_key = form.get("apiKey", "").strip()
    secret = form.get("secret", "").strip()
    if not API_KEY.fullmatch(api_key):
        raise FormError("apiKey", "Paste the API key as the exchange shows it: letters and digits, no blanks.")
    if not secret or len(secret) > LONGEST_SECRET:
        raise FormError("secret", "Paste the API secret, or the private key with its BEGIN and END lines.")
    if "-----BEGIN" in secret:
        if "PRIVATE KEY-----" not in secret or "-----END" not in secret:
            raise FormError("secret", "This is not a whole private key: paste it with its BEGIN and END lines.")
        return Keys(api_key, "privateKey", secret.replace("\r\n", "\n") + "\n")
    if not API_KEY.fullmatch(secret):
        raise FormError("secret", "An API secret has no blanks; a private key starts with a BEGIN line.")
    return Keys(api_key, "apiSecret", secret)


def read_values(form: Mapping[str, str]) -> dict[str, str]:
    """What was typed, without keys."""
    return {name: form.get(name, "").strip() for name in FIELDS}


def build_manifest(values: dict[str, str], secret: str) -> tuple[Manifest, dict[str, str]]:
    """The object a form asks for, and what is wrong by field."""
    errors = {}
    if not values["name"]:
        errors["name"] = "Write a name: small letters, digits and hyphens."
    if not values["namespace"]:
        errors["namespace"] = "Choose a tenant."
    if values["environment"] not in ENVIRONMENTS:
        errors["environment"] = "Choose an environment."
    spec: dict[str, Any] = {"environment": values["environment"], "keysSecret": {"name": secret}, "trading": "Active"}
    limits: dict[str, str] = {name: values[name] for name in ("maxExposure", "maxDailyLoss") if values[name]}
    if limits:
        spec["limits"] = {**limits, "quoteAsset": values["quoteAsset"].upper() or "USDT"}
    return {"metadata": {"name": values["name"], "namespace": values["namespace"]}, "spec": spec}, errors


def place_refusals(refusals: tuple[Refusal, ...], message: str) -> dict[str, str]:
    """The API server's reasons by field."""
    errors = {PATHS.get(refusal.path.lstrip("."), "general"): refusal.message for refusal in refusals}
    return errors or {"general": message}


def read_order(form: Mapping[str, Any]) -> dict[str, str]:
    """An order by hand, as the gateway takes it. Raises FormError."""
    symbol = str(form.get("symbol", "")).strip().upper()
    if not SYMBOL.fullmatch(symbol):
        raise FormError("symbol", "Write a symbol, for example BTCUSDT.")
    side, kind = str(form.get("side", "")), str(form.get("type", ""))
    if side not in {"BUY", "SELL"}:
        raise FormError("side", "Choose buy or sell.")
    if kind not in {"MARKET", "LIMIT"}:
        raise FormError("type", "Choose market or limit.")
    order = {"symbol": symbol, "side": side, "type": kind, "quantity": _read_amount(form, "quantity")}
    if kind == "LIMIT":
        order["price"] = _read_amount(form, "price")
        order["timeInForce"] = "GTC"
    return order


def read_cancel(form: Mapping[str, Any]) -> tuple[str, str]:
    """Which order to cancel. Raises FormError."""
    symbol, client_order_id = str(form.get("symbol", "")), str(form.get("clientOrderId", ""))
    if not SYMBOL.fullmatch(symbol) or not CLIENT_ORDER_ID.fullmatch(client_order_id):
        raise FormError("clientOrderId", "This order can't be canceled from here: its id is not one we can write.")
    return symbol, client_order_id


def _read_amount(form: Mapping[str, Any], name: str) -> str:
    amount = parse_decimal(str(form.get(name, "")).strip())
    if amount is None or amount <= Decimal(0):
        raise FormError(name, f"Write a {name} above zero, with a point before decimals.")
    return f"{amount:f}"
