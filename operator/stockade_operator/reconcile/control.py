"""Control: trading, limits and stop rules of an Algorithm, brought to its running gateway.

Apart from the rest of the Algorithm, with a queue of its own: a kill switch waits for no other step of the same
Algorithm, however slowly the API server takes that one. Nothing else writes these annotations of a pod that runs.
"""

from stockade_crds import Algorithm, ExchangeAccount
from stockade_operator.manifests.control import write_algorithm_control
from stockade_operator.manifests.metadata import CONTROL_ANNOTATION, KEYS_SECRET_ANNOTATION, name_pod
from stockade_operator.observed import Key
from stockade_operator.pods import read_pod
from stockade_operator.policies import choose_keys, lacks_limits, read_keys_in_use
from stockade_operator.reconcile.context import Context


class ControlReconciler:
    """Reconciles the control of algorithms."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def reconcile(self, key: Key) -> None:
        """Write what the pod's gateway is to obey, if that has changed."""
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
        present = pod["metadata"].get("annotations", {})
        if any(present.get(name) != text for name, text in wanted.items()):
            context.observed.put("Pod", await context.cluster.annotate("Pod", pod, wanted))
