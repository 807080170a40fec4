"""The demonstration without a cluster: `momentum` behind its launcher, the real gateway, the paper exchange."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.runner.conftest import StartAlgorithm
from tests.support.postgresql import run_server
from tests.support.scripted_broker import EXAMPLES
from tests.support.sidecar_process import PaperExchange, Sidecar, make_token
from tests.support.waiting import wait_until


@pytest.fixture
def sidecar(pod: Path) -> Iterator[Sidecar]:
    """Run a gateway on a paper exchange, with a ledger."""
    with run_server() as server:
        ledger = server.create_ledger("gateway")
        ledger.add_tenant("alpha")
        exchange = PaperExchange()
        folder = pod / "gateway"
        folder.mkdir()
        gateway = Sidecar(folder, exchange, ledger.url("tenant-alpha"), exchange.open_account(), make_token())
        yield gateway.start()
        gateway.close()
        exchange.end()


def test_momentum_trades_and_obeys(sidecar: Sidecar, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(
        (EXAMPLES / "momentum.py").read_text(),
        parameters={"hold_seconds": 1},
        socket_path=sidecar.socket_path,
    )
    sidecar.wait_for_status("two fills", lambda status: status["orders"]["filled"] >= 2)
    algorithm.wait_for_log("SELL")
    states = {order["status"] for order in sidecar.exchange_orders().values()}
    assert states == {"FILLED"}
    assert sidecar.status()["algorithmState"] == "Running"

    sidecar.apply_control(trading="Halted")
    algorithm.wait_for_log("BUY denied: TRADING_HALTED")
    orders = len(sidecar.exchange_orders())

    sidecar.kill()
    algorithm.wait_for_log("gateway gone")
    sidecar.start()
    algorithm.wait_for_log("gateway is back")
    sidecar.wait_for_status("the algorithm again", lambda status: status["algorithmState"] == "Running")
    assert len(sidecar.exchange_orders()) == orders

    algorithm.terminate()
    assert algorithm.wait() == 0
    wait_until(sidecar.status, "the algorithm's end", holds=lambda status: status["algorithmState"] == "Gone")
