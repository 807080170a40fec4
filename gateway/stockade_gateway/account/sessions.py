"""Whose a session token is: asked of PostgreSQL as the tenant's role, which sees the sessions of its own users only.

Every token takes the same way, also none at all: whoever guesses learns nothing from the answer or from its time.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from stockade_gateway.account.errors import RequestError, UnknownSessionError

KEPT_SECONDS = 2.0
_KEPT_TOKENS = 1024
_LONGEST_TOKEN = 512
_ANSWER_SECONDS = 5.0
_QUERY = "SELECT user_id, email, tenant FROM ledger.session_owner WHERE token_sha256 = %s"


@dataclass(frozen=True, slots=True)
class SessionOwner:
    """The user behind a live session."""

    user_id: int
    email: str
    tenant: str


class Sessions:
    """Looks tokens up and remembers each answer for two seconds, so that a revoked session ends within them."""

    def __init__(self, url_file: Path, tenant: str) -> None:
        self._url_file = url_file
        self._tenant = tenant
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()
        self._kept: OrderedDict[bytes, tuple[float, SessionOwner | None]] = OrderedDict()

    async def find_owner(self, token: str | None) -> SessionOwner:
        """Return the user; raises UnknownSessionError, or RequestError when PostgreSQL can't be asked."""
        digest = hashlib.sha256((token or "")[:_LONGEST_TOKEN].encode()).digest()
        try:
            # The time waiting for others counts too: with PostgreSQL silent nobody waits longer than this.
            async with asyncio.timeout(_ANSWER_SECONDS), self._lock:
                kept = self._kept.get(digest)
                if kept is None or kept[0] < time.monotonic():
                    owner = await self._ask(digest)
                    self._keep(digest, owner)
                else:
                    owner = kept[1]
        except (psycopg.Error, OSError, TimeoutError) as error:
            raise RequestError(
                503, "SESSIONS_UNAVAILABLE", "Sessions can't be checked: the ledger does not answer. Try again."
            ) from error
        if owner is None or owner.tenant != self._tenant or not token or len(token) > _LONGEST_TOKEN:
            raise UnknownSessionError
        return owner

    async def close(self) -> None:
        """Close the connection."""
        async with self._lock:
            await self._disconnect()

    def _keep(self, digest: bytes, owner: SessionOwner | None) -> None:
        self._kept[digest] = (time.monotonic() + KEPT_SECONDS, owner)
        self._kept.move_to_end(digest)
        while len(self._kept) > _KEPT_TOKENS:
            self._kept.popitem(last=False)

    async def _ask(self, digest: bytes) -> SessionOwner | None:
        """Ask PostgreSQL; a connection that was lost in the meantime is opened anew, once."""
        kept = self._connection is not None
        try:
            row = await self._query(digest)
        except psycopg.OperationalError:
            await self._disconnect()
            if not kept:
                raise
            row = await self._query(digest)
        except asyncio.CancelledError:
            # Cut off in the middle: what this connection says next would be the answer to an old question.
            await self._disconnect()
            raise
        return None if row is None else SessionOwner(*row)

    async def _query(self, digest: bytes) -> tuple[int, str, str] | None:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url_file.read_text().strip(), autocommit=True, application_name="stockade-account-gateway"
            )
        cursor = await self._connection.execute(_QUERY, (digest,))
        row: tuple[int, str, str] | None = await cursor.fetchone()
        return row

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
