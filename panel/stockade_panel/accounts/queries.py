"""What the ledger knows of an account's orders by hand; those of algorithms are on the algorithms' own pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from stockade_db.views import FillWithFees, OrderHistory

PAGE_ROWS = 50
# What stands in the column `algorithm` of an order that a person placed.
_BY_HAND = ""


@dataclass(frozen=True)
class HandOrders:
    """An account's newest orders by hand, newest first, and what each cost: by its client order id, in each asset."""

    orders: Sequence[OrderHistory]
    fees: Mapping[str, Mapping[str, Decimal]]


class AccountLedger:
    """Reads of the ledger for account pages."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_hand_orders(self, tenant: str, account: str) -> HandOrders:
        """The newest orders by hand, open and closed."""
        with Session(self._engine) as session:
            orders = session.exec(
                select(OrderHistory)
                .filter_by(tenant=tenant, account=account, algorithm=_BY_HAND)
                .order_by(col(OrderHistory.updated_time).desc())
                .limit(PAGE_ROWS)
            ).all()
            names = [order.client_order_id for order in orders]
            paid = session.exec(
                select(FillWithFees.client_order_id, FillWithFees.commission_asset, func.sum(FillWithFees.commission))
                .where(
                    FillWithFees.tenant == tenant,
                    FillWithFees.account == account,
                    FillWithFees.algorithm == _BY_HAND,
                    col(FillWithFees.client_order_id).in_(names),
                )
                .group_by(col(FillWithFees.client_order_id), col(FillWithFees.commission_asset))
                .order_by(col(FillWithFees.commission_asset))
            ).all()
        fees: dict[str, dict[str, Decimal]] = {}
        for client_order_id, asset, amount in paid:
            fees.setdefault(client_order_id, {})[asset or ""] = amount
        return HandOrders(orders, fees)
