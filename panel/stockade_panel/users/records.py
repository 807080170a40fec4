"""Users in the ledger, as an administrator lists, adds and locks them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text


@dataclass(frozen=True)
class UserRow:
    """One user. `tenant` is None for an administrator of the platform, and for a user whose tenant was deleted."""

    id: int
    email: str
    tenant: str | None
    is_admin: bool
    active: bool
    last_login: datetime | None
    sessions: int


class UserRecords:
    """The ledger's `user` rows. Adding one hashes a password and is in `security.py`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_users(self) -> Sequence[UserRow]:
        """All users by email."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT u.id, u.email, t.name, u.is_admin, u.active, u.current_login_at,"
                    " (SELECT count(*) FROM ledger.session s WHERE s.user_id = u.id AND s.revoked IS NULL"
                    " AND s.expires > now())"
                    ' FROM ledger."user" u LEFT JOIN ledger.tenant t ON t.uid = u.tenant_uid AND t.deleted IS NULL'
                    " ORDER BY u.email"
                )
            )
            return [UserRow(*row) for row in rows]

    def find_tenant_uid(self, tenant: str) -> str | None:
        """The uid of the tenant that has a name now; None when the operator has not opened it in the ledger."""
        with self._engine.connect() as connection:
            return connection.execute(
                text("SELECT uid FROM ledger.tenant WHERE name = :tenant AND deleted IS NULL"), {"tenant": tenant}
            ).scalar_one_or_none()

    def free_email(self, email: str) -> None:
        """Take the email from a user whose tenant is gone, and who is nobody since, so that another may have it."""
        with self._engine.begin() as connection:
            connection.execute(
                text(
                    """
                    UPDATE ledger."user" AS former
                    SET email = former.email || ' (former ' || former.id || ')', active = false
                    WHERE former.email = :email AND NOT former.is_admin AND NOT EXISTS (
                        SELECT FROM ledger.tenant WHERE uid = former.tenant_uid AND deleted IS NULL
                    )
                    """
                ),
                {"email": email.strip().lower()},
            )

    def set_active(self, user_id: int, *, active: bool) -> bool:
        """Let a user log in, or not. False when there is no such user."""
        with self._engine.begin() as connection:
            result = connection.execute(
                text('UPDATE ledger."user" SET active = :active WHERE id = :user_id'),
                {"active": active, "user_id": user_id},
            )
            return result.rowcount == 1
