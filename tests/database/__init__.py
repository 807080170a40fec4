"""database: a real PostgreSQL."""
