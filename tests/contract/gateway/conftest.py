"""One paper exchange and one ledger for all of the gateway's contract tests; an account and a sidecar for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.postgresql import run_server
from tests.support.sidecar_process import PaperExchange, Sidecar, make_token

MakeSidecar = Callable[..., Sidecar]


@pytest.fixture(scope="package")
def paper() -> Iterator[PaperExchange]:
    """Run a paper exchange."""
    exchange = PaperExchange()
    yield exchange
    exchange.end()


@pytest.fixture(scope="package")
def ledger_url() -> Iterator[str]:
    """Run PostgreSQL with a ledger and a tenant; returns the address for the tenant's role."""
    with run_server() as server:
        ledger = server.create_ledger("gateway")
        ledger.add_tenant("alpha")
        yield ledger.url("tenant-alpha")


@pytest.fixture
def make_sidecar(paper: PaperExchange, ledger_url: str, tmp_path: Path) -> Iterator[MakeSidecar]:
    """Make sidecars, each with an account of its own unless one is given."""
    made: list[Sidecar] = []

    def make(**details: object) -> Sidecar:
        account = details.get("account") or paper.open_account()
        folder = tmp_path / f"sidecar-{len(made)}"
        folder.mkdir()
        sidecar = Sidecar(folder, paper, ledger_url, account, str(details.get("uid") or make_token()))  # type: ignore[arg-type]
        made.append(sidecar)
        return sidecar

    yield make
    for sidecar in made:
        sidecar.close()
    paper.call("DELETE", "/paper/v1/faults")


@pytest.fixture
def sidecar(make_sidecar: MakeSidecar) -> Sidecar:
    """Run one sidecar that is ready."""
    return make_sidecar().start()
