"""Hands live messages to viewers, each with a bounded queue: who is too slow is let go, and slows nobody else.

Apart from where the messages come from (`market_feed.py`, the user events) and from where they go (`live.py`).
"""

import asyncio

import msgspec

_QUEUE_MESSAGES = 512


class Viewer:
    """One listener's queue; `stalled` once it was full."""

    def __init__(self, streams: frozenset[str] = frozenset()) -> None:
        self.streams = streams
        self.stalled = False
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(_QUEUE_MESSAGES)

    def put(self, message: str) -> None:
        """Queue a message; a full queue ends this viewer's stream instead of losing one in the middle."""
        if self.stalled:
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.stalled = True
            # Wakes the reader at once; what was queued is worth nothing to somebody that far behind.
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(None)

    async def get(self) -> str | None:
        """Return the next message, None when the viewer was let go."""
        return await self._queue.get()


class Hub:
    """All viewers of one source."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()

    def __len__(self) -> int:
        return len(self._viewers)

    def add(self, viewer: Viewer) -> None:
        """Let a viewer have every message from now on."""
        self._viewers.add(viewer)

    def remove(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)

    def publish(self, message: str, stream: str | None = None) -> None:
        """Queue a message for all viewers, or for those of one stream."""
        for viewer in self._viewers:
            if stream is None or stream in viewer.streams:
                viewer.put(message)

    def streams(self) -> frozenset[str]:
        """Return every stream that somebody looks at."""
        return frozenset[str]().union(*(viewer.streams for viewer in self._viewers))

    def publish_connection(self, *, connected: bool) -> None:
        """Tell every viewer that what it sees is live, or is not."""
        self.publish(write_connection(connected=connected))


def write_connection(*, connected: bool) -> str:
    """Return the message that says whether the exchange is connected, shaped like a stream's."""
    return msgspec.json.encode({"stream": "!connection", "data": {"connected": connected}}).decode()
