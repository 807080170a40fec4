"""Reading the wish for an account, from the control API and from the accounts file alike."""

import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from stockade_paper.accounts import Accounts, ApiKey, Permissions
from stockade_paper.errors import ConfigurationError
from stockade_paper.signatures import load_public_key

DEFAULT_BALANCES = {"USDT": Decimal(100_000), "BTC": Decimal(1), "ETH": Decimal(10), "BNB": Decimal(10)}
FIELDS = frozenset({"apiKey", "apiSecret", "publicKey", "balances", "permissions", "account", "payFeesInBnb"})
PERMISSIONS = {"canTrade": "can_trade", "canWithdraw": "can_withdraw", "ipRestricted": "ip_restricted"}


@dataclass(frozen=True)
class OpenedAccount:
    """An account's key as its owner must know it; `secret` is None for a public key."""

    key: ApiKey
    secret: str | None

    def describe(self) -> dict[str, Any]:
        """Write the answer of the control API, the only place that tells a secret."""
        answer: dict[str, Any] = {"account": self.key.account_id, "apiKey": self.key.api_key}
        if self.secret is not None:
            answer["apiSecret"] = self.secret
        return answer


def open_account(accounts: Accounts, wish: Mapping[str, Any], now_ms: int) -> OpenedAccount:
    """Open an account, or add a key to the one that `account` names.

    Raises ConfigurationError that says what to write.
    """
    unknown = set(wish) - FIELDS
    if unknown:
        raise ConfigurationError(f"'{min(unknown)}' is unknown; write any of {', '.join(sorted(FIELDS))}")
    if wish.get("apiSecret") and wish.get("publicKey"):
        raise ConfigurationError("apiSecret, publicKey: write one of the two, a key is either HMAC or public-key")
    api_key = wish.get("apiKey") or secrets.token_hex(32)
    if not isinstance(api_key, str) or not api_key.isascii() or api_key in accounts.keys:
        raise ConfigurationError("apiKey: write text that no other account uses")
    balances = read_balances(wish["balances"]) if "balances" in wish else DEFAULT_BALANCES
    permissions = read_permissions(wish.get("permissions", {}))
    public_pem = wish.get("publicKey")
    public_key = load_public_key(str(public_pem)) if public_pem else None
    secret = None if public_key is not None else str(wish.get("apiSecret") or secrets.token_hex(32))
    account_id = wish.get("account")
    if account_id is None:
        account = accounts.create(balances)
        account.pays_fees_in_bnb = bool(wish.get("payFeesInBnb", False))
        account_id = account.account_id
    elif account_id not in accounts.by_id:
        raise ConfigurationError(f"account: {account_id} does not exist; write the number that opening it answered")
    key = ApiKey(api_key, account_id, permissions, now_ms, secret, public_key, public_pem)
    accounts.add_key(key)
    return OpenedAccount(key, secret)


def open_unknown_account(accounts: Accounts, api_key: str, now_ms: int) -> ApiKey:
    """Open an account with the default balances for a key that nobody announced (`--open-accounts`)."""
    account = accounts.create(DEFAULT_BALANCES)
    key = ApiKey(api_key, account.account_id, Permissions(), now_ms)
    accounts.add_key(key)
    return key


def read_accounts_file(path: Path) -> list[dict[str, Any]]:
    """Read the JSON list of accounts; raises ConfigurationError that says what to write."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: can't be read ({error.strerror}); name an existing file") from error
    except ValueError as error:
        raise ConfigurationError(
            f'{path}: no JSON ({error}); write [{{"apiKey": "...", "apiSecret": "..."}}]'
        ) from error
    wishes = content if isinstance(content, list) else [content]
    if not all(isinstance(wish, dict) for wish in wishes):
        raise ConfigurationError(f'{path}: write a list of objects, [{{"apiKey": "...", "apiSecret": "..."}}]')
    return wishes


def read_balances(wish: Any) -> dict[str, Decimal]:
    """Read `{"USDT": "1000"}`; raises ConfigurationError that says what to write."""
    if not isinstance(wish, dict):
        raise ConfigurationError('balances: write an object such as {"USDT": "10000"}')
    return {asset: read_amount(f"balances.{asset}", amount) for asset, amount in wish.items()}


def read_amount(name: str, value: Any) -> Decimal:
    """Read one amount, zero or above; raises ConfigurationError that says what to write."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ConfigurationError(f"{name}: '{value}' is no amount; write a decimal string such as \"0.5\"") from error
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a decimal string, zero or above")
    return amount


def read_permissions(wish: Any) -> Permissions:
    """Read `{"canWithdraw": true}`; raises ConfigurationError that says what to write."""
    if not isinstance(wish, dict) or not set(wish) <= {*PERMISSIONS, "ipList"}:
        raise ConfigurationError(f"permissions: write an object with any of {', '.join(PERMISSIONS)}, ipList")
    switches = {name: value for name, value in wish.items() if name != "ipList"}
    if not all(isinstance(value, bool) for value in switches.values()):
        raise ConfigurationError("permissions: each is true or false")
    addresses = _read_addresses(wish.get("ipList", []))
    return Permissions(**{PERMISSIONS[name]: value for name, value in switches.items()}, addresses=addresses)


def _read_addresses(wish: Any) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_address(each)) for each in wish)
    except (TypeError, ValueError) as error:
        raise ConfigurationError('permissions.ipList: write a list of addresses such as ["127.0.0.1"]') from error
