"""${message}."""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say in SQL what changes."""


def downgrade() -> None:
    """Refuse: rows of money are not thrown away by a command."""
    raise NotImplementedError("the ledger is only migrated forward; restore a backup instead")
