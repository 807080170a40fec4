"""Sessions of the panel's users in the ledger: who holds a token, and its end. Only a token's SHA-256 is stored.

Apart from the web frameworks, because Flask pages, FastAPI routes, streams and the account gateways all believe the
same rows: revoking one ends all of them.
"""

import hashlib
import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

TOKEN_BYTES = 32
# How long the row of an ended session stays, so that who was logged in when can still be found out.
ENDED_KEPT = timedelta(days=30)
# The view `session_owner` is for gateways and knows tenants' users only; an administrator has no tenant.
# A user whose tenant was deleted is nobody's and may not come in.
LIVE_SESSIONS = (
    'FROM ledger.session s JOIN ledger."user" u ON u.id = s.user_id AND u.active'
    " LEFT JOIN ledger.tenant t ON t.uid = u.tenant_uid AND t.deleted IS NULL"
    " WHERE s.revoked IS NULL AND s.expires > now() AND (t.uid IS NOT NULL OR (u.is_admin AND u.tenant_uid IS NULL))"
)


@dataclass(frozen=True)
class Viewer:
    """Whoever looks at a page."""

    user_id: int
    email: str
    tenant: str | None
    tenant_uid: str | None
    is_admin: bool

    def may_see(self, namespace: str) -> bool:
        """Whether objects of a namespace exist for this viewer at all."""
        return self.is_admin or (self.tenant is not None and namespace == tenant_namespace(self.tenant))


@dataclass(frozen=True)
class OpenSession:
    """One log-in of a user that has not ended."""

    token_sha256: bytes
    created: datetime
    expires: datetime


def tenant_namespace(tenant: str) -> str:
    """The namespace of a tenant."""
    return f"tenant-{tenant}"


def namespace_tenant(namespace: str) -> str:
    """The tenant of a namespace; empty when it is no tenant's."""
    return namespace.removeprefix("tenant-") if namespace.startswith("tenant-") else ""


def hash_token(token: str) -> bytes:
    """What the ledger knows a token by."""
    return hashlib.sha256(token.encode()).digest()


class SessionStore:
    """The ledger's `session` rows, as the panel's role writes and reads them."""

    def __init__(self, engine: Engine, hours: int) -> None:
        self._engine = engine
        self._lifetime = timedelta(hours=hours)

    def open(self, user_id: int) -> str:
        """Start a session and return its token, which exists nowhere else. Removes the user's that ended long ago."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._engine.begin() as connection:
            connection.execute(
                text("DELETE FROM ledger.session WHERE user_id = :user_id AND expires < now() - :kept"),
                {"user_id": user_id, "kept": ENDED_KEPT},
            )
            connection.execute(
                text(
                    "INSERT INTO ledger.session (token_sha256, user_id, expires)"
                    " VALUES (:token_sha256, :user_id, now() + :lifetime)"
                ),
                {"token_sha256": hash_token(token), "user_id": user_id, "lifetime": self._lifetime},
            )
        return token

    def resolve(self, token: str) -> Viewer | None:
        """Who holds a token; None when it is unknown, expired or revoked, or its user may no longer log in."""
        with self._engine.connect() as connection:
            row = connection.execute(
                text(
                    "SELECT u.id, u.email, t.name AS tenant, t.uid AS tenant_uid, u.is_admin"
                    f" {LIVE_SESSIONS} AND s.token_sha256 = :token_sha256"
                ),
                {"token_sha256": hash_token(token)},
            ).one_or_none()
        return Viewer(row.id, row.email, row.tenant, row.tenant_uid, row.is_admin) if row else None

    def find_live(self, tokens: Collection[bytes]) -> set[bytes]:
        """Which of these tokens' hashes still belong to a live session."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                text(f"SELECT s.token_sha256 {LIVE_SESSIONS} AND s.token_sha256 = ANY(:tokens)"),
                {"tokens": list(tokens)},
            )
            return {bytes(row.token_sha256) for row in rows}

    def find_live_or_none(self, tokens: Collection[bytes]) -> set[bytes]:
        """Like find_live, but with the ledger away no session counts as live: nobody can vouch for it."""
        try:
            return self.find_live(tokens)
        except SQLAlchemyError as error:
            log.warning("sessions can't be checked, so all streams end: %s", type(error).__name__)
            return set()

    def list_open(self, user_id: int) -> list[OpenSession]:
        """A user's sessions that have not ended, newest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT token_sha256, created, expires FROM ledger.session"
                    " WHERE user_id = :user_id AND revoked IS NULL AND expires > now() ORDER BY created DESC"
                ),
                {"user_id": user_id},
            )
            return [OpenSession(bytes(row.token_sha256), row.created, row.expires) for row in rows]

    def revoke(self, token: str) -> None:
        """End one session everywhere."""
        with self._engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE ledger.session SET revoked = now() WHERE token_sha256 = :token_sha256 AND revoked IS NULL"
                ),
                {"token_sha256": hash_token(token)},
            )

    def revoke_all(self, user_id: int, *, but: str | None = None) -> int:
        """End all sessions of a user everywhere, except that of the token `but`; return how many ended."""
        with self._engine.begin() as connection:
            result = connection.execute(
                text(
                    "UPDATE ledger.session SET revoked = now()"
                    " WHERE user_id = :user_id AND revoked IS NULL AND expires > now() AND token_sha256 <> :kept"
                ),
                {"user_id": user_id, "kept": hash_token(but) if but else b""},
            )
            return result.rowcount
