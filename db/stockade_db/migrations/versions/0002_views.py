"""Create the views, one for each question a page asks; rows of deleted tenants are in none of them."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ORDERS = """
CREATE VIEW ledger.order_history WITH (security_invoker = true) AS
SELECT t.name AS tenant, o.tenant_uid, o.account, o.algorithm, o.version, o.client_order_id, o.exchange_order_id,
    o.symbol, o.side, o.type, o.time_in_force, o.quantity, o.price, o.stop_price, o.state, o.is_open,
    o.filled_quantity, o.filled_quote,
    CASE WHEN o.filled_quantity > 0 THEN o.filled_quote / o.filled_quantity END AS average_price,
    o.reason, o.sequence, o.created_time, o.updated_time
FROM ledger.order_state o JOIN ledger.tenant t ON t.uid = o.tenant_uid AND t.deleted IS NULL;

CREATE VIEW ledger.open_orders WITH (security_invoker = true) AS
SELECT tenant, tenant_uid, account, algorithm, version, client_order_id, exchange_order_id, symbol, side, type,
    time_in_force, quantity, price, stop_price, state, filled_quantity, filled_quote, average_price, reason,
    sequence, created_time, updated_time
FROM ledger.order_history WHERE is_open;

CREATE VIEW ledger.fills_with_fees WITH (security_invoker = true) AS
SELECT t.name AS tenant, f.tenant_uid, f.account, f.algorithm, f.symbol, f.trade_id, f.client_order_id,
    f.exchange_order_id, f.side, f.price, f.quantity, f.quote_quantity, f.commission, f.commission_asset, f.is_maker,
    o.type AS order_type, f.trade_time
FROM ledger.fill f
JOIN ledger.tenant t ON t.uid = f.tenant_uid AND t.deleted IS NULL
LEFT JOIN ledger.order_state o
    ON o.tenant_uid = f.tenant_uid AND o.account = f.account AND o.client_order_id = f.client_order_id;

CREATE VIEW ledger.positions WITH (security_invoker = true) AS
SELECT t.name AS tenant, p.tenant_uid, p.account, p.algorithm, p.symbol, p.quantity, p.average_price, p.realized_pnl,
    p.quote_asset, p.updated
FROM ledger.position p JOIN ledger.tenant t ON t.uid = p.tenant_uid AND t.deleted IS NULL;
"""

# Equity points count from an algorithm's first fill, so a day's share is its last point less the last one before it.
_PNL_DAILY = """
CREATE VIEW ledger.pnl_daily WITH (security_invoker = true) AS
SELECT t.name AS tenant, t.uid AS tenant_uid, d.account, d.algorithm, d.quote_asset, d.day,
    d.realized_pnl - coalesce(d.realized_before, 0) AS realized_pnl,
    d.unrealized_pnl,
    d.fees - coalesce(d.fees_before, 0) AS fees,
    d.position_notional
FROM ledger.tenant t CROSS JOIN LATERAL (
    SELECT account, algorithm, quote_asset, day, realized_pnl, unrealized_pnl, fees, position_notional,
        lag(realized_pnl) OVER days AS realized_before, lag(fees) OVER days AS fees_before
    FROM (
        SELECT DISTINCT ON (account, algorithm, quote_asset, (e."time" AT TIME ZONE 'UTC')::date)
            account, algorithm, quote_asset, (e."time" AT TIME ZONE 'UTC')::date AS day,
            realized_pnl, unrealized_pnl, fees, position_notional
        FROM ledger.equity_point e WHERE e.tenant_uid = t.uid
        ORDER BY account, algorithm, quote_asset, (e."time" AT TIME ZONE 'UTC')::date, e."time" DESC
    ) last_of_day
    WINDOW days AS (PARTITION BY account, algorithm, quote_asset ORDER BY day)
) d
WHERE t.deleted IS NULL;
"""

# Results in different quote assets are not added up: realized_pnl is then NULL, and the positions view has the parts.
_OVERVIEW = """
CREATE VIEW ledger.algorithm_overview WITH (security_invoker = true) AS
SELECT t.name AS tenant, a.tenant_uid, a.uid AS algorithm_uid, a.name AS algorithm, a.account, a.mode,
    v.version, w.open_orders, o.orders_today, o.denied_today, o.rejected_today, l.last_order_time,
    p.open_positions, p.realized_pnl, p.quote_asset, f.last_fill_time, a.created
FROM ledger.algorithm a
JOIN ledger.tenant t ON t.uid = a.tenant_uid AND t.deleted IS NULL
CROSS JOIN LATERAL (
    SELECT max(version) AS version FROM ledger.algorithm_version WHERE algorithm_uid = a.uid
) v
CROSS JOIN LATERAL (
    SELECT count(*) AS open_orders FROM ledger.order_state
    WHERE tenant_uid = a.tenant_uid AND algorithm = a.name AND is_open
) w
CROSS JOIN LATERAL (
    SELECT count(*) AS orders_today,
        count(*) FILTER (WHERE state = 'DENIED') AS denied_today,
        count(*) FILTER (WHERE state = 'REJECTED') AS rejected_today
    FROM ledger.order_state
    WHERE tenant_uid = a.tenant_uid AND algorithm = a.name AND updated_time >= date_trunc('day', now(), 'UTC')
) o
CROSS JOIN LATERAL (
    SELECT max(updated_time) AS last_order_time FROM ledger.order_state
    WHERE tenant_uid = a.tenant_uid AND algorithm = a.name
) l
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE quantity <> 0) AS open_positions,
        CASE WHEN count(DISTINCT quote_asset) = 1 THEN sum(realized_pnl) END AS realized_pnl,
        CASE WHEN count(DISTINCT quote_asset) = 1 THEN min(quote_asset) END AS quote_asset
    FROM ledger.position WHERE tenant_uid = a.tenant_uid AND algorithm = a.name
) p
CROSS JOIN LATERAL (
    SELECT max(trade_time) AS last_fill_time FROM ledger.fill WHERE tenant_uid = a.tenant_uid AND algorithm = a.name
) f
WHERE a.deleted IS NULL;
"""

# Runs with its owner's rights, because no tenant may read users or sessions; so it must filter by itself, and be a
# barrier against functions that would look at rows before they are filtered.
_SESSION_OWNER = """
CREATE VIEW ledger.session_owner WITH (security_barrier = true) AS
SELECT s.token_sha256, u.id AS user_id, u.email, t.name AS tenant, u.is_admin, s.expires
FROM ledger.session s
JOIN ledger."user" u ON u.id = s.user_id AND u.active
JOIN ledger.tenant t ON t.uid = u.tenant_uid AND t.deleted IS NULL
WHERE s.revoked IS NULL AND s.expires > now()
    AND (current_user = 'stockade_panel' OR current_user = 'tenant-' || t.name);
"""


def upgrade() -> None:
    """Create the views."""
    for statements in (_ORDERS, _PNL_DAILY, _OVERVIEW, _SESSION_OWNER):
        op.execute(statements)


def downgrade() -> None:
    """Refuse: rows of money are not thrown away by a command."""
    raise NotImplementedError("the ledger is only migrated forward; restore a backup instead")
