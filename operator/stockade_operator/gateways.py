"""What gateways report about themselves: their read-only status, asked every second and a half.

Apart from the cluster's client because it is another server, one per pod, and any of them may be slow or gone.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from stockade_operator import metrics
from stockade_operator.errors import GatewayError
from stockade_operator.manifests.metadata import (
    ACCOUNT_GATEWAY,
    ALGORITHM_POD,
    NAME_LABEL,
    Manifest,
)
from stockade_operator.observed import Key, Observed
from stockade_operator.pods import find_owner, read_pod
from stockade_operator.work_queue import WorkQueue

POLL_SECONDS = 1.5
ANSWER_SECONDS = 5.0
LARGEST_ANSWER = 256 * 1024
FAILURES_UNTIL_UNKNOWN = 3
PORTS = {ALGORITHM_POD: 8081, ACCOUNT_GATEWAY: 8080}

logger = logging.getLogger(__name__)


class _Report(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class FaultReport(_Report):
    """Why the user's code failed, as the runner told the gateway."""

    kind: str = ""
    message: str = ""
    file: str | None = None
    line: int | None = None


class LedgerReport(_Report):
    """How many rows wait for the database."""

    spooled: int = 0
    error: str | None = None


class OnStopReport(_Report):
    """What the gateway did when it was told to leave."""

    action: str = "CancelOrders"
    result: str = "Incomplete"
    message: str = ""


class AlgorithmReport(_Report):
    """The status of a sidecar, as far as the operator uses it."""

    control_generation: int | None = None
    trading: str | None = None
    connected: bool = False
    reconciled: bool = False
    last_reconciled_time: str | None = None
    algorithm_state: str = "Waiting"
    fault: FaultReport | None = None
    open_orders: int | None = None
    positions: dict[str, str] = Field(default_factory=dict)
    position_notional: str | None = None
    realized_pnl_today: str | None = None
    fees_today: str | None = None
    quote_asset: str | None = None
    within_limits: bool = True
    limit_breached: str | None = None
    key_version: str | None = None
    keys_secret: str | None = None
    on_stop: OnStopReport | None = None
    ledger: LedgerReport = Field(default_factory=LedgerReport)
    reason: str | None = None


class PermissionsReport(_Report):
    """What the exchange says an API key may do."""

    can_trade: bool = False
    can_withdraw: bool
    """Without a default: what nobody said is not harmless."""
    ip_restricted: bool | None = None


class AccountReport(_Report):
    """The status of an account's gateway, as far as the operator uses it."""

    environment: str = ""
    control_generation: int | None = None
    key_version: str | None = None
    permissions: PermissionsReport | None = None
    weight_used: int | None = None
    connected: bool = False
    message: str | None = None


@dataclass(frozen=True)
class Heard:
    """The newest word of one pod's gateway."""

    pod_uid: str
    report: AlgorithmReport | AccountReport | None
    """The last one that could be read; None when there was none yet."""
    failures: int
    error: str

    @property
    def known(self) -> bool:
        """Whether the report is fresh enough to be shown as what is so."""
        return self.report is not None and self.failures < FAILURES_UNTIL_UNKNOWN


class Gateways:
    """Polls every gateway by its pod's address and says which object's report has changed."""

    def __init__(self, observed: Observed, on_change: Callable[[Key], None]) -> None:
        self._observed = observed
        self._on_change = on_change
        self._heard: dict[str, Heard] = {}
        self._asking: set[str] = set()

    def find(self, pod_uid: str) -> Heard | None:
        """Return the newest word of a pod's gateway, or None when it was not asked yet."""
        return self._heard.get(pod_uid)

    async def begin(self) -> None:
        """Ask every gateway once, so that a new operator does not forget what the last one knew."""
        async with _open_session() as session:
            pods = [pod for pod in self._observed.list_known("Pod") if _can_answer(pod)]
            await asyncio.gather(*(self._poll(session, pod) for pod in pods))

    async def run(self, first: WorkQueue) -> None:
        """Poll until cancelled, while nothing waits that goes `first`; a gateway without an answer delays no other."""
        async with _open_session() as session, asyncio.TaskGroup() as group:
            while True:
                await first.wait_until_taken_up()
                pods = self._observed.list_known("Pod")
                for pod in pods:
                    uid = pod["metadata"]["uid"]
                    if uid not in self._asking and _can_answer(pod):
                        self._asking.add(uid)
                        group.create_task(self._poll(session, pod))
                self._forget_all_but({pod["metadata"]["uid"] for pod in pods})
                await asyncio.sleep(POLL_SECONDS)

    async def _poll(self, session: aiohttp.ClientSession, pod: Manifest) -> None:
        uid = pod["metadata"]["uid"]
        before = self._heard.get(uid)
        try:
            report = await _ask(session, pod)
        except GatewayError as error:
            failures = (before.failures if before else 0) + 1
            now = Heard(uid, before.report if before else None, failures, str(error))
            metrics.POLLS.labels("failed").inc()
        else:
            now = Heard(uid, report, 0, "")
            metrics.POLLS.labels("done").inc()
        finally:
            self._asking.discard(uid)
        self._heard[uid] = now
        if before is None or (before.known, before.report) != (now.known, now.report):
            owner = find_owner(pod)
            if owner is not None:
                self._on_change(owner)

    def _forget_all_but(self, uids: set[str]) -> None:
        for uid in [uid for uid in self._heard if uid not in uids]:
            del self._heard[uid]


def _open_session() -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=200), auto_decompress=False)


def _can_answer(pod: Manifest) -> bool:
    if find_owner(pod) is None:
        return False
    facts = read_pod(pod)
    return bool(facts.address) and not facts.finished and facts.gateway.state == "running"


async def _ask(session: aiohttp.ClientSession, pod: Manifest) -> AlgorithmReport | AccountReport:
    name = pod["metadata"]["labels"][NAME_LABEL]
    address = pod["status"]["podIP"]
    host = f"[{address}]" if ":" in address else address
    try:
        async with session.get(f"http://{host}:{PORTS[name]}/status", allow_redirects=False) as response:
            if response.status != 200:
                raise GatewayError(f"/status answered {response.status}")
            text = await _read_body(response)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise GatewayError(f"/status did not answer ({type(error).__name__})") from error
    return _parse(AlgorithmReport if name == ALGORITHM_POD else AccountReport, text)


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise GatewayError(f"/status is larger than {LARGEST_ANSWER} bytes")
    return bytes(body)


def _parse(form: type[AlgorithmReport] | type[AccountReport], text: bytes) -> AlgorithmReport | AccountReport:
    try:
        content: Any = json.loads(text)
        return form.model_validate(content)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        raise GatewayError(f"/status has wrong fields: {fields}") from error
    except (ValueError, RecursionError) as error:
        # Nested too deep counts as well: one pod's answer must not end the polls of all.
        raise GatewayError("/status is not JSON") from error
