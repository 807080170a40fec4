"""How numbers, times and states are written for people: pure, so that every page writes them alike."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"
LATE_SECONDS = 2.0
"""What was heard of later than this after it happened says so. A gateway's clock is set right to within a second."""

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def format_money(value: Decimal | None, places: int = 2) -> str:
    """`1,234.50`; `unknown` for None. An amount that two places would show as nothing keeps its first two digits."""
    if value is None:
        return UNKNOWN
    quantum = Decimal(1).scaleb(-places)
    rounded = value.quantize(quantum)
    if value and not rounded:
        return format_quantity(value.quantize(Decimal(1).scaleb(value.adjusted() - 1)))
    return f"{rounded:,}"


def format_signed_money(value: Decimal | None) -> str:
    """Like format_money with `+` before a gain and a true minus before a loss."""
    if value is None:
        return UNKNOWN
    if value > 0:
        return f"+{format_money(value)}"
    if value < 0:
        return f"{MINUS}{format_money(-value)}"
    return format_money(value)


def format_quantity(value: Decimal | None) -> str:
    """A quantity or price as it is, without trailing zeros or an exponent."""
    if value is None:
        return UNKNOWN
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_average(value: Decimal | None) -> str:
    """An average price, which a division gave more digits than the exchange's eight places."""
    return format_quantity(value if value is None else value.quantize(Decimal("1E-8")))


def format_age(then: datetime | None, now: datetime) -> str:
    """How long ago, in the coarsest unit that still tells something: `3 s ago`, `5 min ago`, `2 d ago`."""
    if then is None:
        return "never"
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def format_lateness(happened: datetime, heard: datetime | None) -> str:
    """How long after it happened a thing was heard of: `12 ms`, `41 s`, `5 min`; `unknown` where nobody noted it.

    Clocks differ by some milliseconds even when one is set by the other: what seems to be heard of before is `0 ms`.
    """
    if heard is None:
        return UNKNOWN
    milliseconds = max(0, round((heard - happened).total_seconds() * 1000))
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds // 1000
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def is_late(happened: datetime, heard: datetime | None) -> bool:
    """Whether a thing was heard of so much later than it happened that a person should know."""
    return heard is not None and (heard - happened).total_seconds() >= LATE_SECONDS


def format_time(then: datetime | None) -> str:
    """UTC to the second, `2026-11-25 22:40:03 UTC`."""
    return f"{then.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if then else "never"


def format_moment(then: datetime | None) -> str:
    """UTC to the millisecond, for what is compared with the exchange's own list: `2026-11-25 22:40:03.123`."""
    return f"{then.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] if then else UNKNOWN


def parse_time(text: str | None) -> datetime | None:
    """A Kubernetes or RFC 3339 time; None when there is none or it can't be read."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def parse_decimal(text: object) -> Decimal | None:
    """A decimal string from a status; None when absent or unreadable, because unknown is not zero."""
    if text is None or text == "":
        return None
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
