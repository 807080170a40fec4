"""One exchange account with its real gateway and real sidecars, all told the same limits and the same switch."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.account_gateway_process import AccountGatewayProcess
from tests.support.sidecar_process import PaperExchange, Sidecar, make_token
from tests.support.waiting import wait_until


class AccountWorld:
    """An account of the tenant alpha; `close` it."""

    def __init__(self, paper: PaperExchange, ledger_url: str) -> None:
        self.paper = paper
        self.keys: Mapping[str, Any] = paper.open_account(balances={"USDT": "100000000", "BTC": "100"})
        self._ledger_url = ledger_url
        self._folder = Path(tempfile.mkdtemp(prefix="account-"))
        self._trading: str = "Active"
        self._limits: dict[str, str] | None = None
        self._generation = 1
        self.sidecars: list[Sidecar] = []
        self.gateway = self.make_gateway()

    def make_gateway(self) -> AccountGatewayProcess:
        """Start another gateway of the account."""
        gateway = AccountGatewayProcess(
            Path(tempfile.mkdtemp(dir=self._folder)) / "mounts",
            tenant="alpha",
            exchange_port=self.paper.port,
            ledger_url=self._ledger_url,
            keys={"apiKey": self.keys["apiKey"], "apiSecret": self.keys["apiSecret"]},
        )
        gateway.control(self._trading, generation=self._generation, limits=self._limits)
        return gateway

    def add_sidecar(self, *, start: bool = True) -> Sidecar:
        """Make a sidecar that asks the account's gateway for its share, and start it."""
        folder = Path(tempfile.mkdtemp(prefix="sidecar-"))
        sidecar = Sidecar(folder, self.paper, self._ledger_url, self.keys, make_token())
        self.sidecars.append(sidecar)
        sidecar.set_control(account={"trading": self._trading, "limits": self._limits})
        if start:
            self.start(sidecar)
        return sidecar

    def start(self, sidecar: Sidecar, *, ready: bool = True) -> None:
        """Start a sidecar's process."""
        sidecar.start(
            ready=ready,
            STOCKADE_ACCOUNT="main",
            STOCKADE_ALGORITHM=f"algorithm-{sidecar.uid[:8]}",
            STOCKADE_ACCOUNT_URL=self.gateway.http,
        )

    def set_account(self, *, trading: str = "Active", limits: dict[str, str] | None = None) -> None:
        """Tell gateway and sidecars the account's switch and limits, as the operator does."""
        self._generation += 1
        self._trading, self._limits = trading, limits
        self.gateway.control(trading, generation=self._generation, limits=limits)
        for sidecar in self.sidecars:
            sidecar.set_control(account={"trading": trading, "limits": limits})

    def apply_limits(self, limits: dict[str, str]) -> None:
        """Tell everybody the account's limits and wait until its gateway has read them."""
        self.set_account(limits=limits)
        wait_until(
            self.gateway.status,
            "the limits to be read",
            holds=lambda status: status["controlGeneration"] == self._generation,
            pause_seconds=0.1,
        )

    def stop_sidecars(self) -> None:
        """End every sidecar as the kubelet does, so that each says good-bye; the account has no limits afterwards."""
        for sidecar in self.sidecars:
            if sidecar.is_running:
                sidecar.apply_control(onStop="CancelOrders")
                sidecar.stop()
            shutil.rmtree(sidecar.folder)
        self.sidecars.clear()
        self.set_account()

    def close(self) -> None:
        """End every process and remove every folder."""
        for sidecar in self.sidecars:
            sidecar.close()
            shutil.rmtree(sidecar.folder)
        self.gateway.kill()
        shutil.rmtree(self._folder)
