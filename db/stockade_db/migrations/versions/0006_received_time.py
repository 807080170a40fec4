"""Keep when the gateway itself heard of a step or fill, or made it; rows of before have none, as nobody noted it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS = """
ALTER TABLE ledger.order_event ADD COLUMN received_time timestamptz;
ALTER TABLE ledger.order_state ADD COLUMN received_time timestamptz;
ALTER TABLE ledger.fill ADD COLUMN received_time timestamptz;
"""

# As before, with the newest step's time.
_ORDER_STATE = """
CREATE OR REPLACE FUNCTION ledger.keep_order_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO ledger.order_state AS kept (
        tenant_uid, account, client_order_id, sequence, algorithm, version, created_time, updated_time, received_time,
        state, is_open, symbol, side, type, time_in_force, quantity, price, stop_price, filled_quantity, filled_quote,
        exchange_order_id, reason, trailing_delta, list_id)
    SELECT DISTINCT ON (tenant_uid, account, client_order_id)
        tenant_uid, account, client_order_id, sequence, algorithm, version,
        min(event_time) OVER (PARTITION BY tenant_uid, account, client_order_id), event_time, received_time,
        state, state IN ('INITIALIZED', 'SUBMITTED', 'ACCEPTED', 'PARTIALLY_FILLED', 'PENDING_CANCEL'),
        symbol, side, type, time_in_force, quantity, price, stop_price, filled_quantity, filled_quote,
        exchange_order_id, reason, trailing_delta, list_id
    FROM fresh
    ORDER BY tenant_uid, account, client_order_id, sequence DESC
    ON CONFLICT (tenant_uid, account, client_order_id) DO UPDATE SET
        created_time = least(kept.created_time, excluded.created_time),
        sequence = greatest(kept.sequence, excluded.sequence),
        updated_time =
            CASE WHEN excluded.sequence > kept.sequence THEN excluded.updated_time ELSE kept.updated_time END,
        received_time =
            CASE WHEN excluded.sequence > kept.sequence THEN excluded.received_time ELSE kept.received_time END,
        state = CASE WHEN excluded.sequence > kept.sequence THEN excluded.state ELSE kept.state END,
        is_open = CASE WHEN excluded.sequence > kept.sequence THEN excluded.is_open ELSE kept.is_open END,
        quantity = CASE WHEN excluded.sequence > kept.sequence THEN excluded.quantity ELSE kept.quantity END,
        price = CASE WHEN excluded.sequence > kept.sequence THEN excluded.price ELSE kept.price END,
        filled_quantity = greatest(kept.filled_quantity, excluded.filled_quantity),
        filled_quote = greatest(kept.filled_quote, excluded.filled_quote),
        exchange_order_id = coalesce(kept.exchange_order_id, excluded.exchange_order_id),
        reason = CASE WHEN excluded.sequence > kept.sequence THEN excluded.reason ELSE kept.reason END;
    RETURN NULL;
END $$;
"""

# A view's columns can only be added to at its end.
_VIEWS = """
CREATE OR REPLACE VIEW ledger.order_history WITH (security_invoker = true) AS
SELECT t.name AS tenant, o.tenant_uid, o.account, o.algorithm, o.version, o.client_order_id, o.exchange_order_id,
    o.symbol, o.side, o.type, o.time_in_force, o.quantity, o.price, o.stop_price, o.state, o.is_open,
    o.filled_quantity, o.filled_quote,
    CASE WHEN o.filled_quantity > 0 THEN o.filled_quote / o.filled_quantity END AS average_price,
    o.reason, o.sequence, o.created_time, o.updated_time, o.trailing_delta, o.list_id, o.received_time
FROM ledger.order_state o JOIN ledger.tenant t ON t.uid = o.tenant_uid AND t.deleted IS NULL;

CREATE OR REPLACE VIEW ledger.fills_with_fees WITH (security_invoker = true) AS
SELECT t.name AS tenant, f.tenant_uid, f.account, f.algorithm, f.symbol, f.trade_id, f.client_order_id,
    f.exchange_order_id, f.side, f.price, f.quantity, f.quote_quantity, f.commission, f.commission_asset, f.is_maker,
    o.type AS order_type, f.trade_time, f.received_time
FROM ledger.fill f
JOIN ledger.tenant t ON t.uid = f.tenant_uid AND t.deleted IS NULL
LEFT JOIN ledger.order_state o
    ON o.tenant_uid = f.tenant_uid AND o.account = f.account AND o.client_order_id = f.client_order_id;
"""


def upgrade() -> None:
    """Add the columns, keep the newest step's, and show them."""
    for statements in (_COLUMNS, _ORDER_STATE, _VIEWS):
        op.execute(statements)


def downgrade() -> None:
    """Refuse: rows of money are not thrown away by a command."""
    raise NotImplementedError("the ledger is only migrated forward; restore a backup instead")
