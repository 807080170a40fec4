"""The ledger's tables as SQLModel classes; the migrations say the same in SQL and a test compares the two.

Every row of a tenant carries the tenant's uid, not its name: a name may be used again, and whoever has it then must not
find the rows or the users of whoever had it before. The views give the name.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import column_property
from sqlmodel import Field, SQLModel, col, select

SCHEMA = "ledger"

SIDES = ("BUY", "SELL")
OPEN_ORDER_STATES = ("INITIALIZED", "SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL")
FINAL_ORDER_STATES = ("DENIED", "FILLED", "CANCELED", "REJECTED", "EXPIRED")
ORDER_STATES = OPEN_ORDER_STATES + FINAL_ORDER_STATES
ALERT_SEVERITIES = ("INFO", "WARNING", "CRITICAL")


def _now() -> datetime:
    return datetime.now(UTC)


def _money(*, nullable: bool = False, zero: bool = False, primary_key: bool = False) -> Any:
    default = text("0") if zero else None
    return Column(Numeric(38, 18), nullable=nullable, server_default=default, primary_key=primary_key)


def _time(*, nullable: bool = False, now: bool = False, primary_key: bool = False) -> Any:
    default = text("now()") if now else None
    return Column(DateTime(timezone=True), nullable=nullable, server_default=default, primary_key=primary_key)


def _owner(*, primary_key: bool = False) -> Any:
    """Return the column that says whose a row is; a gateway leaves it out and its role fills it in."""
    return Column(
        Text,
        ForeignKey(f"{SCHEMA}.tenant.uid"),
        primary_key=primary_key,
        nullable=False,
        server_default=text("ledger.current_tenant_uid()"),
    )


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Tenant(SQLModel, table=True):
    """A user or team. Written by the operator through `ledger.open_tenant` and `ledger.close_tenant`."""

    __tablename__ = "tenant"
    __table_args__ = (
        Index("tenant_live_name", "name", unique=True, postgresql_where=text("deleted IS NULL")),
        {"schema": SCHEMA},
    )

    uid: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    display_name: str = Field(sa_column=Column(Text, nullable=False))
    created: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    deleted: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class User(SQLModel, table=True):
    """Somebody who may log in; the columns are those that Flask-Security-Too asks for. Written by the panel.

    `tenant_uid` is None for an administrator of the platform. A user belongs to a tenant by uid, so that a new tenant
    of an old name does not let the former users in.
    """

    __tablename__ = "user"
    __table_args__ = ({"schema": SCHEMA},)

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    email: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    username: str | None = Field(default=None, sa_column=Column(Text, nullable=True, unique=True))
    password: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    active: bool = Field(default=True)
    fs_uniquifier: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    tenant_uid: str | None = Field(default=None, foreign_key=f"{SCHEMA}.tenant.uid", sa_type=Text)
    is_admin: bool = Field(default=False)
    confirmed_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    last_login_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    current_login_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    last_login_ip: str | None = Field(default=None, sa_type=Text)
    current_login_ip: str | None = Field(default=None, sa_type=Text)
    login_count: int | None = Field(default=None)
    tf_primary_method: str | None = Field(default=None, sa_type=Text)
    tf_totp_secret: str | None = Field(default=None, sa_type=Text)
    create_datetime: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    update_datetime: datetime = Field(default_factory=_now, sa_column=_time(now=True))


# Read-only: the tenant's name while the tenant lives, None afterwards.
User.tenant = column_property(
    select(Tenant.name)
    .where(col(Tenant.uid) == col(User.tenant_uid), col(Tenant.deleted).is_(None))
    .correlate_except(Tenant)
    .scalar_subquery()
)


class UserSession(SQLModel, table=True):
    """A log-in's session token, of which only the SHA-256 is kept. Written by the panel."""

    __tablename__ = "session"
    __table_args__ = (
        CheckConstraint("octet_length(token_sha256) = 32", name="token_is_sha256"),
        {"schema": SCHEMA},
    )

    token_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    user_id: int = Field(
        sa_column=Column(Integer, ForeignKey(f"{SCHEMA}.user.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    created: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    expires: datetime = Field(sa_column=_time())
    revoked: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class Algorithm(SQLModel, table=True):
    """An Algorithm resource that the operator has seen. Written by the operator."""

    __tablename__ = "algorithm"
    __table_args__ = (
        Index("algorithm_live_name", "tenant_uid", "name", unique=True, postgresql_where=text("deleted IS NULL")),
        {"schema": SCHEMA},
    )

    uid: str = Field(sa_column=Column(Text, primary_key=True))
    tenant_uid: str = Field(foreign_key=f"{SCHEMA}.tenant.uid", sa_type=Text)
    name: str = Field(sa_column=Column(Text, nullable=False))
    account: str = Field(sa_column=Column(Text, nullable=False))
    mode: str = Field(sa_column=Column(Text, nullable=False))
    created: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    deleted: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class AlgorithmVersion(SQLModel, table=True):
    """One frozen source and its parameters, by hash. Written by the operator, never changed."""

    __tablename__ = "algorithm_version"
    __table_args__ = ({"schema": SCHEMA},)

    algorithm_uid: str = Field(foreign_key=f"{SCHEMA}.algorithm.uid", primary_key=True, sa_type=Text)
    version: int = Field(primary_key=True)
    tenant_uid: str = Field(foreign_key=f"{SCHEMA}.tenant.uid", sa_type=Text)
    source_sha256: str = Field(sa_column=Column(Text, nullable=False))
    created: datetime = Field(default_factory=_now, sa_column=_time(now=True))


class OrderEvent(SQLModel, table=True):
    """One step in an order's life; append-only. Written by gateways.

    `sequence` counts an order's steps from 0; `filled_quantity` and `filled_quote` are cumulative. `algorithm` is
    empty and `version` 0 for an order placed by hand. `trailing_delta` is in basis points; `list_id` is the list's
    client order id when the order is one of two. `received_time` is when the gateway heard of the step or made it, None
    where that was not noted.
    """

    __tablename__ = "order_event"
    __table_args__ = (
        _one_of("state", ORDER_STATES),
        _one_of("side", SIDES),
        Index("order_event_by_algorithm", "tenant_uid", "algorithm", "event_time"),
        {"schema": SCHEMA},
    )

    tenant_uid: str | None = Field(default=None, sa_column=_owner(primary_key=True))
    account: str = Field(sa_column=Column(Text, primary_key=True))
    client_order_id: str = Field(sa_column=Column(Text, primary_key=True))
    sequence: int = Field(sa_column=Column(Integer, primary_key=True))
    algorithm: str = Field(sa_column=Column(Text, nullable=False))
    version: int
    event_time: datetime = Field(sa_column=_time())
    state: str = Field(sa_column=Column(Text, nullable=False))
    symbol: str = Field(sa_column=Column(Text, nullable=False))
    side: str = Field(sa_column=Column(Text, nullable=False))
    type: str = Field(sa_column=Column(Text, nullable=False))
    time_in_force: str | None = Field(default=None, sa_type=Text)
    quantity: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    price: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    stop_price: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    filled_quantity: Decimal = Field(default=Decimal(0), sa_column=_money(zero=True))
    filled_quote: Decimal = Field(default=Decimal(0), sa_column=_money(zero=True))
    exchange_order_id: int | None = Field(default=None, sa_type=BigInteger)
    reason: str | None = Field(default=None, sa_type=Text)
    recorded_time: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    trailing_delta: int | None = Field(default=None)
    list_id: str | None = Field(default=None, sa_type=Text)
    received_time: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class OrderState(SQLModel, table=True):
    """Each order's newest step. Kept by a trigger on `order_event`; nobody else writes it."""

    __tablename__ = "order_state"
    __table_args__ = (
        Index("order_state_by_algorithm", "tenant_uid", "algorithm", "updated_time"),
        Index("order_state_open", "tenant_uid", "algorithm", postgresql_where=text("is_open")),
        {"schema": SCHEMA},
    )

    tenant_uid: str = Field(
        sa_column=Column(Text, ForeignKey(f"{SCHEMA}.tenant.uid"), primary_key=True, nullable=False)
    )
    account: str = Field(sa_column=Column(Text, primary_key=True))
    client_order_id: str = Field(sa_column=Column(Text, primary_key=True))
    sequence: int
    algorithm: str = Field(sa_column=Column(Text, nullable=False))
    version: int
    created_time: datetime = Field(sa_column=_time())
    updated_time: datetime = Field(sa_column=_time())
    state: str = Field(sa_column=Column(Text, nullable=False))
    is_open: bool
    symbol: str = Field(sa_column=Column(Text, nullable=False))
    side: str = Field(sa_column=Column(Text, nullable=False))
    type: str = Field(sa_column=Column(Text, nullable=False))
    time_in_force: str | None = Field(default=None, sa_type=Text)
    quantity: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    price: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    stop_price: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    filled_quantity: Decimal = Field(sa_column=_money())
    filled_quote: Decimal = Field(sa_column=_money())
    exchange_order_id: int | None = Field(default=None, sa_type=BigInteger)
    reason: str | None = Field(default=None, sa_type=Text)
    trailing_delta: int | None = Field(default=None)
    list_id: str | None = Field(default=None, sa_type=Text)
    received_time: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class Fill(SQLModel, table=True):
    """One trade of one of our orders. Written by gateways, never changed.

    The order's client id is part of the key: an account that trades with itself has two fills of one trade id, and a
    test exchange that starts anew counts its trades from one again. `received_time` is when the gateway heard of it,
    None where that was not noted.
    """

    __tablename__ = "fill"
    __table_args__ = (
        _one_of("side", SIDES),
        Index("fill_by_algorithm", "tenant_uid", "algorithm", "trade_time"),
        {"schema": SCHEMA},
    )

    tenant_uid: str | None = Field(default=None, sa_column=_owner(primary_key=True))
    account: str = Field(sa_column=Column(Text, primary_key=True))
    symbol: str = Field(sa_column=Column(Text, primary_key=True))
    trade_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    client_order_id: str = Field(sa_column=Column(Text, primary_key=True))
    algorithm: str = Field(sa_column=Column(Text, nullable=False))
    exchange_order_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    side: str = Field(sa_column=Column(Text, nullable=False))
    price: Decimal = Field(sa_column=_money())
    quantity: Decimal = Field(sa_column=_money())
    quote_quantity: Decimal = Field(sa_column=_money())
    commission: Decimal = Field(sa_column=_money())
    commission_asset: str | None = Field(default=None, sa_type=Text)
    is_maker: bool
    trade_time: datetime = Field(sa_column=_time())
    recorded_time: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    received_time: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class EquityPoint(SQLModel, table=True):
    """An algorithm's result at a moment, counted from its first fill. Written by gateways, never changed."""

    __tablename__ = "equity_point"
    __table_args__ = ({"schema": SCHEMA},)

    tenant_uid: str | None = Field(default=None, sa_column=_owner(primary_key=True))
    account: str = Field(sa_column=Column(Text, primary_key=True))
    algorithm: str = Field(sa_column=Column(Text, primary_key=True))
    quote_asset: str = Field(sa_column=Column(Text, primary_key=True))
    time: datetime = Field(sa_column=_time(primary_key=True))
    realized_pnl: Decimal = Field(sa_column=_money())
    unrealized_pnl: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    fees: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    position_notional: Decimal | None = Field(default=None, sa_column=_money(nullable=True))


class Position(SQLModel, table=True):
    """What an algorithm holds of a symbol now. Written by gateways; the newest `updated` wins."""

    __tablename__ = "position"
    __table_args__ = ({"schema": SCHEMA},)

    tenant_uid: str | None = Field(default=None, sa_column=_owner(primary_key=True))
    account: str = Field(sa_column=Column(Text, primary_key=True))
    algorithm: str = Field(sa_column=Column(Text, primary_key=True))
    symbol: str = Field(sa_column=Column(Text, primary_key=True))
    quantity: Decimal = Field(sa_column=_money())
    average_price: Decimal | None = Field(default=None, sa_column=_money(nullable=True))
    realized_pnl: Decimal = Field(sa_column=_money())
    quote_asset: str = Field(sa_column=Column(Text, nullable=False))
    updated: datetime = Field(sa_column=_time())


class SavedState(SQLModel, table=True):
    """What a strategy keeps for its next start, the newest only. Written and read by its gateway.

    By the Algorithm's uid, not its name: one that is made anew begins anew.
    """

    __tablename__ = "saved_state"
    __table_args__ = (
        CheckConstraint("octet_length(content) <= 65536", name="content_is_bounded"),
        {"schema": SCHEMA},
    )

    tenant_uid: str | None = Field(default=None, sa_column=_owner(primary_key=True))
    algorithm_uid: str = Field(sa_column=Column(Text, primary_key=True))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    saved_time: datetime = Field(sa_column=_time())


class Audit(SQLModel, table=True):
    """Who did what. Written by panel and operator, never changed."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by_tenant", "tenant_uid", "time"), {"schema": SCHEMA})

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    time: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    tenant_uid: str | None = Field(default=None, foreign_key=f"{SCHEMA}.tenant.uid", sa_type=Text)
    actor: str = Field(sa_column=Column(Text, nullable=False))
    action: str = Field(sa_column=Column(Text, nullable=False))
    object_kind: str = Field(sa_column=Column(Text, nullable=False))
    object_name: str = Field(sa_column=Column(Text, nullable=False))
    detail: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))
    )


class Alert(SQLModel, table=True):
    """Something a person should see. Raised and resolved by the operator, acknowledged in the panel."""

    __tablename__ = "alert"
    __table_args__ = (
        _one_of("severity", ALERT_SEVERITIES),
        Index("alert_by_tenant", "tenant_uid", "raised"),
        {"schema": SCHEMA},
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    tenant_uid: str = Field(foreign_key=f"{SCHEMA}.tenant.uid", sa_type=Text)
    object_kind: str = Field(sa_column=Column(Text, nullable=False))
    object_name: str = Field(sa_column=Column(Text, nullable=False))
    severity: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    message: str = Field(sa_column=Column(Text, nullable=False))
    raised: datetime = Field(default_factory=_now, sa_column=_time(now=True))
    resolved: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    acknowledged: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    acknowledged_by: str | None = Field(default=None, sa_type=Text)
