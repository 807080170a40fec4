"""Request weights per address and order counts per account, in calendar-aligned windows ("LIMITS")."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stockade_paper.errors import BinanceError

TEN_SECONDS_MS = 10_000
DAY_MS = 86_400_000
WARNINGS_BEFORE_BAN = 20
BAN_MS = 120_000


@dataclass(frozen=True)
class LimitSettings:
    """The ceilings; Binance's own by default."""

    weight_per_minute: int = 6000
    weight_window_seconds: int = 60
    orders_per_ten_seconds: int = 100
    orders_per_day: int = 200_000
    raw_requests_per_five_minutes: int = 300_000

    @property
    def weight_interval(self) -> tuple[str, int]:
        """The unit of the weight's window and how many of it."""
        seconds = self.weight_window_seconds
        return ("SECOND", seconds) if seconds % 60 else ("MINUTE", seconds // 60)


class Window:
    """A counter that starts anew at each multiple of its length."""

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self._opened = 0
        self._count = 0

    def count(self, now_ms: int) -> int:
        """Return what was counted in the current window."""
        opened = now_ms // self.length_ms * self.length_ms
        if opened != self._opened:
            self._opened, self._count = opened, 0
        return self._count

    def add(self, now_ms: int, amount: int) -> int:
        """Count `amount` (never below zero) and return the new count."""
        self._count = max(self.count(now_ms) + amount, 0)
        return self._count

    def seconds_left(self, now_ms: int) -> int:
        """Return the seconds until the window starts anew, at least one."""
        return max(-(-(self.length_ms - now_ms % self.length_ms) // 1000), 1)


class Limits:
    """All counters of this exchange."""

    def __init__(self, settings: LimitSettings, clock: Callable[[], int]) -> None:
        self.settings = settings
        self._clock = clock
        self._weights: dict[str, Window] = {}
        self._warnings: dict[str, int] = {}
        self._banned_until: dict[str, int] = {}
        self._orders: dict[int, tuple[Window, Window]] = {}

    def weight(self, address: str) -> int:
        """Return the weight an address has used in this minute."""
        return self._window(address).count(self._clock())

    def charge(self, address: str, weight: int) -> None:
        """Count a request's weight.

        Raises BinanceError 429 over the limit, and 418 when the address goes on all the same.
        """
        now = self._clock()
        until = self._banned_until.get(address, 0)
        if until > now:
            raise banned(until, now)
        window = self._window(address)
        if window.add(now, weight) <= self.settings.weight_per_minute:
            self._warnings.pop(address, None)
            return
        self._warnings[address] = self._warnings.get(address, 0) + 1
        if self._warnings[address] > WARNINGS_BEFORE_BAN:
            self._banned_until[address] = now + BAN_MS
            raise banned(now + BAN_MS, now)
        raise too_much_weight(self.settings, window.seconds_left(now))

    def refund(self, address: str, weight: int) -> None:
        """Give the weight of a successful order back: since 2026-04-02 it weighs nothing."""
        self._window(address).add(self._clock(), -weight)

    def check_orders(self, account_id: int, orders: int) -> None:
        """Refuse orders over a limit; raises BinanceError 429 -1015."""
        now = self._clock()
        ceilings = (
            (self.settings.orders_per_ten_seconds, "10 SECOND"),
            (self.settings.orders_per_day, "DAY"),
        )
        windows = self.order_windows(account_id)
        for window, (ceiling, name) in zip(windows, ceilings, strict=True):
            if window.count(now) + orders > ceiling:
                message = f"Too many new orders; current limit is {ceiling} orders per {name}."
                raise BinanceError(-1015, message, status=429, retry_after_seconds=window.seconds_left(now))

    def count_orders(self, account_id: int, orders: int) -> None:
        """Count accepted orders as unfilled."""
        for window in self.order_windows(account_id):
            window.add(self._clock(), orders)

    def credit_fill(self, account_id: int, *, is_maker: bool) -> None:
        """Lower the unfilled count for an order's first fill: by one as taker, by five as maker."""
        for window in self.order_windows(account_id):
            window.add(self._clock(), -5 if is_maker else -1)

    def order_counts(self, account_id: int) -> tuple[int, int]:
        """Return the counts of the current ten seconds and day."""
        ten_seconds, day = self.order_windows(account_id)
        return ten_seconds.count(self._clock()), day.count(self._clock())

    def order_windows(self, account_id: int) -> tuple[Window, Window]:
        """Return an account's two windows."""
        windows = self._orders.get(account_id)
        if windows is None:
            windows = self._orders[account_id] = (Window(TEN_SECONDS_MS), Window(DAY_MS))
        return windows

    def describe(self) -> list[dict[str, Any]]:
        """List the limits as exchangeInfo does."""
        return [
            _row("REQUEST_WEIGHT", *self.settings.weight_interval, self.settings.weight_per_minute),
            _row("ORDERS", "SECOND", 10, self.settings.orders_per_ten_seconds),
            _row("ORDERS", "DAY", 1, self.settings.orders_per_day),
            _row("RAW_REQUESTS", "MINUTE", 5, self.settings.raw_requests_per_five_minutes),
        ]

    def describe_orders(self, account_id: int) -> list[dict[str, Any]]:
        """List the order limits with an account's counts."""
        ten_seconds, day = self.order_counts(account_id)
        return [
            _row("ORDERS", "SECOND", 10, self.settings.orders_per_ten_seconds) | {"count": ten_seconds},
            _row("ORDERS", "DAY", 1, self.settings.orders_per_day) | {"count": day},
        ]

    def describe_weight(self, address: str) -> dict[str, Any]:
        """Write the weight limit with what an address has used."""
        row = _row("REQUEST_WEIGHT", *self.settings.weight_interval, self.settings.weight_per_minute)
        return row | {"count": self.weight(address)}

    def _window(self, address: str) -> Window:
        window = self._weights.get(address)
        if window is None:
            window = self._weights[address] = Window(self.settings.weight_window_seconds * 1000)
        return window


def too_much_weight(settings: LimitSettings, retry_after_seconds: int) -> BinanceError:
    """429 of an address over its weight."""
    unit, number = settings.weight_interval
    limit = f"{settings.weight_per_minute} request weight per {number} {unit}"
    message = (
        f"Too much request weight used; current limit is {limit}. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return BinanceError(-1003, message, status=429, retry_after_seconds=retry_after_seconds)


def banned(until_ms: int, now_ms: int) -> BinanceError:
    """418 of a banned address."""
    message = (
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return BinanceError(-1003, message, status=418, retry_after_seconds=max((until_ms - now_ms) // 1000, 1))


def _row(kind: str, interval: str, number: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
