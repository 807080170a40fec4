"""Keep what a trailing order trails by, which list an order belongs to, and what strategies save."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = """
ALTER TABLE ledger.order_event ADD COLUMN trailing_delta integer, ADD COLUMN list_id text;
ALTER TABLE ledger.order_state ADD COLUMN trailing_delta integer, ADD COLUMN list_id text;
"""

# As before, with the two columns; columns are named, so that the next one can't slip into another's place.
_ORDER_STATE = """
CREATE OR REPLACE FUNCTION ledger.keep_order_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO ledger.order_state AS kept (
        tenant_uid, account, client_order_id, sequence, algorithm, version, created_time, updated_time, state, is_open,
        symbol, side, type, time_in_force, quantity, price, stop_price, filled_quantity, filled_quote,
        exchange_order_id, reason, trailing_delta, list_id)
    SELECT DISTINCT ON (tenant_uid, account, client_order_id)
        tenant_uid, account, client_order_id, sequence, algorithm, version,
        min(event_time) OVER (PARTITION BY tenant_uid, account, client_order_id), event_time, state,
        state IN ('INITIALIZED', 'SUBMITTED', 'ACCEPTED', 'PARTIALLY_FILLED', 'PENDING_CANCEL'),
        symbol, side, type, time_in_force, quantity, price, stop_price, filled_quantity, filled_quote,
        exchange_order_id, reason, trailing_delta, list_id
    FROM fresh
    ORDER BY tenant_uid, account, client_order_id, sequence DESC
    ON CONFLICT (tenant_uid, account, client_order_id) DO UPDATE SET
        created_time = least(kept.created_time, excluded.created_time),
        sequence = greatest(kept.sequence, excluded.sequence),
        updated_time =
            CASE WHEN excluded.sequence > kept.sequence THEN excluded.updated_time ELSE kept.updated_time END,
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

_VIEWS = """
CREATE OR REPLACE VIEW ledger.order_history WITH (security_invoker = true) AS
SELECT t.name AS tenant, o.tenant_uid, o.account, o.algorithm, o.version, o.client_order_id, o.exchange_order_id,
    o.symbol, o.side, o.type, o.time_in_force, o.quantity, o.price, o.stop_price, o.state, o.is_open,
    o.filled_quantity, o.filled_quote,
    CASE WHEN o.filled_quantity > 0 THEN o.filled_quote / o.filled_quantity END AS average_price,
    o.reason, o.sequence, o.created_time, o.updated_time, o.trailing_delta, o.list_id
FROM ledger.order_state o JOIN ledger.tenant t ON t.uid = o.tenant_uid AND t.deleted IS NULL;

CREATE OR REPLACE VIEW ledger.open_orders WITH (security_invoker = true) AS
SELECT tenant, tenant_uid, account, algorithm, version, client_order_id, exchange_order_id, symbol, side, type,
    time_in_force, quantity, price, stop_price, state, filled_quantity, filled_quote, average_price, reason,
    sequence, created_time, updated_time, trailing_delta, list_id
FROM ledger.order_history WHERE is_open;
"""

_SAVED_STATE = """
CREATE TABLE ledger.saved_state (
    tenant_uid text NOT NULL DEFAULT ledger.current_tenant_uid() REFERENCES ledger.tenant (uid),
    algorithm_uid text NOT NULL,
    content bytea NOT NULL CONSTRAINT content_is_bounded CHECK (octet_length(content) <= 65536),
    saved_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_uid, algorithm_uid)
);
ALTER TABLE ledger.saved_state ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON ledger.saved_state TO stockade_tenant;
CREATE POLICY tenant_keeps_own ON ledger.saved_state TO stockade_tenant
    USING (tenant_uid = (SELECT ledger.current_tenant_uid()))
    WITH CHECK (tenant_uid = (SELECT ledger.current_tenant_uid()));
"""


def upgrade() -> None:
    """Add columns, views and table."""
    for statements in (_COLUMNS, _ORDER_STATE, _VIEWS, _SAVED_STATE):
        op.execute(statements)


def downgrade() -> None:
    """Refuse: rows of money are not thrown away by a command."""
    raise NotImplementedError("the ledger is only migrated forward; restore a backup instead")
