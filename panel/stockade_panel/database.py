"""The panel's connections to the ledger: one bounded pool, and the plain URL for the connection that listens."""

from sqlalchemy import Engine, create_engine

# Pages run in at most ten threads; a statement that takes longer than this is a fault, not a page.
POOL_SIZE = 10
STATEMENT_TIMEOUT_MILLISECONDS = 10_000


def open_engine(database_url: str) -> Engine:
    """Open the pool. Nothing is connected before the first statement; a dead connection is replaced unseen."""
    return create_engine(
        database_url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=POOL_SIZE,
        max_overflow=2,
        pool_timeout=5,
        pool_pre_ping=True,
        # An error must not carry a password hash or a token's hash into a log.
        hide_parameters=True,
        connect_args={
            "application_name": "stockade-panel",
            "connect_timeout": 5,
            # A server that vanished without a word: without this a page's thread waits a quarter of an hour for it.
            "tcp_user_timeout": STATEMENT_TIMEOUT_MILLISECONDS,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS}",
        },
    )
