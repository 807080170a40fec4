"""One algorithm's pod without a cluster: gateway and algorithm as real processes, and a kubelet that restarts them.

Each pod has a thread of its own in which everything happens to it, one thing after the other.
"""

import json
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos.account_limits import ACCOUNT_EXPOSURE
from tests.chaos.evidence import AlgorithmEvidence, ControlPeriod, Stop
from tests.chaos.losses import ACCOUNT_LOSS
from tests.chaos.turns import Turns, freeze
from tests.support.algorithm_process import AlgorithmProcess
from tests.support.sidecar_process import FIRST_KEYS, Sidecar

RESTART_SECONDS = 1.0
# The runner's exit code for a gateway that stayed away, which is not the algorithm's fault.
GATEWAY_LOST = 69
SYMBOLS = ("BTCUSDT", "ETHUSDT")
SOURCE = Path(__file__).with_name("trader.py").read_text(encoding="utf-8")
WIDE = {
    "maxOrderNotional": "120",
    "maxPositionNotional": "700",
    "maxOpenOrders": 8,
    "maxOrdersPerMinute": 40,
    "priceBandPercent": "3",
    "quoteAsset": "USDT",
}
# As good as nothing: what the fees of a few orders come to.
NO_LOSS = {**WIDE, "maxDailyLoss": "0.05"}
NARROW = {**WIDE, "priceBandPercent": "0.4"}
TIGHT = {**WIDE, "maxOrderNotional": "50", "maxPositionNotional": "300", "maxOpenOrders": 4, "maxOrdersPerMinute": 15}


