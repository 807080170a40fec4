"""What an algorithm finds when it starts again: its state, its orders and its position, before `on_start`."""

from pathlib import Path

from tests.contract.gateway.conftest import MakeSidecar
from tests.support.algorithm_process import AlgorithmProcess, build_image
from tests.support.sidecar_process import FIRST_KEYS, Sidecar
from tests.support.waiting import wait_until

SOURCE = """
from stockade_sdk import Order, QuoteTick, Strategy


class Keeper(Strategy):
    runs = 0

    def describe(self) -> str:
        orders = [(order.client_order_id, str(order.price)) for order in self.open_orders()]
        return f"{self.runs} {orders} {self.position('BTCUSDT').quantity}"

    def on_load(self, state) -> None:
        self.runs = state["runs"]
        print("loaded", self.describe(), flush=True)

    def on_save(self):
        return {"runs": self.runs}

    def on_start(self) -> None:
        self.runs += 1
        print("started", self.describe(), flush=True)
        if self.runs == 1:
            self.buy("BTCUSDT", "0.002")

    def on_order_filled(self, order: Order) -> None:
        self.buy("BTCUSDT", "0.001", price="30000")

    def on_order_accepted(self, order: Order) -> None:
        if order.price is not None:
            print("resting", flush=True)
"""


def run(interpreter: Path, folder: Path, sidecar: Sidecar, until: str) -> tuple[AlgorithmProcess, list[str]]:
    """Start the algorithm and wait for a line; returns the lines that tell what it found."""
    folder.mkdir()
    algorithm = AlgorithmProcess(interpreter, folder, SOURCE, socket_path=sidecar.socket_path)
    algorithm.wait_for_log(until)
    return algorithm, [line for line in algorithm.log().splitlines() if line.startswith(("loaded", "started"))]


def test_a_strategy_goes_on_where_it_was(make_sidecar: MakeSidecar, tmp_path: Path) -> None:
    interpreter = build_image(tmp_path / "image")
    first = make_sidecar().start()
    algorithm, found = run(interpreter, tmp_path / "1", first, "resting")
    assert found == ["started 1 [] 0"]
    algorithm.terminate()
    assert algorithm.wait() == 0, algorithm.log()
    first.wait_until_alone()
    (resting,) = first.exchange_open_orders()
    held = first.status()["positions"]["BTCUSDT"]
    there = f"[('{resting}', '30000')] {held}"

    # The process is killed, so what it saved at its last stop is what counts.
    algorithm, found = run(interpreter, tmp_path / "2", first, "started")
    assert found == [f"loaded 1 {there}", f"started 2 {there}"]
    algorithm.close()
    first.wait_until_alone()

    # A new pod has an empty journal: state, order and position are the ledger's.
    assert first.stop()["result"] == "Done"
    keys = {name: (first.folder / "keys" / FIRST_KEYS / name).read_text() for name in ("apiKey", "apiSecret")}
    second = make_sidecar(account={"account": first.account, **keys}, uid=first.uid).start()
    algorithm, found = run(interpreter, tmp_path / "3", second, "started")
    assert found == [f"loaded 1 {there}", f"started 2 {there}"]
    algorithm.close()


def test_a_state_survives_a_killed_gateway_and_is_loaded_once(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    algorithm.save(b"b" + bytes(65535))
    assert algorithm.load() == b"b" + bytes(65535)
    algorithm.close()
    written = sidecar.folder / "journal" / "strategy.state"

    wait_until(written.exists, "the state on the disk", holds=bool)
    sidecar.kill()
    sidecar.start()
    again = sidecar.connect()
    assert again.load() == b"b" + bytes(65535)
    again.send_bytes(b"\x92\xa9LoadState\x07")
    again.wait_for_end()
    again.close()
