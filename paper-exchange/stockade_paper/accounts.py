"""Accounts, their keys and balances, apart because money may only move through the few verbs here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from stockade_paper.amounts import ZERO
from stockade_paper.errors import insufficient_balance
from stockade_paper.signatures import PublicKey, verify_hmac, verify_public_key


@dataclass(slots=True)
class Balance:
    """One asset of one account."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(frozen=True)
class Permissions:
    """What a key may do, as `GET /sapi/v1/account/apiRestrictions` tells, and from which addresses (empty: any)."""

    can_trade: bool = True
    can_withdraw: bool = False
    ip_restricted: bool = True
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApiKey:
    """One API key of an account; one of `secret` (HMAC) and `public_key` is set.

    A key that an open exchange met for the first time has neither: its secret is unknown, so any signature passes.
    """

    api_key: str
    account_id: int
    permissions: Permissions
    created_ms: int
    secret: str | None = field(default=None, repr=False)
    public_key: PublicKey | None = field(default=None, repr=False)
    public_key_pem: str | None = field(default=None, repr=False)

    @property
    def is_hmac(self) -> bool:
        """Whether it is of the kind that can't log a WebSocket API session on."""
        return self.public_key is None

    def verify(self, payload: str, signature: str) -> bool:
        """Whether `signature` over `payload` was made with this key."""
        if self.secret is not None:
            return verify_hmac(self.secret, payload, signature)
        return self.public_key is None or verify_public_key(self.public_key, payload, signature)


@dataclass
class Account:
    """One user of the exchange; `balances` always holds every asset that was ever touched."""

    account_id: int
    balances: dict[str, Balance] = field(default_factory=dict)
    pays_fees_in_bnb: bool = False
    updated_ms: int = 0

    def balance(self, asset: str) -> Balance:
        """Return the asset's balance, a zero one if it was never held."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance()
        return balance

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Add to (or, with a negative amount, take from) the free balance.

        Raises BinanceError -2010 when the account would fall below zero.
        """
        balance = self.balance(asset)
        if balance.free + amount < 0:
            raise insufficient_balance()
        balance.free += amount

    def move_lock(self, asset: str, before: Decimal, after: Decimal) -> None:
        """Change what one order has locked from `before` to `after`.

        Raises BinanceError -2010 when the free balance does not suffice.
        """
        balance = self.balance(asset)
        if balance.free + before - after < 0:
            raise insufficient_balance()
        balance.free += before - after
        balance.locked += after - before


class Accounts:
    """All accounts and keys of this exchange; `open_unknown` makes an account for a key that nobody announced."""

    def __init__(self) -> None:
        self.open_unknown: Callable[[str], ApiKey] | None = None
        self.by_id: dict[int, Account] = {}
        self.keys: dict[str, ApiKey] = {}
        self.revoked: set[str] = set()

    def create(self, balances: Mapping[str, Decimal], account_id: int | None = None) -> Account:
        """Open an account that holds `balances`, all of it free."""
        number = account_id if account_id is not None else max(self.by_id, default=1000) + 1
        account = Account(number, {asset: Balance(free=amount) for asset, amount in balances.items()})
        self.by_id[number] = account
        return account

    def add_key(self, key: ApiKey) -> None:
        """Let `key` act for its account."""
        self.keys[key.api_key] = key

    def revoke_key(self, api_key: str) -> bool:
        """Make a key invalid from now on; False when there was none."""
        if self.keys.pop(api_key, None) is None:
            return False
        self.revoked.add(api_key)
        return True

    def account_of(self, key: ApiKey) -> Account:
        """Return the account that `key` acts for."""
        return self.by_id[key.account_id]
