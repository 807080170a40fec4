"""What the ledger knows about algorithms: every statement the algorithm pages make is here.

Through the ledger's views, but for an order's steps, which only the table has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from stockade_db.tables import OrderEvent
from stockade_db.views import CurrentPosition, FillWithFees, OpenOrder, OrderHistory, PnlDaily

PAGE_ROWS = 50
# An order may be filled in thousands of parts.
ORDER_ROWS = 200
# A sparkline of a day has at most this many points.
SPARK_MINUTES = 20
# And a week's line, of which a point is shown for each of these.
WEEK_MINUTES = 30


@dataclass(frozen=True)
class Activity:
    """What one algorithm's page shows of its trading."""

    open_orders: Sequence[OpenOrder]
    orders: Sequence[OrderHistory]
    fills: Sequence[FillWithFees]
    positions: Sequence[CurrentPosition]
    today: Sequence[PnlDaily]


@dataclass(frozen=True)
class OrderLife:
    """One order: what it has come to, and its newest steps and fills, newest first."""

    order: OrderHistory
    steps: Sequence[OrderEvent]
    fills: Sequence[FillWithFees]


@dataclass(frozen=True)
class EquityPoint:
    """An algorithm's parts of its result at a moment, counted from its first fill; None is unknown."""

    time: datetime
    quote_asset: str
    realized: Decimal
    unrealized: Decimal | None
    fees: Decimal | None

    @property
    def net(self) -> Decimal | None:
        """Realised plus unrealised less fees; unknown when a part is."""
        if self.unrealized is None or self.fees is None:
            return None
        return self.realized + self.unrealized - self.fees


class AlgorithmLedger:
    """Reads of the ledger for algorithm pages. A tenant of None reads all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_activity(self, tenant: str, algorithm: str) -> Activity:
        """Everything one algorithm's page shows, newest first."""
        mine = {"tenant": tenant, "algorithm": algorithm}
        with Session(self._engine) as session:
            return Activity(
                open_orders=session.exec(
                    select(OpenOrder).filter_by(**mine).order_by(col(OpenOrder.created_time).desc()).limit(PAGE_ROWS)
                ).all(),
                orders=session.exec(
                    select(OrderHistory)
                    .filter_by(**mine)
                    .order_by(col(OrderHistory.updated_time).desc())
                    .limit(PAGE_ROWS)
                ).all(),
                fills=session.exec(
                    select(FillWithFees)
                    .filter_by(**mine)
                    .order_by(col(FillWithFees.trade_time).desc())
                    .limit(PAGE_ROWS)
                ).all(),
                positions=session.exec(
                    select(CurrentPosition).filter_by(**mine).order_by(col(CurrentPosition.symbol))
                ).all(),
                today=session.exec(select(PnlDaily).filter_by(**mine, day=datetime.now(UTC).date())).all(),
            )

    def read_order(self, tenant: str, algorithm: str, client_order_id: str) -> OrderLife | None:
        """One order of an algorithm, None when it has none of that id."""
        named = {"tenant": tenant, "algorithm": algorithm, "client_order_id": client_order_id}
        with Session(self._engine) as session:
            order = session.exec(select(OrderHistory).filter_by(**named)).first()
            if order is None:
                return None
            steps = (
                select(OrderEvent)
                .where(
                    OrderEvent.tenant_uid == order.tenant_uid,
                    OrderEvent.account == order.account,
                    OrderEvent.client_order_id == client_order_id,
                )
                .order_by(col(OrderEvent.sequence).desc())
                .limit(ORDER_ROWS)
            )
            fills = (
                select(FillWithFees)
                .filter_by(**named, account=order.account)
                .order_by(col(FillWithFees.trade_time).desc(), col(FillWithFees.trade_id).desc())
                .limit(ORDER_ROWS)
            )
            return OrderLife(order, session.exec(steps).all(), session.exec(fills).all())

    def read_fills(self, tenant: str, algorithm: str, symbol: str, since: datetime) -> Sequence[FillWithFees]:
        """Fills of one symbol since a moment, oldest first, for the chart."""
        with Session(self._engine) as session:
            return session.exec(
                select(FillWithFees)
                .where(
                    FillWithFees.tenant == tenant,
                    FillWithFees.algorithm == algorithm,
                    FillWithFees.symbol == symbol,
                    FillWithFees.trade_time >= since,
                )
                .order_by(col(FillWithFees.trade_time).desc())
                .limit(500)
            ).all()[::-1]

    def read_today(self, tenant: str | None) -> dict[tuple[str, str], list[PnlDaily]]:
        """Today's result of every algorithm of a tenant, by tenant and algorithm."""
        today: date = datetime.now(UTC).date()
        found: dict[tuple[str, str], list[PnlDaily]] = {}
        with Session(self._engine) as session:
            wanted = select(PnlDaily).where(PnlDaily.day == today)
            if tenant is not None:
                wanted = wanted.where(PnlDaily.tenant == tenant)
            for row in session.exec(wanted):
                found.setdefault((row.tenant, row.algorithm), []).append(row)
        return found

    def read_equity(self, tenant: str | None) -> dict[tuple[str, str], list[EquityPoint]]:
        """The last day's results of every algorithm, a point for each twenty minutes, by quote asset, oldest first."""
        found: dict[tuple[str, str], list[EquityPoint]] = {}
        with self._engine.connect() as connection:
            rows = connection.execute(
                text(
                    """
                    SELECT DISTINCT ON (t.name, e.algorithm, e.quote_asset, bin)
                        t.name AS tenant, e.algorithm, e.quote_asset, e."time", e.realized_pnl, e.unrealized_pnl,
                        e.fees, date_bin(:width * interval '1 minute', e."time", 'epoch') AS bin
                    FROM ledger.equity_point e JOIN ledger.tenant t ON t.uid = e.tenant_uid AND t.deleted IS NULL
                    WHERE e."time" > now() - interval '24 hours' AND (CAST(:tenant AS text) IS NULL OR t.name = :tenant)
                    ORDER BY t.name, e.algorithm, e.quote_asset, bin, e."time" DESC
                    """
                ),
                {"tenant": tenant, "width": SPARK_MINUTES},
            )
            for row in rows:
                found.setdefault((row.tenant, row.algorithm), []).append(_read_point(row))
        return found

    def read_week(self, tenant: str, algorithm: str) -> list[EquityPoint]:
        """One algorithm's results of the last week, the newest of each half hour, by quote asset, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                text(
                    """
                    SELECT DISTINCT ON (e.quote_asset, bin) e.quote_asset, e."time", e.realized_pnl, e.unrealized_pnl,
                        e.fees, date_bin(:width * interval '1 minute', e."time", 'epoch') AS bin
                    FROM ledger.equity_point e JOIN ledger.tenant t ON t.uid = e.tenant_uid AND t.deleted IS NULL
                    WHERE t.name = :tenant AND e.algorithm = :algorithm AND e."time" > now() - interval '7 days'
                    ORDER BY e.quote_asset, bin, e."time" DESC
                    """
                ),
                {"tenant": tenant, "algorithm": algorithm, "width": WEEK_MINUTES},
            )
            return [_read_point(row) for row in rows]


def _read_point(row: Any) -> EquityPoint:
    return EquityPoint(row.time, row.quote_asset, row.realized_pnl, row.unrealized_pnl, row.fees)
