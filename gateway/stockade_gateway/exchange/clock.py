"""The exchange's time, as far as it differs from this machine's: a signed request with a wrong one is refused."""

import time


class ExchangeClock:
    """The offset last measured; the exchange accepts 1 s ahead and `recvWindow` behind (Binance, "Timing security")."""

    def __init__(self) -> None:
        self.offset_ms = 0

    def now_ms(self) -> int:
        """Return the exchange's time in milliseconds."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def correct_ns(self, time_ns: int) -> int:
        """Return what the exchange's clock showed when this machine's showed that time."""
        return time_ns + self.offset_ms * 1_000_000

    def set_offset(self, server_time_ms: int, sent_ns: int, received_ns: int) -> None:
        """Take in the exchange's answer to a question for the time, asked and answered at these local times."""
        self.offset_ms = server_time_ms - (sent_ns + received_ns) // 2 // 1_000_000
