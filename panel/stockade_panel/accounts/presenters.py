"""What the pages say about an ExchangeAccount and what its gateway answers: pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from stockade_panel.algorithms.presenters import TRADING_TONES, Tone, find_condition
from stockade_panel.formats import parse_decimal, parse_time
from stockade_panel.kubectl import Manifest
from stockade_panel.sessions import namespace_tenant

RETIRED_KEYS = "stockade.dev/retired-keys-secrets"
DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT")
MOST_PRICES = 12


@dataclass(frozen=True)
class Account:
    """One ExchangeAccount as list and page show it. None is unknown."""

    namespace: str
    name: str
    tenant: str
    environment: str
    keys_secret: str
    retired_secrets: tuple[str, ...]
    wanted_trading: str
    trading_tone: Tone
    ready: str
    ready_message: str
    keys_available: str
    keys_message: str
    key_version: str | None
    permissions: tuple[str, ...]
    ip_restricted: bool | None
    can_withdraw: bool | None
    weight_used: int | None
    open_exposure: Decimal | None
    quote_asset: str
    max_exposure: Decimal | None
    max_daily_loss: Decimal | None
    as_of: datetime | None
    is_being_deleted: bool

    @property
    def is_live(self) -> bool:
        """Whether real money is traded."""
        return self.environment == "Live"


@dataclass(frozen=True)
class Balance:
    """One asset of an account."""

    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True)
class ExchangeOrder:
    """An open order as the exchange tells it."""

    symbol: str
    client_order_id: str
    side: str
    type: str
    price: Decimal | None
    quantity: Decimal | None
    filled: Decimal | None
    time: datetime | None
    is_manual: bool


def present_account(manifest: Manifest) -> Account:
    """Everything the pages show of one ExchangeAccount."""
    metadata, spec, status = manifest["metadata"], manifest.get("spec", {}), manifest.get("status", {})
    limits = spec.get("limits") or {}
    ready, keys = find_condition(manifest, "Ready") or {}, find_condition(manifest, "KeysAvailable") or {}
    retired = (metadata.get("annotations") or {}).get(RETIRED_KEYS, "")
    trading = spec.get("trading", "Active")
    return Account(
        namespace=metadata["namespace"],
        name=metadata["name"],
        tenant=namespace_tenant(metadata["namespace"]),
        environment=spec.get("environment", "Unknown"),
        keys_secret=(spec.get("keysSecret") or {}).get("name", ""),
        retired_secrets=tuple(name for name in retired.split(",") if name),
        wanted_trading=trading,
        trading_tone=TRADING_TONES.get(trading, "warn"),
        ready=ready.get("status", "Unknown"),
        ready_message=ready.get("message", ""),
        keys_available=keys.get("status", "Unknown"),
        keys_message=keys.get("message", ""),
        key_version=status.get("keyVersion"),
        permissions=tuple(status.get("permissions") or ()),
        ip_restricted=status.get("ipRestricted"),
        can_withdraw=status.get("canWithdraw"),
        weight_used=status.get("weightUsed"),
        open_exposure=parse_decimal(status.get("openExposure")),
        quote_asset=limits.get("quoteAsset", "USDT"),
        max_exposure=parse_decimal(limits.get("maxExposure")),
        max_daily_loss=parse_decimal(limits.get("maxDailyLoss")),
        as_of=parse_time(status.get("lastReconciledTime")),
        is_being_deleted=bool(metadata.get("deletionTimestamp")),
    )


def read_balances(answer: Any) -> list[Balance]:
    """The assets an account holds anything of. What can't be read is left out, not shown as zero."""
    rows = answer.get("balances", []) if isinstance(answer, dict) else []
    found = []
    for row in rows:
        free, locked = parse_decimal(row.get("free")), parse_decimal(row.get("locked"))
        if free is not None and locked is not None and (free or locked):
            found.append(Balance(str(row.get("asset", "")), free, locked))
    return sorted(found, key=lambda balance: balance.asset)


def read_orders(answer: Any) -> list[ExchangeOrder]:
    """The open orders of an account, newest first. Orders of no prefix of ours are shown like all others."""
    rows = answer if isinstance(answer, list) else answer.get("orders", []) if isinstance(answer, dict) else []
    orders = [
        ExchangeOrder(
            symbol=str(row.get("symbol", "")),
            client_order_id=str(row.get("clientOrderId", "")),
            side=str(row.get("side", "")),
            type=str(row.get("type", "")),
            price=parse_decimal(row.get("price")) or None,
            quantity=parse_decimal(row.get("origQty")),
            filled=parse_decimal(row.get("executedQty")),
            time=_read_milliseconds(row.get("time")),
            is_manual=str(row.get("clientOrderId", "")).startswith("skm-"),
        )
        for row in rows
    ]
    return sorted(orders, key=lambda order: order.time or datetime.min.replace(tzinfo=UTC), reverse=True)


def list_price_symbols(account: Account, algorithms: list[Manifest]) -> list[str]:
    """The symbols whose prices the page shows: those of the algorithms on this account."""
    found = {
        symbol
        for manifest in algorithms
        if manifest.get("spec", {}).get("account") == account.name
        for symbol in manifest["spec"].get("symbols", [])
    }
    return sorted(found or DEFAULT_SYMBOLS)[:MOST_PRICES]


def _read_milliseconds(value: Any) -> datetime | None:
    return datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) and value > 0 else None
