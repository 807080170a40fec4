"""A real exchange, a real ledger and a real gateway between them, shared by the tests of this folder."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.account_gateway_process import AccountGatewayProcess
from tests.support.paper import PaperProcess
from tests.support.postgresql import Ledger, run_server

GatewayMaker = Callable[..., AccountGatewayProcess]


@pytest.fixture(scope="session")
def ledger() -> Iterator[Ledger]:
    """Run a real PostgreSQL with the ledger and the tenants alpha and beta, a user in each."""
    with run_server() as server:
        ledger = server.create_ledger("account_gateway")
        for tenant in ("alpha", "beta"):
            uid = ledger.add_tenant(tenant)
            with ledger.connect("stockade_panel") as connection:
                connection.execute(
                    'INSERT INTO ledger."user" (email, fs_uniquifier, tenant_uid) VALUES (%s, %s, %s)',
                    (f"{tenant}@example.com", tenant, uid),
                )
        yield ledger


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """Run a real paper exchange with a busy synthetic market."""
    paper = PaperProcess(
        tmp_path_factory.mktemp("exchange") / "log", "--feed", "synthetic", "--seed", "7", "--history-minutes", "120"
    )
    yield paper
    paper.stop()


@pytest.fixture(scope="session")
def account(exchange: PaperProcess) -> dict[str, Any]:
    """Open the account that the shared gateway has the keys of."""
    return exchange.open_account(balances={"USDT": "1000000", "BTC": "5"})


@pytest.fixture(scope="session")
def make_gateway(
    exchange: PaperProcess, ledger: Ledger, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayMaker]:
    """Make gateways of tenant alpha; all are stopped at the end."""
    made: list[AccountGatewayProcess] = []

    def make(keys: dict[str, Any]) -> AccountGatewayProcess:
        gateway = AccountGatewayProcess(
            tmp_path_factory.mktemp("gateway") / "mounts",
            tenant="alpha",
            exchange_port=exchange.port,
            ledger_url=ledger.url("tenant-alpha"),
            keys={"apiKey": keys["apiKey"], "apiSecret": keys["apiSecret"]},
        )
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(make_gateway: GatewayMaker, account: dict[str, Any]) -> AccountGatewayProcess:
    """Run a gateway until it is whole."""
    gateway = make_gateway(account)
    gateway.wait_until_ready()
    return gateway


@pytest.fixture(scope="session")
def log_in(ledger: Ledger) -> Callable[..., str]:
    """Make sessions the way the panel does: `log_in("alpha")` returns a token."""
    count = 0

    def make(tenant: str, expires: str = "1 hour") -> str:
        nonlocal count
        count += 1
        token = f"token-{tenant}-{count}"
        with ledger.connect("stockade_panel") as connection:
            connection.execute(
                "INSERT INTO ledger.session (token_sha256, user_id, expires) "
                'SELECT %s, id, now() + %s::interval FROM ledger."user" WHERE email = %s',
                (hash_token(token), expires, f"{tenant}@example.com"),
            )
        return token

    return make


@pytest.fixture(scope="session")
def token(log_in: Callable[..., str]) -> str:
    """Log in as the user of tenant alpha."""
    return log_in("alpha")


@pytest.fixture(autouse=True)
def trading_is_active(gateway: AccountGatewayProcess) -> None:
    """Begin every test with the account's switch at Active."""
    gateway.control("Active")


def hash_token(token: str) -> bytes:
    """Return what the ledger keeps of a token."""
    return hashlib.sha256(token.encode()).digest()
