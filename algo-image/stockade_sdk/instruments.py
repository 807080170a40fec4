"""What the exchange demands of an order for one symbol, and rounding that meets it."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal

from msgspec import Struct


class Instrument(Struct, frozen=True):
    """One symbol and its filters."""

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal

    def round_price(self, price: Decimal) -> Decimal:
        """Return the nearest price on the exchange's grid (`PRICE_FILTER`)."""
        return _snap(price, self.tick_size, ROUND_HALF_EVEN)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """Return the largest quantity on the grid (`LOT_SIZE`) that is not above `quantity`; it may be zero."""
        return _snap(quantity, self.step_size, ROUND_DOWN)

    def smallest_quantity(self, price: Decimal) -> Decimal:
        """Return the smallest quantity that the exchange takes at this price (`LOT_SIZE` and `NOTIONAL`)."""
        return _snap(max(self.min_quantity, self.min_notional / price), self.step_size, ROUND_UP)


def _snap(number: Decimal, step: Decimal, rounding: str) -> Decimal:
    if not step:
        return number
    return (number / step).to_integral_value(rounding) * step
