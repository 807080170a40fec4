"""One paper exchange, one ledger and one account with its gateway for this folder."""

from collections.abc import Iterator

import pytest

from tests.support.account_world import AccountWorld
from tests.support.postgresql import run_server
from tests.support.sidecar_process import PaperExchange


@pytest.fixture(scope="session")
def paper() -> Iterator[PaperExchange]:
    """Run a paper exchange."""
    exchange = PaperExchange()
    yield exchange
    exchange.end()


@pytest.fixture(scope="session")
def only_world(paper: PaperExchange) -> Iterator[AccountWorld]:
    """Run an account's gateway until it is whole."""
    with run_server() as server:
        ledger = server.create_ledger("shares")
        ledger.add_tenant("alpha")
        world = AccountWorld(paper, ledger.url("tenant-alpha"))
        world.gateway.wait_until_ready()
        yield world
        world.close()


@pytest.fixture
def world(only_world: AccountWorld) -> Iterator[AccountWorld]:
    """Lend the account to one test; its sidecars leave afterwards."""
    yield only_world
    only_world.stop_sidecars()
