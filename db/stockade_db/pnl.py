"""Profit and loss; apart from the tables so that a small process can use it without SQLAlchemy.

This is the one PnL function: gateway, panel, API and metrics all call it. A sale realises its price less what was paid:
on average, everywhere (limits, status, metrics, `position`), or for the oldest left, where a person asks for it. Both
agree whenever a position is closed. Realised profit, unrealised profit and fees are never added up here: whoever shows
a sum shows its parts. The identity that the tests hold both methods to is

    change of equity = realized + unrealized - fees
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum
from itertools import tee
from types import MappingProxyType
from typing import Literal, Protocol, TypeVar

_ZERO = Decimal(0)
# Twice the digits of the ledger's NUMERIC(38,18), so that a division's rounding never reaches a stored digit.
_PRECISION = 76


class Method(StrEnum):
    """What a sale (or what buys back a short sale) is measured against."""

    AVERAGE_COST = "average-cost"
    FIRST_IN_FIRST_OUT = "fifo"


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


_Fill = TypeVar("_Fill", bound=Filled)


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
    """Return the holding after one more fill, by average cost.

    Commission in the base asset shrinks a purchase and enlarges a sale: it leaves the holding at the fill's price.
    """
    with localcontext(prec=_PRECISION):
        moved = _move(holding, _net_quantity(fill, base_asset), fill.price)
        return _add_fees(moved, fill, base_asset, quote_asset)


def follow_fills(
    fills: Iterable[_Fill],
    *,
    base_asset: str,
    quote_asset: str,
    method: Method = Method.AVERAGE_COST,
    again: Iterable[Filled] | None = None,
) -> Iterator[tuple[_Fill, Holding]]:
    """Yield each of one symbol's fills, given oldest first, with the holding after it.

    First in, first out looks back at the oldest fill that is not sold again: `again` are the same fills once more, read
    only as far as sales have come, so that neither way has to be kept. Without it those in between are kept in memory.
    """
    if method is Method.FIRST_IN_FIRST_OUT:
        fills, again = (fills, again) if again is not None else tee(fills)
        yield from _follow_first_in_first_out(fills, _list_lots(again, base_asset), base_asset, quote_asset)
        return
    holding = Holding()
    for fill in fills:
        holding = apply_fill(holding, fill, base_asset=base_asset, quote_asset=quote_asset)
        yield fill, holding


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
    method: Method = Method.AVERAGE_COST,
) -> Pnl:
    """Return the result of one symbol's fills, given oldest first.

    With `since`, realised profit and fees count only from that time on, while the cost of what was held comes from
    all fills: give the whole history even to learn about one day. `asset_prices` values commission taken in a third
    asset, in quote asset.
    """
    before = now = Holding()
    for fill, now in follow_fills(fills, base_asset=base_asset, quote_asset=quote_asset, method=method):
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


def _net_quantity(fill: Filled, base_asset: str) -> Decimal:
    """Return how much base asset came with a fill, or went when negative."""
    return _direction(fill.side) * fill.quantity - _base_commission(fill, base_asset)


def _base_commission(fill: Filled, base_asset: str) -> Decimal:
    return fill.commission if fill.commission_asset == base_asset else _ZERO


def _add_fees(holding: Holding, fill: Filled, base_asset: str, quote_asset: str) -> Holding:
    if not fill.commission or fill.commission_asset is None:
        return holding
    fees, fees_quote = dict(holding.fees), holding.fees_quote
    fees[fill.commission_asset] = fees.get(fill.commission_asset, _ZERO) + fill.commission
    if fill.commission_asset == quote_asset:
        fees_quote += fill.commission
    fees_quote += _base_commission(fill, base_asset) * fill.price
    return replace(holding, fees=MappingProxyType(fees), fees_quote=fees_quote)


def _follow_first_in_first_out(
    fills: Iterable[_Fill], lots: Iterator[tuple[Decimal, Decimal]], base_asset: str, quote_asset: str
) -> Iterator[tuple[_Fill, Holding]]:
    """Yield each fill with the holding after it; `lots` are all that will ever be opened, in order.

    Nothing is divided, so every digit is exact.
    """
    holding = Holding()
    left = price = _ZERO
    for fill in fills:
        with localcontext(prec=_PRECISION):
            signed = _net_quantity(fill, base_asset)
            opened = _opened(holding.quantity, signed)
            to_close, paid = abs(signed) - opened, _ZERO
            while to_close:
                if not left:
                    left, price = next(lots)
                part = min(left, to_close)
                left, to_close, paid = left - part, to_close - part, paid + part * price
            released = paid.copy_sign(holding.quantity) if paid else paid
            opened = opened.copy_sign(signed)
            moved = replace(
                holding,
                quantity=holding.quantity + signed,
                cost=holding.cost - released + opened * fill.price,
                realized=holding.realized - (signed - opened) * fill.price - released,
            )
            holding = _add_fees(moved, fill, base_asset, quote_asset)
        yield fill, holding


def _list_lots(fills: Iterable[Filled], base_asset: str) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield quantity and price of what each fill opened, long or short; those that only close open nothing."""
    quantity = _ZERO
    for fill in fills:
        signed = _net_quantity(fill, base_asset)
        opened = _opened(quantity, signed)
        quantity += signed
        if opened:
            yield opened, fill.price


def _opened(quantity: Decimal, signed: Decimal) -> Decimal:
    """Return how much of a change opens: all of it in the direction of what is held, else what goes beyond closing."""
    return abs(signed) if quantity * signed >= 0 else max(abs(signed) - abs(quantity), _ZERO)


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
