"""ExchangeAccount: the Deployment and Service of its gateway, what it found out about the keys."""

from stockade_crds import Algorithm, ExchangeAccount, Tenant
from stockade_operator.account_status import TOLD, AccountFacts, describe_account
from stockade_operator.manifests.account_gateway import make_account_deployment, make_account_service
from stockade_operator.manifests.metadata import Manifest, name_account_gateway, name_tenant
from stockade_operator.manifests.tenant_network import make_account_policy
from stockade_operator.observed import Key, key_of
from stockade_operator.pods import PodFacts, find_owner, read_pod
from stockade_operator.policies import judge_account, judge_keys
from stockade_operator.reconcile.context import Context


class AccountReconciler:
    """Reconciles exchange accounts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def reconcile(self, key: Key) -> float | None:
        """Bring one account to what its resource says."""
        context = self._context
        live = await context.observed.find("ExchangeAccount", key.namespace, key.name)
        if live is None or "deletionTimestamp" in live["metadata"]:
            # Deployment and Service go with their owner; the Algorithms that trade on it stop.
            context.forget(key)
            self._wake_algorithms(key)
            return None
        account = ExchangeAccount.model_validate(live)
        name = name_tenant(key.namespace)
        found = await context.observed.find("Tenant", "", name) if name is not None else None
        accepted = judge_account(account, Tenant.model_validate(found) if found is not None else None)
        pods = self._list_pods(key)
        if name is not None and accepted.allows:
            await context.keep(make_account_service(name, account))
            await context.keep(make_account_policy(name, account))
            await context.keep(make_account_deployment(name, account, context.settings))
        else:
            await self._remove_gateway(key)
        pod = _choose_pod(account, pods)
        heard = context.gateways.find(pod.uid) if pod is not None else None
        facts = AccountFacts(
            account=account,
            accepted=accepted,
            keys=judge_keys(account, pod, heard),
            pod=pod,
            heard=heard,
            algorithms=self._list_algorithms(key),
            now=context.now(),
        )
        status = describe_account(facts)
        _, again = await context.report("ExchangeAccount", live, status, account.status.conditions, TOLD)
        return again

    def _list_pods(self, key: Key) -> list[Manifest]:
        found = self._context.observed.list_known("Pod", key.namespace)
        return [pod for pod in found if find_owner(pod) == key]

    def _list_algorithms(self, key: Key) -> list[Algorithm]:
        found = self._context.observed.list_known("Algorithm", key.namespace)
        return [Algorithm.model_validate(each) for each in found if each["spec"]["account"] == key.name]

    def _wake_algorithms(self, key: Key) -> None:
        for each in self._context.observed.list_known("Algorithm", key.namespace):
            if each["spec"]["account"] == key.name:
                self._context.enqueue(key_of("Algorithm", each))

    async def _remove_gateway(self, key: Key) -> None:
        for kind in ("Deployment", "Service"):
            child = await self._context.cluster.get(kind, key.namespace, name_account_gateway(key.name))
            if child is not None and "deletionTimestamp" not in child["metadata"]:
                await self._context.cluster.delete(kind, child)


def _choose_pod(account: ExchangeAccount, pods: list[Manifest]) -> PodFacts | None:
    """Return the newest pod that mounts the keys the account names now; another one's report is about other keys."""
    facts = [read_pod(pod) for pod in pods]
    fitting = [
        pod
        for pod in facts
        if pod.keys_secret == account.spec.keys_secret.name and pod.deleting_since is None and not pod.finished
    ]
    return max(fitting, key=lambda pod: (pod.gateway.ready, pod.created, pod.name), default=None)
