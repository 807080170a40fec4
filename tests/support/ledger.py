"""Rows of the installed ledger, read inside its own container as its owner."""

import json
from typing import Any

from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM

AS_OWNER = 'PGPASSWORD="$POSTGRES_PASSWORD" exec "$@"'
"""A shell's line that runs the rest of a command with the password which the container itself was given."""


def run_as_owner(kubectl: Kubectl, *command: str) -> str:
    """Run one of PostgreSQL's programs on the ledger and return what it printed."""
    words = (*command, "--username=stockade", "--host=127.0.0.1", "--dbname=stockade")
    return kubectl.execute("stockade-postgresql-0", PLATFORM, "postgresql", "sh", "-c", AS_OWNER, "sh", *words)


def read_rows(kubectl: Kubectl, query: str) -> list[dict[str, Any]]:
    """The rows of a query; numbers come as text, so that no digit is lost."""
    wrapped = f"SELECT coalesce(json_agg(row_to_json(rows)), '[]') FROM ({query}) rows"
    text = run_as_owner(kubectl, "psql", "-At", "-c", wrapped)
    found: list[dict[str, Any]] = json.loads(text, parse_float=str, parse_int=str)
    return found
