"""Profit and loss by average cost; apart from the tables so that a small process can use it without SQLAlchemy.

This is the one PnL function: gateway, panel, API and metrics all call it. Realised profit, unrealised profit and fees
are never added up here: whoever shows a sum shows its parts. The identity that the tests hold it to is

    change of equity = realized + unrealized - fees
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Literal, Protocol

_ZERO = Decimal(0)
# Twice the digits of the ledger's NUMERIC(38,18), so that a division's rounding never reaches a stored digit.
_PRECISION = 76


class Filled(Protocol):
    """What PnL needs to know of a fill; rows of the gateway and of the database both have it."""

    @property
    def side(self) -> str:
        """BUY or SELL."""

    @property
    def price(self) -> Decimal:
        """Quote asset per unit of base asset."""

    @property
    def quantity(self) -> Decimal:
        """Amount of base asset, before commission."""

    @property
    def commission(self) -> Decimal:
        """Amount of the commission asset."""

    @property
    def commission_asset(self) -> str | None:
        """The asset the commission was taken in, None when there was none."""

    @property
    def trade_time(self) -> datetime:
        """When the exchange matched it (UTC)."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one symbol and what it has earned so far.

    `quantity` is net of commission taken in the base asset and is negative when more was sold than bought (the rest
    came from the account's own balance). `cost` has the sign of `quantity`. `fees` are in the assets they were taken
    in; `fees_quote` is the part of them taken in the base or quote asset, in quote asset at the price of each fill.
    """

    quantity: Decimal = _ZERO
    cost: Decimal = _ZERO
    realized: Decimal = _ZERO
    fees_quote: Decimal = _ZERO
    fees: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def average_price(self) -> Decimal | None:
        """Quote asset paid per unit held; None when nothing is held."""
        return self.cost / self.quantity if self.quantity else None

    def unrealized(self, mark_price: Decimal) -> Decimal:
        """Return what closing at `mark_price` would realise."""
        return self.quantity * mark_price - self.cost


@dataclass(frozen=True, slots=True)
class Pnl:
    """The three parts of a result, in quote asset, always apart.

    `unrealized` is None without a price to value the holding at. `fees` is None when a commission was taken in a
    third asset whose price was not given; `fees_by_asset` always has the whole of it.
    """

    quantity: Decimal
    average_price: Decimal | None
    realized: Decimal
    unrealized: Decimal | None
    fees: Decimal | None
    fees_by_asset: Mapping[str, Decimal]


def apply_fill(holding: Holding, fill: Filled, *, base_asset: str, quote_asset: str) -> Holding:
    """Return the holding after one more fill.

    Commission in the base asset shrinks a purchase and enlarges a sale: it leaves the holding at the fill's price.
    """
    with localcontext(prec=_PRECISION):
        in_base = fill.commission if fill.commission_asset == base_asset else _ZERO
        signed = _direction(fill.side) * fill.quantity - in_base
        moved = _move(holding, signed, fill.price)
        fees, fees_quote = dict(holding.fees), holding.fees_quote
        if fill.commission and fill.commission_asset is not None:
            fees[fill.commission_asset] = fees.get(fill.commission_asset, _ZERO) + fill.commission
            if fill.commission_asset == quote_asset:
                fees_quote += fill.commission
            fees_quote += in_base * fill.price
        return replace(moved, fees=MappingProxyType(fees), fees_quote=fees_quote)


def join_holdings(earlier: Holding, later: Holding) -> Holding:
    """Return one holding of two gathered apart, as if `later` were a single fill at its average price."""
    with localcontext(prec=_PRECISION):
        price = later.average_price
        moved = earlier if price is None else _move(earlier, later.quantity, price)
        fees = dict(earlier.fees)
        for asset, amount in later.fees.items():
            fees[asset] = fees.get(asset, _ZERO) + amount
        return replace(
            moved,
            realized=moved.realized + later.realized,
            fees_quote=earlier.fees_quote + later.fees_quote,
            fees=MappingProxyType(fees),
        )


def compute_pnl(
    fills: Iterable[Filled],
    *,
    base_asset: str,
    quote_asset: str,
    mark_price: Decimal | None = None,
    since: datetime | None = None,
    asset_prices: Mapping[str, Decimal] | None = None,
) -> Pnl:
    """Return the result of one symbol's fills, given oldest first.

    With `since`, realised profit and fees count only from that time on, while the cost of what was held comes from
    all fills: give the whole history even to learn about one day. `asset_prices` values commission taken in a third
    asset, in quote asset.
    """
    before = now = Holding()
    for fill in fills:
        now = apply_fill(now, fill, base_asset=base_asset, quote_asset=quote_asset)
        if since is not None and fill.trade_time < since:
            before = now
    fees_by_asset = {
        asset: amount - before.fees.get(asset, _ZERO)
        for asset, amount in now.fees.items()
        if amount != before.fees.get(asset, _ZERO)
    }
    return Pnl(
        quantity=now.quantity,
        average_price=now.average_price,
        realized=now.realized - before.realized,
        unrealized=_unrealized(now, mark_price),
        fees=_value_fees(
            now.fees_quote - before.fees_quote,
            fees_by_asset,
            known={base_asset, quote_asset},
            prices=asset_prices or {},
        ),
        fees_by_asset=MappingProxyType(fees_by_asset),
    )


def _direction(side: str) -> Literal[1, -1]:
    """Return 1 for BUY, -1 for SELL; raise ValueError for anything else, since a guess here would be money."""
    if side == "BUY":
        return 1
    if side == "SELL":
        return -1
    raise ValueError(f"a fill's side is BUY or SELL, not {side!r}")


def _move(holding: Holding, signed: Decimal, price: Decimal) -> Holding:
    """Return the holding after `signed` base asset came (or went, when negative) at `price`."""
    quantity = holding.quantity
    if quantity * signed >= 0:
        return replace(holding, quantity=quantity + signed, cost=holding.cost + signed * price)
    if abs(signed) < abs(quantity):
        released = holding.cost * (-signed / quantity)
        return replace(
            holding,
            quantity=quantity + signed,
            cost=holding.cost - released,
            realized=holding.realized - signed * price - released,
        )
    # Closed whole, and what goes beyond opens the other side at this price.
    rest = quantity + signed
    return replace(
        holding, quantity=rest, cost=rest * price, realized=holding.realized + quantity * price - holding.cost
    )


def _unrealized(holding: Holding, mark_price: Decimal | None) -> Decimal | None:
    """Return the unrealised part; nothing held is nothing unrealised, whatever the price."""
    if not holding.quantity:
        return _ZERO
    return None if mark_price is None else holding.unrealized(mark_price)


def _value_fees(
    fees_quote: Decimal, fees_by_asset: Mapping[str, Decimal], *, known: set[str], prices: Mapping[str, Decimal]
) -> Decimal | None:
    """Return all fees in quote asset, None when the price of a third asset is missing."""
    total = fees_quote
    for asset, amount in fees_by_asset.items():
        if asset in known:
            continue
        if asset not in prices:
            return None
        total += amount * prices[asset]
    return total
