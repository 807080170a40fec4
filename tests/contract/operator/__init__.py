"""The operator against a real API server, controller manager and PostgreSQL; only the node is played."""
