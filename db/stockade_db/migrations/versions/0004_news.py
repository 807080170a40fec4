"""Tell the panel that there is something new to read, and open and close tenants."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# PostgreSQL lets every role listen and notify on every channel, so the channel's name is a secret: drawn once, told
# only to the panel. A tenant that knew it could see whose algorithms trade, and cry wolf.
_CHANNEL = """
CREATE TABLE ledger.news_channel (name text PRIMARY KEY);
INSERT INTO ledger.news_channel VALUES ('ledger_' || replace(gen_random_uuid()::text, '-', ''));
CREATE FUNCTION ledger.news_channel_name() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT name FROM ledger.news_channel';
REVOKE ALL ON FUNCTION ledger.news_channel_name() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.news_channel_name() TO stockade_panel;
"""

_TELL = """
CREATE FUNCTION ledger.tell_news() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_notify(ledger.news_channel_name(),
        json_build_object('tenant', t.name, 'algorithm', f.algorithm, 'kind', TG_ARGV[0])::text)
    FROM (SELECT DISTINCT tenant_uid, algorithm FROM fresh) f
    JOIN ledger.tenant t ON t.uid = f.tenant_uid AND t.deleted IS NULL;
    RETURN NULL;
END $$;
"""

_TRIGGERS = (
    ("order_event", "INSERT", "order"),
    ("fill", "INSERT", "fill"),
    ("position", "INSERT", "position"),
    ("position", "UPDATE", "position"),
)

_TENANTS = """
CREATE FUNCTION ledger.open_tenant(new_uid text, new_name text, new_display_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    UPDATE ledger.tenant SET deleted = now() WHERE name = new_name AND uid <> new_uid AND deleted IS NULL;
    INSERT INTO ledger.tenant (uid, name, display_name) VALUES (new_uid, new_name, new_display_name)
    ON CONFLICT (uid) DO UPDATE SET display_name = excluded.display_name
        WHERE ledger.tenant.display_name <> excluded.display_name;
END $$;
CREATE FUNCTION ledger.close_tenant(old_uid text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog AS $$
    UPDATE ledger.tenant SET deleted = now() WHERE uid = old_uid AND deleted IS NULL;
$$;
REVOKE ALL ON FUNCTION ledger.open_tenant(text, text, text), ledger.close_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.open_tenant(text, text, text), ledger.close_tenant(text) TO stockade_operator;
"""


def upgrade() -> None:
    """Create the channel, its triggers and the two acts on tenants."""
    for statements in (_CHANNEL, _TELL, _TENANTS):
        op.execute(statements)
    for table, event, kind in _TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_is_news AFTER {event} ON ledger.{table} "
            f"REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.tell_news('{kind}')"
        )


def downgrade() -> None:
    """Refuse: rows of money are not thrown away by a command."""
    raise NotImplementedError("the ledger is only migrated forward; restore a backup instead")
