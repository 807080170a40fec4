"""Reading the symbols of a configuration file: what is traded and how its synthetic market behaves."""

from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from stockade_paper.errors import ConfigurationError
from stockade_paper.feeds.synthetic import CHARACTERS, Character
from stockade_paper.instruments import INSTRUMENTS, Instrument

NEEDED = ("symbol", "base", "quote", "tick_size", "step_size", "max_quantity", "market_max_quantity", "start_price")
INSTRUMENT_FIELDS = {item.name: item for item in fields(Instrument)}
FLOAT_FIELDS = ("annual_volatility", "trades_per_second", "trade_notional", "level_notional")
WHOLE_FIELDS = ("spread_ticks", "level_ticks")
FIELDS = (*INSTRUMENT_FIELDS, "start_price", *FLOAT_FIELDS, *WHOLE_FIELDS)
TEXT_FIELDS = ("symbol", "base", "quote")


@dataclass(frozen=True)
class Listing:
    """One symbol and how it behaves in the synthetic feed."""

    instrument: Instrument
    character: Character


DEFAULT_LISTINGS = tuple(Listing(each, CHARACTERS[each.symbol]) for each in INSTRUMENTS)


def read_listings(wish: Any) -> tuple[Listing, ...]:
    """Read a list of symbols; raises ConfigurationError with the symbol's place and what to write."""
    if not isinstance(wish, list) or not wish:
        raise ConfigurationError("symbols: write a list of objects, each with " + ", ".join(NEEDED))
    listings = []
    for number, row in enumerate(wish, start=1):
        try:
            listings.append(_read_listing(row))
        except ConfigurationError as error:
            raise ConfigurationError(f"symbols, number {number}: {error}") from error
    names = [listing.instrument.symbol for listing in listings]
    if len(set(names)) < len(names):
        raise ConfigurationError("symbols: write each symbol once")
    return tuple(listings)


def _read_listing(row: Any) -> Listing:
    if not isinstance(row, dict) or not set(NEEDED) <= set(row):
        missing = [name for name in NEEDED if not isinstance(row, dict) or name not in row]
        raise ConfigurationError(f"write {', '.join(missing)} too")
    unknown = [str(name) for name in row if name not in FIELDS]
    if unknown:
        raise ConfigurationError(f"'{unknown[0]}' is unknown; write any of {', '.join(FIELDS)}")
    values = {name: _read_value(name, value) for name, value in row.items()}
    instrument = Instrument(**{name: value for name, value in values.items() if name in INSTRUMENT_FIELDS})
    return Listing(instrument, _read_character(values, instrument))


def _read_character(values: dict[str, Any], instrument: Instrument) -> Character:
    """Take what is said, and for the rest a middling market in proportion to the price."""
    price = values["start_price"]
    usual = {
        "annual_volatility": 0.6,
        "trades_per_second": 2.0,
        "trade_notional": 150.0,
        "level_notional": 10_000.0,
        "spread_ticks": 2,
        "level_ticks": max(int(price / instrument.tick_size / 20_000), 1),
    }
    return Character(price, **{name: values.get(name, value) for name, value in usual.items()})


def _read_value(name: str, value: Any) -> Any:
    if name in TEXT_FIELDS:
        if not isinstance(value, str) or not value.isascii() or not value.isalnum() or value != value.upper():
            raise ConfigurationError(f"{name}: '{value}' is not allowed; write capitals such as BTCUSDT")
        return value
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal(0)
    if isinstance(value, bool) or not number.is_finite() or number <= 0:
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a number above zero")
    if name in FLOAT_FIELDS:
        return float(number)
    if name in WHOLE_FIELDS or isinstance(INSTRUMENT_FIELDS[name].default if name in INSTRUMENT_FIELDS else None, int):
        return int(number)
    return number
