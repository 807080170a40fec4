"""One PostgreSQL server for all database tests, a fresh ledger for each module."""

import re
from collections.abc import Iterator

import pytest

from tests.support.postgresql import Ledger, Server, run_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Run a real PostgreSQL server."""
    with run_server() as server:
        yield server


@pytest.fixture(scope="module")
def ledger(postgresql: Server, request: pytest.FixtureRequest) -> Ledger:
    """Make a ledger of the module's own, migrated, with the tenants alpha and beta."""
    ledger = postgresql.create_ledger(re.sub(r"\W", "_", request.module.__name__)[-40:])
    ledger.add_tenant("alpha")
    ledger.add_tenant("beta")
    return ledger
