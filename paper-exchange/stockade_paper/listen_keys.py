"""The retired listenKey form of the user stream, for clients that are older than 2026-02-20; off unless asked for."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from stockade_paper.errors import BinanceError
from stockade_paper.streams import StreamClient
from stockade_paper.user_streams import UserStreams

LIFETIME_MS = 3_600_000


@dataclass
class ListenKey:
    """One key and the account whose events it opens."""

    name: str
    account_id: int
    expires_ms: int


class ListenKeys:
    """All living listen keys."""

    def __init__(self, user_streams: UserStreams, clock: Callable[[], int], *, enabled: bool) -> None:
        self.enabled = enabled
        self._user_streams = user_streams
        self._clock = clock
        self._keys: dict[str, ListenKey] = {}

    def create(self, account_id: int) -> dict[str, str]:
        """Return the account's key, valid for an hour from now; the living one is prolonged."""
        self._keys = {name: key for name, key in self._keys.items() if key.expires_ms > self._clock()}
        for key in self._keys.values():
            if key.account_id == account_id:
                key.expires_ms = self._clock() + LIFETIME_MS
                return {"listenKey": key.name}
        name = secrets.token_hex(32)
        self._keys[name] = ListenKey(name, account_id, self._clock() + LIFETIME_MS)
        return {"listenKey": name}

    def prolong(self, name: str) -> dict[str, str]:
        """Let a key live another hour; raises BinanceError -1125 when it does not exist."""
        self._find(name).expires_ms = self._clock() + LIFETIME_MS
        return {}

    def close(self, name: str) -> dict[str, str]:
        """End a key; raises BinanceError -1125 when it does not exist."""
        del self._keys[self._find(name).name]
        return {}

    def attach(self, client: StreamClient, names: str) -> Callable[[], None]:
        """Send the events of every listen key among a connection's stream names; returns what undoes it."""
        undo: list[Callable[[], None]] = []
        for name in names.split("/"):
            key = self._keys.get(name)
            if key is not None and key.expires_ms > self._clock():
                undo.append(self._deliver(client, key))

        def detach() -> None:
            for each in undo:
                each()

        return detach

    def _deliver(self, client: StreamClient, key: ListenKey) -> Callable[[], None]:
        def deliver(event: dict[str, Any]) -> None:
            wrapped = {"stream": key.name, "data": event} if client.is_combined else event
            client.connection.send(msgspec.json.encode(wrapped).decode())

        self._user_streams.subscribe(key.account_id, deliver)
        return lambda: self._user_streams.unsubscribe(key.account_id, deliver)

    def _find(self, name: str) -> ListenKey:
        key = self._keys.get(name)
        if key is None or key.expires_ms <= self._clock():
            raise BinanceError(-1125, "This listenKey does not exist.")
        return key
