"""Control: trading, limits and stop rules of an Algorithm or account, brought to its running gateway.

Apart from the rest of both, with a queue of its own that goes before all others: a kill switch waits for no other step,
however slowly the API server takes that one. Nothing else writes these annotations of a pod that runs.

A kubelet with many pods can miss a change: it renders a volume from the state of the pod that it held a moment before,
and looks at the pod again a minute later. So the operator sees whether the gateway goes by what was written, and else
touches the pod again, which makes the kubelet look.
"""

import asyncio
from dataclasses import dataclass

from stockade_crds import Algorithm, ExchangeAccount
from stockade_operator.manifests.control import write_account_control, write_algorithm_control
from stockade_operator.manifests.metadata import (
    CONTROL_ANNOTATION,
    CONTROL_REPEATED_ANNOTATION,
    KEYS_SECRET_ANNOTATION,
    Manifest,
    name_pod,
)
from stockade_operator.observed import Key
from stockade_operator.pods import find_owner, read_pod
from stockade_operator.policies import choose_keys, ignores_control, lacks_limits, read_keys_in_use
from stockade_operator.reconcile.context import Context

PATIENCE_SECONDS = 2.0
"""How long a gateway may go by its former control: half a second of the kubelet's, and a round of the polls."""
LONGEST_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class _Doubt:
    """A gateway that has not been seen to obey yet."""

    control: str
    patience_seconds: float
    due: float


class ControlReconciler:
    """Reconciles the control of algorithms and accounts."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._doubts: dict[str, _Doubt] = {}
        """By the uid of the pod."""

    async def reconcile(self, key: Key) -> float | None:
        """Write what the object's gateway is to obey, if that has changed, and see that it does."""
        if key.kind == "ExchangeAccount":
            return await self._tell_account_gateway(key)
        return await self._tell_sidecar(key)

    async def _tell_account_gateway(self, key: Key) -> float | None:
        live = await self._context.observed.find("ExchangeAccount", key.namespace, key.name)
        if live is None or "deletionTimestamp" in live["metadata"]:
            return None
        wanted = {CONTROL_ANNOTATION: write_account_control(ExchangeAccount.model_validate(live))}
        pods = [pod for pod in self._context.observed.list_known("Pod", key.namespace) if find_owner(pod) == key]
        waits = [await self._tell(pod, wanted) for pod in pods]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _tell_sidecar(self, key: Key) -> float | None:
        context = self._context
        live = await context.observed.find("Algorithm", key.namespace, key.name)
        pod = await context.observed.find("Pod", key.namespace, name_pod(key.name)) if live is not None else None
        if live is None or pod is None:
            return None
        algorithm, facts = Algorithm.model_validate(live), read_pod(pod)
        found = await context.observed.find("ExchangeAccount", key.namespace, algorithm.spec.account)
        if found is None or facts.owner_uid != algorithm.metadata.uid:
            return None
        account = ExchangeAccount.model_validate(found)
        if lacks_limits(algorithm, account):
            # No limits at all would be the loosest control; the pod stops with the last ones it had.
            return None
        wanted = {
            CONTROL_ANNOTATION: write_algorithm_control(algorithm, account, choose_keys(account, facts)),
            KEYS_SECRET_ANNOTATION: read_keys_in_use(facts, context.gateways.find(facts.uid)),
        }
        return await self._tell(pod, wanted)

    async def _tell(self, pod: Manifest, wanted: dict[str, str]) -> float | None:
        """Write what differs; return in how many seconds to see whether the gateway obeys, None when it does."""
        uid, present = pod["metadata"]["uid"], pod["metadata"].get("annotations", {})
        if any(present.get(name) != text for name, text in wanted.items()):
            await self._annotate(pod, wanted)
        leaves = "deletionTimestamp" in pod["metadata"]
        if leaves or not ignores_control(wanted[CONTROL_ANNOTATION], self._context.gateways.find(uid)):
            self._doubts.pop(uid, None)
            return None
        now, doubt = asyncio.get_running_loop().time(), self._doubts.get(uid)
        if doubt is None or doubt.control != wanted[CONTROL_ANNOTATION]:
            doubt = _Doubt(wanted[CONTROL_ANNOTATION], PATIENCE_SECONDS, now + PATIENCE_SECONDS)
        elif now >= doubt.due:
            await self._annotate(pod, {CONTROL_REPEATED_ANNOTATION: self._context.now().isoformat()})
            patience_seconds = min(2 * doubt.patience_seconds, LONGEST_PATIENCE_SECONDS)
            doubt = _Doubt(doubt.control, patience_seconds, now + patience_seconds)
        self._forget_the_gone(now)
        self._doubts[uid] = doubt
        return max(doubt.due - now, 0.01)

    def _forget_the_gone(self, now: float) -> None:
        """Drop doubts that nobody has looked at again when it was time."""
        late = [uid for uid, doubt in self._doubts.items() if now > doubt.due + LONGEST_PATIENCE_SECONDS]
        for uid in late:
            del self._doubts[uid]

    async def _annotate(self, pod: Manifest, annotations: dict[str, str]) -> None:
        self._context.observed.put("Pod", await self._context.cluster.annotate("Pod", pod, annotations))
