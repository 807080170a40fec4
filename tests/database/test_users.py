"""A user's tenant is a living one, by uid."""

from sqlalchemy import NullPool, create_engine
from sqlmodel import Session, col, select

from stockade_db.tables import User
from tests.support.postgresql import Ledger


def _tenant_of(ledger: Ledger, email: str) -> str | None:
    engine = create_engine(
        ledger.url("stockade_panel").replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool
    )
    with Session(engine) as session:
        user = session.exec(select(User).where(col(User.email) == email)).one()
        tenant: str | None = user.tenant  # type: ignore[attr-defined] # a computed column
        return tenant


def _add_user(ledger: Ledger, email: str, tenant_uid: str) -> None:
    with ledger.connect("stockade_panel") as connection:
        connection.execute(
            'INSERT INTO ledger."user" (email, fs_uniquifier, tenant_uid) VALUES (%s, %s, %s)',
            (email, email, tenant_uid),
        )


def test_a_new_tenant_of_an_old_name_has_none_of_the_old_users(ledger: Ledger) -> None:
    _add_user(ledger, "old@example.com", ledger.add_tenant("reused", "first-uid"))
    assert _tenant_of(ledger, "old@example.com") == "reused"
    _add_user(ledger, "new@example.com", ledger.add_tenant("reused", "second-uid"))
    assert _tenant_of(ledger, "old@example.com") is None
    assert _tenant_of(ledger, "new@example.com") == "reused"


def test_a_closed_tenant_has_no_users(ledger: Ledger) -> None:
    uid = ledger.add_tenant("closing")
    _add_user(ledger, "closing@example.com", uid)
    with ledger.connect("stockade_operator") as connection:
        connection.execute("SELECT ledger.close_tenant(%s)", (uid,))
    assert _tenant_of(ledger, "closing@example.com") is None
