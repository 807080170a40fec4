"""The ledger's views as read-only SQLModel classes; apart from the tables because nothing here is created or written.

Read them with `select(OpenOrder).where(OpenOrder.tenant == name)`. A test compares every class with its view.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlmodel import Field, SQLModel

from stockade_db.tables import SCHEMA

_OF_LEDGER = {"schema": SCHEMA, "info": {"view": True}}


class OrderHistory(SQLModel, table=True):
    """Each order with its newest state; `average_price` is None until something was filled."""

    __tablename__ = "order_history"
    __table_args__ = _OF_LEDGER

    tenant: str
    tenant_uid: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    client_order_id: str = Field(primary_key=True)
    algorithm: str
    version: int
    exchange_order_id: int | None
    symbol: str
    side: str
    type: str
    time_in_force: str | None
    quantity: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    state: str
    is_open: bool
    filled_quantity: Decimal
    filled_quote: Decimal
    average_price: Decimal | None
    reason: str | None
    trailing_delta: int | None
    list_id: str | None
    sequence: int
    created_time: datetime
    updated_time: datetime
    received_time: datetime | None


class OpenOrder(SQLModel, table=True):
    """The orders whose newest state is an open one."""

    __tablename__ = "open_orders"
    __table_args__ = _OF_LEDGER

    tenant: str
    tenant_uid: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    client_order_id: str = Field(primary_key=True)
    algorithm: str
    version: int
    exchange_order_id: int | None
    symbol: str
    side: str
    type: str
    time_in_force: str | None
    quantity: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    state: str
    filled_quantity: Decimal
    filled_quote: Decimal
    average_price: Decimal | None
    reason: str | None
    trailing_delta: int | None
    list_id: str | None
    sequence: int
    created_time: datetime
    updated_time: datetime


class FillWithFees(SQLModel, table=True):
    """Each fill with its commission, in the asset it was taken in, and the type of its order."""

    __tablename__ = "fills_with_fees"
    __table_args__ = _OF_LEDGER

    tenant: str
    tenant_uid: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    trade_id: int = Field(primary_key=True)
    client_order_id: str = Field(primary_key=True)
    algorithm: str
    exchange_order_id: int
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str | None
    is_maker: bool
    order_type: str | None
    trade_time: datetime
    received_time: datetime | None


class CurrentPosition(SQLModel, table=True):
    """What each algorithm holds of each symbol."""

    __tablename__ = "positions"
    __table_args__ = _OF_LEDGER

    tenant: str
    tenant_uid: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    algorithm: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    quantity: Decimal
    average_price: Decimal | None
    realized_pnl: Decimal
    quote_asset: str
    updated: datetime


class PnlDaily(SQLModel, table=True):
    """Each algorithm's result by UTC day: realised and fees of that day, unrealised as the day ended."""

    __tablename__ = "pnl_daily"
    __table_args__ = _OF_LEDGER

    tenant: str
    tenant_uid: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    algorithm: str = Field(primary_key=True)
    quote_asset: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    fees: Decimal | None
    position_notional: Decimal | None


class AlgorithmOverview(SQLModel, table=True):
    """One row per algorithm; `realized_pnl` is None when its symbols have different quote assets."""

    __tablename__ = "algorithm_overview"
    __table_args__ = _OF_LEDGER

    tenant: str
    tenant_uid: str
    algorithm_uid: str = Field(primary_key=True)
    algorithm: str
    account: str
    mode: str
    version: int | None
    open_orders: int
    orders_today: int
    denied_today: int
    rejected_today: int
    last_order_time: datetime | None
    open_positions: int
    realized_pnl: Decimal | None
    quote_asset: str | None
    last_fill_time: datetime | None
    created: datetime


class SessionOwner(SQLModel, table=True):
    """Whose a live session is; a tenant's role sees the sessions of its own users only."""

    __tablename__ = "session_owner"
    __table_args__ = _OF_LEDGER

    token_sha256: bytes = Field(primary_key=True)
    user_id: int
    email: str
    tenant: str
    is_admin: bool
    expires: datetime


NAMES = frozenset(
    (
        "order_history",
        "open_orders",
        "fills_with_fees",
        "positions",
        "pnl_daily",
        "algorithm_overview",
        "session_owner",
    )
)
