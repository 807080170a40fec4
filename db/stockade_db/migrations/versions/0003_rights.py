"""Say who may do what: grants per role, and row-level security per tenant."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_GRANTS = """
GRANT USAGE ON SCHEMA ledger TO stockade_operator, stockade_panel, stockade_tenant;

GRANT SELECT (uid, name, deleted) ON ledger.tenant TO stockade_tenant;
GRANT SELECT, INSERT ON ledger.order_event, ledger.fill, ledger.equity_point TO stockade_tenant;
GRANT SELECT, INSERT, UPDATE ON ledger.position TO stockade_tenant;
GRANT SELECT ON ledger.order_state, ledger.algorithm, ledger.algorithm_version TO stockade_tenant;
GRANT SELECT ON ledger.order_history, ledger.open_orders, ledger.fills_with_fees, ledger.positions, ledger.pnl_daily,
    ledger.algorithm_overview, ledger.session_owner TO stockade_tenant;

GRANT SELECT, INSERT, UPDATE ON ledger.tenant, ledger.algorithm TO stockade_operator;
GRANT SELECT, INSERT ON ledger.algorithm_version, ledger.audit TO stockade_operator;
GRANT SELECT, INSERT ON ledger.alert TO stockade_operator;
GRANT UPDATE (resolved, message) ON ledger.alert TO stockade_operator;

GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO stockade_panel;
GRANT INSERT, UPDATE, DELETE ON ledger."user", ledger.session TO stockade_panel;
GRANT INSERT ON ledger.audit TO stockade_panel;
GRANT UPDATE (acknowledged, acknowledged_by) ON ledger.alert TO stockade_panel;
"""

# The sub-select makes the function run once per statement instead of once per row.
_OWN = "tenant_uid = (SELECT ledger.current_tenant_uid())"
_TENANT_READS = ("order_event", "order_state", "fill", "equity_point", "position", "algorithm", "algorithm_version")
_TENANT_WRITES = ("order_event", "fill", "equity_point", "position")
_OPERATOR = ("tenant", "algorithm", "algorithm_version", "audit", "alert")
_ALL = (*_TENANT_READS, "tenant", "user", "session", "audit", "alert")


def _allow(table: str, name: str, rest: str) -> None:
    op.execute(f'CREATE POLICY {name} ON ledger."{table}" {rest}')


def upgrade() -> None:
    """Grant each role what it needs, and show each tenant its own rows."""
    op.execute(_GRANTS)
    for table in _ALL:
        op.execute(f'ALTER TABLE ledger."{table}" ENABLE ROW LEVEL SECURITY')
        _allow(table, "panel_sees_all", "TO stockade_panel USING (true) WITH CHECK (true)")
    for table in _OPERATOR:
        _allow(table, "operator_keeps_all", "TO stockade_operator USING (true) WITH CHECK (true)")
    for table in _TENANT_READS:
        _allow(table, "tenant_reads_own", f"FOR SELECT TO stockade_tenant USING ({_OWN})")
    for table in _TENANT_WRITES:
        _allow(table, "tenant_adds_own", f"FOR INSERT TO stockade_tenant WITH CHECK ({_OWN})")
    _allow("position", "tenant_moves_own", f"FOR UPDATE TO stockade_tenant USING ({_OWN}) WITH CHECK ({_OWN})")
    _allow("tenant", "tenant_finds_itself", "FOR SELECT TO stockade_tenant USING (name = substr(current_user, 8))")


def downgrade() -> None:
    """Refuse: rows of money are not thrown away by a command."""
    raise NotImplementedError("the ledger is only migrated forward; restore a backup instead")
