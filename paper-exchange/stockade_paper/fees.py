"""Commissions, apart because who pays what in which asset is one rule ("Commission FAQ")."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from stockade_paper.accounts import Account
from stockade_paper.amounts import SMALLEST
from stockade_paper.instruments import Instrument

BNB_DISCOUNT = Decimal("0.75")


@dataclass(frozen=True)
class FeeSchedule:
    """Rates for makers and takers, as fractions: 0.001 is 0.1 %."""

    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")

    def rate(self, *, is_maker: bool) -> Decimal:
        """Return the rate of one side of a trade."""
        return self.maker if is_maker else self.taker


def charge_commission(
    account: Account,
    instrument: Instrument,
    side: str,
    price: Decimal,
    quantity: Decimal,
    *,
    rate: Decimal,
    bnb_price: Decimal | None,
) -> tuple[Decimal, str]:
    """Return the commission and its asset: the asset received, or BNB at a discount when the account pays so.

    `bnb_price` is the price of one BNB in the quote asset, None when BNB can't be used. Nothing is moved.
    """
    if account.pays_fees_in_bnb and bnb_price:
        commission = _cut(price * quantity * rate * BNB_DISCOUNT / bnb_price)
        if account.balance("BNB").free >= commission:
            return commission, "BNB"
    if side == "BUY":
        return _cut(quantity * rate), instrument.base
    return _cut(price * quantity * rate), instrument.quote


def _cut(amount: Decimal) -> Decimal:
    return amount.quantize(SMALLEST, ROUND_DOWN)
