"""One paper exchange and one ledger for all of the gateway's contract tests; sidecars for a module or for a test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgresql import run_server
from tests.support.sidecar_process import PaperExchange, Sidecar, make_token

MakeSidecar = Callable[..., Sidecar]


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperExchange]:
    """Run a paper exchange."""
    exchange = PaperExchange()
    yield exchange
    exchange.end()


@pytest.fixture(scope="module")
def ledger_url() -> Iterator[str]:
    """Run PostgreSQL with a ledger and a tenant; returns the address for the tenant's role."""
    with run_server() as server:
        ledger = server.create_ledger("gateway")
        ledger.add_tenant("alpha")
        yield ledger.url("tenant-alpha")


@pytest.fixture
def make_sidecar(paper: PaperExchange, ledger_url: str) -> Iterator[MakeSidecar]:
    """Make sidecars, each with an account of its own unless one is given; disarms the exchange's faults afterwards."""
    made: list[Sidecar] = []

    def make(
        account: Mapping[str, Any] | None = None, uid: str | None = None, exchange: PaperExchange = paper
    ) -> Sidecar:
        # A path short enough for a Unix socket, wherever the tests run.
        folder = Path(tempfile.mkdtemp(prefix="sidecar-"))
        made.append(Sidecar(folder, exchange, ledger_url, account or exchange.open_account(), uid or make_token()))
        return made[-1]

    yield make
    for sidecar in made:
        sidecar.close()
        shutil.rmtree(sidecar.folder)
    paper.call("DELETE", "/paper/v1/faults")


@pytest.fixture
def sidecar(make_sidecar: MakeSidecar) -> Sidecar:
    """Run a sidecar for one test, which may end it."""
    return make_sidecar().start()


@pytest.fixture(scope="module")
def running_sidecar(paper: PaperExchange, ledger_url: str) -> Iterator[Sidecar]:
    """Run a sidecar for all of a module's tests."""
    with tempfile.TemporaryDirectory(prefix="sidecar-") as folder:
        sidecar = Sidecar(Path(folder), paper, ledger_url, paper.open_account(), make_token()).start()
        yield sidecar
        sidecar.close()


@pytest.fixture
def shared(running_sidecar: Sidecar) -> Iterator[Sidecar]:
    """Lend the module's sidecar to one test, without limits and without an algorithm."""
    running_sidecar.apply_control(trading="Active", limits=None, account={"trading": "Active", "limits": None})
    yield running_sidecar
    running_sidecar.wait_until_alone()
