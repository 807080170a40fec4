"""Rows of the installed ledger, read inside its own container as its owner."""

import json
from typing import Any

from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM


def read_rows(kubectl: Kubectl, query: str) -> list[dict[str, Any]]:
    """The rows of a query; numbers come as text, so that no digit is lost."""
    wrapped = f"SELECT coalesce(json_agg(row_to_json(rows)), '[]') FROM ({query}) rows"
    text = kubectl.execute(
        "stockade-postgresql-0",
        PLATFORM,
        "postgresql",
        "psql",
        "-U",
        "stockade",
        "-h",
        "127.0.0.1",
        "-At",
        "-c",
        wrapped,
        "stockade",
    )
    found: list[dict[str, Any]] = json.loads(text, parse_float=str, parse_int=str)
    return found
