"""Control: trading, limits and stop rules of an Algorithm or account, brought to its running gateway.

Apart from the rest of both, with a queue of its own that goes before all others: a kill switch waits for no other step,
however slowly the API server takes that one. Nothing else writes these annotations of a pod that runs.
"""

from stockade_crds import Algorithm, ExchangeAccount
from stockade_operator.manifests.control import write_account_control, write_algorithm_control
from stockade_operator.manifests.metadata import CONTROL_ANNOTATION, KEYS_SECRET_ANNOTATION, Manifest, name_pod
from stockade_operator.observed import Key
from stockade_operator.pods import find_owner, read_pod
from stockade_operator.policies import choose_keys, lacks_limits, read_keys_in_use
from stockade_operator.reconcile.context import Context


class ControlReconciler:
    """Reconciles the control of algorithms and accounts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def reconcile(self, key: Key) -> None:
        """Write what the object's gateway is to obey, if that has changed."""
        if key.kind == "ExchangeAccount":
            await self._tell_account_gateway(key)
        else:
            await self._tell_sidecar(key)

    async def _tell_account_gateway(self, key: Key) -> None:
        live = await self._context.observed.find("ExchangeAccount", key.namespace, key.name)
        if live is None or "deletionTimestamp" in live["metadata"]:
            return
        wanted = {CONTROL_ANNOTATION: write_account_control(ExchangeAccount.model_validate(live))}
        for pod in self._context.observed.list_known("Pod", key.namespace):
            if find_owner(pod) == key:
                await self._annotate(pod, wanted)

    async def _tell_sidecar(self, key: Key) -> None:
        context = self._context
        live = await context.observed.find("Algorithm", key.namespace, key.name)
        pod = await context.observed.find("Pod", key.namespace, name_pod(key.name)) if live is not None else None
        if live is None or pod is None:
            return
        algorithm, facts = Algorithm.model_validate(live), read_pod(pod)
        found = await context.observed.find("ExchangeAccount", key.namespace, algorithm.spec.account)
        if found is None or facts.owner_uid != algorithm.metadata.uid:
            return
        account = ExchangeAccount.model_validate(found)
        if lacks_limits(algorithm, account):
            # No limits at all would be the loosest control; the pod stops with the last ones it had.
            return
        wanted = {
            CONTROL_ANNOTATION: write_algorithm_control(algorithm, account, choose_keys(account, facts)),
            KEYS_SECRET_ANNOTATION: read_keys_in_use(facts, context.gateways.find(facts.uid)),
        }
        await self._annotate(pod, wanted)

    async def _annotate(self, pod: Manifest, wanted: dict[str, str]) -> None:
        present = pod["metadata"].get("annotations", {})
        if any(present.get(name) != text for name, text in wanted.items()):
            self._context.observed.put("Pod", await self._context.cluster.annotate("Pod", pod, wanted))