def now_ms() -> int:
    """Return the time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Pod:
    """Runs until `close`; `do` hands it something to happen."""

    def __init__(
        self,
        name: str,
        sidecar: Sidecar,
        interpreter: Path,
        *,
        account_name: str,
        account_url: str,
        account_control: dict[str, Any],
        parameters: dict[str, Any],
    ) -> None:
        self.name = name
        self.sidecar = sidecar
        self.settled: str | None = "it has not started"
        self._interpreter = interpreter
        # The Secret that its gateway says it uses.
        self.keys_secret: str | None = None
        self._environment = {
            "STOCKADE_ALGORITHM": name,
            "STOCKADE_ACCOUNT": account_name,
            "STOCKADE_ACCOUNT_URL": account_url,
        }
        self._parameters = parameters
        self._algorithm: AlgorithmProcess | None = None
        self._lives = 0
        self._was_ready = False
        self._runs_algorithm = True
        self._controls: list[tuple[int, int | None, dict[str, Any]]] = []
        self._stops: list[Stop] = []
        self._deaths: list[str] = []
        self._losses_ms: list[int] = []
        self._symbols: Sequence[str] = SYMBOLS
        self._lists: list[tuple[int, Sequence[str]]] = []
        self._final: dict[str, Any] = {}
        self._asks_final = False
        self._control: dict[str, Any] = {
            "trading": "Active",
            "limits": WIDE,
            "onStop": "CancelOrders" if parameters["cancels"] else "Keep",
            "deadMan": {"afterSeconds": 8, "action": "CancelOrders"} if parameters["dead_man"] else None,
            "account": account_control,
            "keysSecret": FIRST_KEYS,
        }
        self.change_control()
        self._turns = Turns(name, self._look_after, self._deaths)

    # --- For the stage ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin."""
        self._turns.do(self._start_pod)
        self._turns.start()

    def do(self, act: Callable[[], None]) -> None:
        """Have something happen to the pod, after what is happening to it now."""
        self._turns.do(act)

    def trades(self) -> bool:
        """Whether its algorithm has been started."""
        return self._algorithm is not None

    def has_share(self) -> bool:
        """Whether it holds a lease; an account gateway lends nothing before all that a former one lent must be over."""
        status = self._read_status()
        return status is not None and status["accountShare"] is not None and status["accountShare"]["error"] is None

    def begin_quiet(self) -> None:
        """End the algorithm for good and let the gateway put its books in order; `settled` says how far it is."""
        self.do(self._begin_quiet)

    def leave(self) -> None:
        """Stop in an orderly way, for good, and end the thread."""
        self.do(self.stop)
        assert self._turns.close(180), f"{self.name} does not end"

    def kill(self) -> None:
        """Make sure that nothing of it is left, whatever it is doing."""
        self._turns.close(60)
        self.sidecar.close()
        if self._algorithm is not None:
            self._algorithm.close()

    def collect(self) -> AlgorithmEvidence:
        """Return what is known of the algorithm at the end."""
        controls = [
            ControlPeriod(set_ms, seen_ms, effective_trading(control), list_limits(control))
            for set_ms, seen_ms, control in self._controls
        ]
        return AlgorithmEvidence(
            name=self.name,
            prefix=self.sidecar.prefix,
            account=self.sidecar.account,
            controls=controls,
            stops=tuple(self._stops),
            may_cancel=bool(self._parameters["cancels"]),
            deaths=tuple(self._deaths),
            losses_ms=tuple(self._losses_ms),
            symbols=tuple(self._lists),
            open_orders=int(self._final.get("openOrders", -1)),
            positions={symbol: Decimal(held) for symbol, held in self._final.get("positions", {}).items()},
        )

    # --- What may happen to it; each runs in the pod's thread ---------------------------------------------------------

    def kill_algorithm(self) -> None:
        """Kill the algorithm's process as the kernel does when memory is short."""
        if self._algorithm is not None:
            self._algorithm.close()
            self._algorithm = None

    def kill_gateway(self) -> None:
        """Kill the gateway's process; the container comes back with the same volumes."""
        self.sidecar.close()
        time.sleep(RESTART_SECONDS)
        self._start_gateway()

    def replace(self) -> None:
        """Lose the whole pod, volumes included; a new one takes its place."""
        self.kill_algorithm()
        self.sidecar.close()
        self._start_pod()

    def stop_and_start(self) -> None:
        """Stop in an orderly way, as a drained node does; a new pod takes its place."""
        self.stop()
        self._start_pod()

    def change_symbols(self, symbols: Sequence[str]) -> None:
        """Put other symbols on the algorithm's list, which takes a new pod."""
        self.stop()
        self._symbols = symbols
        self._start_pod()

    def stop(self) -> None:
        """Stop algorithm, then gateway, as the kubelet does, and note what the gateway said of it."""
        self._stop_algorithm()
        if self.sidecar.is_running:
            result = self.sidecar.stop()
            self._stops.append(Stop(now_ms(), result["action"], result["result"]))

    def freeze_gateway(self, seconds: float) -> None:
        """Let the gateway stand still."""
        freeze(self.sidecar.pid, seconds)

    def freeze_algorithm(self, seconds: float) -> None:
        """Let the algorithm hang."""
        if self._algorithm is not None:
            freeze(self._algorithm.group, seconds)

    def change_control(self, **changes: Any) -> None:
        """Give new orders to the gateway; when it says so, they are in force for certain."""
        self._control = {**self._control, **changes}
        self._controls.append((now_ms(), None, self._control))
        self.sidecar.set_control(**self._control)

    # --- The kubelet --------------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        if not self.sidecar.is_running:
            self._deaths.append(f"the gateway ended by itself:\n{self.sidecar.output[-3000:]}")
            self._start_gateway()
        status = self._read_status() if self._needs_status() else None
        if status is not None:
            self._note_control(int(status["controlGeneration"] or 0))
            self.keys_secret = status["keysSecret"]
            self._was_ready = self._was_ready or bool(status["reconciled"])
            if self._asks_final:
                is_obeyed = self._controls[-1][1] is not None
                self._final = status
                self.settled = find_unsettled(status) if is_obeyed else "its last control is not in force yet"
        if self._algorithm is not None and (code := self._algorithm.exit_code) is not None:
            if code != GATEWAY_LOST:
                self._deaths.append(f"the algorithm ended with {code}:\n{self._algorithm.log()[-3000:]}")
            self._algorithm = None
            time.sleep(RESTART_SECONDS)
        if self._algorithm is None and self._runs_algorithm and self._was_ready:
            self._start_algorithm()

    def _needs_status(self) -> bool:
        is_obeyed = self._controls[-1][1] is not None and self.keys_secret == self._control["keysSecret"]
        return not self._was_ready or self._asks_final or not is_obeyed

    def _read_status(self) -> dict[str, Any] | None:
        try:
            return self.sidecar.status()
        except (AssertionError, TimeoutError, json.JSONDecodeError):
            return None  # It is just ending or starting; whether it may be is seen from its process.

    def _note_control(self, generation: int) -> None:
        at_ms = now_ms()
        for index, (set_ms, seen_ms, control) in enumerate(self._controls):
            # The sidecar's first control is its own, before the first of these.
            if seen_ms is None and index + 2 == generation:
                self._controls[index] = (set_ms, at_ms, control)

    def _start_pod(self) -> None:
        for name in ("journal", "run"):
            shutil.rmtree(self.sidecar.folder / name)
            (self.sidecar.folder / name).mkdir()
        self._losses_ms.append(now_ms())
        self._lists.append((now_ms(), self._symbols))
        self._environment["STOCKADE_SYMBOLS"] = ",".join(self._symbols)
        self._was_ready = False
        self._environment["STOCKADE_KEYS_SECRET"] = self._control["keysSecret"]
        self._start_gateway()

    def _start_gateway(self) -> None:
        self.sidecar.start(ready=False, **self._environment)

    def _start_algorithm(self) -> None:
        self._lives += 1
        folder = self.sidecar.folder / f"life-{self._lives}"
        folder.mkdir()
        known = ("seed", "seconds_between_turns", "cancels")
        parameters = {name: self._parameters[name] for name in known}
        self._algorithm = AlgorithmProcess(
            self._interpreter, folder, SOURCE, parameters=parameters, socket_path=self.sidecar.socket_path
        )

    def _begin_quiet(self) -> None:
        self._runs_algorithm = False
        # With the algorithm gone for good, its dead man would go on cancelling while the books are compared.
        self.change_control(deadMan=None)
        self._stop_algorithm()
        self._asks_final = True

    def _stop_algorithm(self) -> None:
        if self._algorithm is None:
            return
        self._algorithm.terminate()
        code = self._algorithm.wait()
        # A signal that comes before the runner takes signals ends it at once; it has done nothing then. The launcher,
        # when it is there already, says so as a shell does.
        if code not in (0, GATEWAY_LOST, -signal.SIGTERM, 128 + signal.SIGTERM):
            self._deaths.append(f"the algorithm stopped with {code}:\n{self._algorithm.log()[-3000:]}")
        self._algorithm = None


def effective_trading(control: dict[str, Any]) -> str:
    """Return the stricter of the algorithm's trading and the account's."""
    order = ("Active", "Reducing", "Halted")
    strictest: str = max(control["trading"], control["account"]["trading"], key=order.index)
    return strictest


def list_limits(control: dict[str, Any]) -> dict[str, Any]:
    """Return the limits that the algorithm's gateway is told, the account's among them."""
    return {**control["limits"], **list_account_limits(control["account"])}


def list_account_limits(account: dict[str, Any]) -> dict[str, Any]:
    """Return the account's limits as the judge calls them."""
    return {ACCOUNT_EXPOSURE: account["limits"]["maxExposure"], ACCOUNT_LOSS: account["limits"]["maxDailyLoss"]}


def find_unsettled(status: dict[str, Any]) -> str | None:
    """Return what a gateway still has to put in order, None when nothing."""
    if not (status["connected"] and status["reconciled"]):
        return f"not reconciled: {status['reason']}"
    if status["ledger"]["spooled"]:
        return f"{status['ledger']['spooled']} rows wait for the ledger: {status['ledger']['error']}"
    return None
