"""One exchange account's side of the stage: its gateway as a real process, its limits and switch, and its keys.

It has a thread of its own in which everything happens to it, one thing after the other, as each pod has; a change of
keys goes on between those, step by step, as the operator drives it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.evidence import ControlPeriod, ManualEvidence
from tests.chaos.person import Person
from tests.chaos.pod import RESTART_SECONDS, Pod, list_account_limits, now_ms
from tests.chaos.turns import Turns, freeze
from tests.support.account_gateway_process import AccountGatewayProcess
from tests.support.sidecar_process import FIRST_KEYS, PaperExchange

# For each algorithm of the account: less than these want, so that they have to share.
WIDE_EXPOSURE, TIGHT_EXPOSURE = 300, 100
# More than anybody loses in a run, and as good as nothing: what the fees of a few orders come to.
WIDE_LOSS, TIGHT_LOSS = Decimal(1000), Decimal("0.02")


class Step(StrEnum):
    """How far a change of keys is."""

    TRYING = "the account's gateway tries the new keys"
    TAKING = "the pods take the new keys"


@dataclass
class Rotation:
    """A change of keys under way, from one Secret to the next."""

    secret: str
    key: Mapping[str, Any]
    step: Step = Step.TRYING


class Account:
    """Runs until `close`; `do` hands it something to happen."""

    def __init__(
        self, name: str, *, number: int, size: int, paper: PaperExchange, ledger_url: str, token: str, folder: Path
    ) -> None:
        self.name = name
        self.number = number
        self.key: Mapping[str, Any] = paper.open_account(account=number)
        self.secret = FIRST_KEYS
        self.pods: list[Pod] = []
        self.rotations = 0
        self.deaths: list[str] = []
        self._size = size
        self._paper = paper
        self._rotation: Rotation | None = None
        self._versions = 1
        self._revoked: list[str] = []
        self._revocations: list[tuple[int, int | None]] = []
        self._trading = "Active"
        self._exposure, self._loss = WIDE_EXPOSURE, WIDE_LOSS
        # Every generation of its gateway's control, from the second one on: the process begins with one of its own.
        self._controls: list[ControlPeriod] = []
        keys = {each: str(self.key[each]) for each in ("apiKey", "apiSecret")}
        self.gateway = AccountGatewayProcess(
            folder, tenant="alpha", account=name, exchange_port=paper.port, ledger_url=ledger_url, keys=keys
        )
        self._control_gateway()
        self.person = Person(self.gateway, token, name, self.deaths)
        self._turns = Turns(name, self._look_after, self.deaths)
        self._turns.start()

    # --- For the stage ------------------------------------------------------------------------------------------------

    @property
    def control(self) -> dict[str, Any]:
        """The account's part of each pod's control."""
        exposure, loss = str(self._exposure * self._size), str(self._loss * self._size)
        limits = {"maxExposure": exposure, "maxDailyLoss": loss, "quoteAsset": "USDT"}
        return {"trading": self._trading, "limits": limits}

    def do(self, act: Callable[[], None]) -> None:
        """Have something happen to the account, after what is happening to it now."""
        self._turns.do(act)

    def find_unsettled(self) -> str | None:
        """Return what is still under way, None when nothing."""
        if not (self._turns.is_idle and self.person.is_idle):
            return f"{self.name}: something is still to happen to it"
        if self._rotation is not None:
            return f"{self.name}: {self._rotation.step}"
        try:
            status = self.gateway.status()
        except httpx.HTTPError as error:
            return f"{self.name}: its gateway does not answer: {error}"
        if status["message"] or not status["connected"] or status["ledger"]["spooled"]:
            return f"{self.name}: {status['message'] or status['ledger']}"
        return None

    def collect(self) -> ManualEvidence:
        """Return what a person did on it, and what its gateway was told."""
        return ManualEvidence(
            account=self.number,
            account_name=self.name,
            controls=tuple(self._controls),
            wishes=tuple(self.person.wishes),
            cancels=frozenset(self.person.cancels),
        )

    def list_revocations(self) -> list[tuple[int, int]]:
        """Return from when until when a key that somebody still used was revoked."""
        return [(since_ms, now_ms() if until_ms is None else until_ms) for since_ms, until_ms in self._revocations]

    def close(self) -> None:
        """Make sure that nothing of it is left."""
        self.person.close()
        self._turns.close(120)
        self.gateway.kill()

    # --- What may happen to it; each runs in the account's thread -----------------------------------------------------

    def kill_gateway(self) -> None:
        """Kill the gateway's process, and with it every lease it knows of; the Deployment makes another."""
        self.gateway.kill()
        time.sleep(RESTART_SECONDS)
        self.gateway.start()

    def freeze_gateway(self, seconds: float) -> None:
        """Let the gateway stand still."""
        freeze(self.gateway.pid, seconds)

    def switch(self, trading: str) -> None:
        """Turn the account's switch, in the gateway and in every pod."""
        self._trading = trading
        self._tell_control()

    def limit(self, exposure: int) -> None:
        """Give the account so much exposure for each of its algorithms."""
        self._exposure = exposure
        self._tell_control()

    def limit_loss(self, loss: Decimal) -> None:
        """Let the account lose so much in a day for each of its algorithms."""
        self._loss = loss
        self._tell_control()

    def revoke_key(self) -> None:
        """Delete the key that is in use."""
        key = str(self.key["apiKey"])
        if key not in self._revoked:
            self._revoked.append(key)
            self._revocations.append((now_ms(), None))
            self._delete_key(key)

    def restore_key(self) -> None:
        """Allow the key again, unless another has taken its place since."""
        if str(self.key["apiKey"]) in self._revoked:
            self._revoked.remove(str(self.key["apiKey"]))
            keys = {name: self.key[name] for name in ("apiKey", "apiSecret")}
            self._paper.open_account(account=self.number, **keys)
            self._end_revocation()

    def rotate_keys(self, *, revoked_first: bool) -> None:
        """Begin to change the keys; with `revoked_first` the old ones are gone before anybody knows of the new."""
        if self._rotation is not None:
            return
        self._versions += 1
        self._rotation = Rotation(f"paper-keys-{self._versions}", self._paper.open_account(account=self.number))
        if revoked_first:
            self.revoke_key()
        for pod in self.pods:
            pod.sidecar.mount_keys(self._rotation.secret, self._rotation.key)
        self.gateway.stop()
        self.gateway.mount_keys({name: str(self._rotation.key[name]) for name in ("apiKey", "apiSecret")})
        self.gateway.start()

    # --- The operator -------------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        if not self.gateway.is_running:
            self.deaths.append(f"the gateway of {self.name} ended by itself:\n{self.gateway.log()[-3000:]}")
            self.gateway.start()
        if self._controls[-1].acknowledged_ms is None:
            self._note_control()
        if self._rotation is not None:
            self._go_on(self._rotation)

    def _go_on(self, rotation: Rotation) -> None:
        """Take the next step of a change of keys, if it may be taken now."""
        if rotation.step is Step.TRYING and self._keys_are_good():
            rotation.step = Step.TAKING
            for pod in self.pods:
                pod.do(lambda pod=pod: pod.change_control(keysSecret=rotation.secret))  # type: ignore[misc] # one each
        elif rotation.step is Step.TAKING and all(pod.keys_secret == rotation.secret for pod in self.pods):
            old, self.key, self.secret = str(self.key["apiKey"]), rotation.key, rotation.secret
            if old in self._revoked:
                self._end_revocation()
            else:
                self._delete_key(old)
            self.rotations += 1
            self._rotation = None

    def _keys_are_good(self) -> bool:
        """Ask the gateway what it found out about its keys."""
        try:
            return self.gateway.status()["permissions"] is not None
        except httpx.HTTPError:
            return False

    def _tell_control(self) -> None:
        self._control_gateway()
        control = self.control
        for pod in self.pods:
            pod.do(lambda pod=pod: pod.change_control(account=control))  # type: ignore[misc] # a pod each

    def _control_gateway(self) -> None:
        control = self.control
        self._controls.append(ControlPeriod(now_ms(), None, control["trading"], list_account_limits(control)))
        self.gateway.control(control["trading"], generation=1 + len(self._controls), limits=control["limits"])

    def _note_control(self) -> None:
        """Note when the gateway has said that it obeys its newest control."""
        try:
            generation = self.gateway.status()["controlGeneration"]
        except httpx.HTTPError:
            return
        if generation == 1 + len(self._controls):
            self._controls[-1] = replace(self._controls[-1], acknowledged_ms=now_ms())

    def _end_revocation(self) -> None:
        since_ms, _ = self._revocations[-1]
        self._revocations[-1] = (since_ms, now_ms())

    def _delete_key(self, key: str) -> None:
        self._paper.call("DELETE", f"/paper/v1/keys/{key}")
