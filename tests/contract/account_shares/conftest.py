"""One paper exchange, one ledger and one account with its gateway for this folder."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.support.account_world import AccountWorld
from tests.support.postgresql import Ledger, run_server
from tests.support.sidecar_process import PaperExchange


@pytest.fixture(scope="session")
def paper() -> Iterator[PaperExchange]:
    """Run a paper exchange."""
    exchange = PaperExchange()
    yield exchange
    exchange.end()


@pytest.fixture(scope="session")
def ledger() -> Iterator[Ledger]:
    """Run a PostgreSQL with the ledger and a tenant in it."""
    with run_server() as server:
        ledger = server.create_ledger("shares")
        ledger.add_tenant("alpha")
        yield ledger


@pytest.fixture(scope="session")
def token(ledger: Ledger) -> str:
    """Log a user of the tenant in, as the panel does."""
    token = "token-of-a-trader"
    with ledger.connect("stockade_panel") as connection:
        connection.execute(
            'WITH trader AS (INSERT INTO ledger."user" (email, fs_uniquifier, tenant_uid) '
            "VALUES ('trader@example.com', 'trader', 'uid-of-alpha') RETURNING id) "
            "INSERT INTO ledger.session (token_sha256, user_id, expires) "
            "SELECT %s, id, now() + interval '1 hour' FROM trader",
            (hashlib.sha256(token.encode()).digest(),),
        )
    return token


@pytest.fixture(scope="session")
def only_world(paper: PaperExchange, ledger: Ledger) -> Iterator[AccountWorld]:
    """Run an account's gateway until it is whole."""
    world = AccountWorld(paper, ledger.url("tenant-alpha"))
    world.gateway.wait_until_ready()
    yield world
    world.close()


@pytest.fixture
def world(only_world: AccountWorld) -> Iterator[AccountWorld]:
    """Lend the account to one test; its sidecars leave afterwards."""
    yield only_world
    only_world.stop_sidecars()
