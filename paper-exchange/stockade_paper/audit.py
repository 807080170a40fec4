"""The audit log: every request, reply, order, user event and fault that struck, in order; the witness of a whole run.

Secrets, signatures and API keys are not in it: who called is told by the account's number.
"""

import os
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stockade_paper.amounts import format_amount
from stockade_paper.errors import ConfigurationError
from stockade_paper.faults import Fault
from stockade_paper.turn import Turn

KEPT_ENTRIES = 10_000
FILE_BYTES = 64 * 2**20
_ENCODER = msgspec.json.Encoder()
UNTOLD = frozenset({"signature", "apiKey", "listenKey"})


class AuditFile:
    """JSON lines on disk; a full file becomes `<path>.1` and a new one begins, so there are never more than two.

    Raises ConfigurationError when it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()
        self._size = os.fstat(self._file).st_size

    def write(self, line: bytes) -> None:
        """Append one line at once, so that it survives a kill."""
        if self._size + len(line) > FILE_BYTES:
            self.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file, self._size = self._open(), 0
        os.write(self._file, line)
        self._size += len(line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            message = f"audit: {self._path} can't be written ({error.strerror}); name a file in an existing folder"
            raise ConfigurationError(message) from error


class AuditLog:
    """The newest entries in memory and, with `file`, all of them on disk; it is one of the exchange's sinks."""

    def __init__(self, clock: Callable[[], int], file: AuditFile | None = None) -> None:
        self._clock = clock
        self._file = file
        self._entries: deque[bytes] = deque(maxlen=KEPT_ENTRIES)
        self._last = 0

    def record(self, kind: str, **details: Any) -> int:
        """Write one entry and return its number; numbers begin at 1 and have no gap."""
        self._last += 1
        line = _ENCODER.encode({"number": self._last, "timeMs": self._clock(), "kind": kind, **details})
        self._entries.append(line)
        if self._file is not None:
            self._file.write(line + b"\n")
        return self._last

    def record_request(self, door: str, address: str, name: str, values: Mapping[str, str], account: int | None) -> int:
        """Write a request as it arrived and return its number, which its reply refers to."""
        told = {key: value for key, value in values.items() if key not in UNTOLD}
        return self.record("request", door=door, address=address, name=name, account=account, parameters=told)

    def record_fault(self, fault: Fault) -> None:
        """Write that an armed fault struck."""
        self.record("fault", fault=fault.describe())

    def __call__(self, turn: Turn) -> None:
        """Write one committed step: what became of each order, and each user event."""
        for order in turn.orders.values():
            self.record(
                "order",
                account=order.account_id,
                symbol=order.symbol,
                orderId=order.order_id,
                clientOrderId=order.client_order_id,
                status=order.status,
                executedQty=format_amount(order.executed),
            )
        for account, event in turn.events:
            self.record("event", account=account, event=event)

    def write_after(self, number: int, limit: int) -> bytes:
        """Write the oldest `limit` kept entries after `number` as JSON, and the number of the newest there is."""
        first = self._last - len(self._entries) + 1
        begin = max(number + 1 - first, 0)
        chosen = [self._entries[index] for index in range(begin, min(begin + limit, len(self._entries)))]
        return b'{"last":%d,"entries":[%s]}' % (self._last, b",".join(chosen))

    def close(self) -> None:
        """Close the file, when there is one."""
        if self._file is not None:
            self._file.close()
