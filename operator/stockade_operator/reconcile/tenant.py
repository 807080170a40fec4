"""Tenant: a namespace with its fences, and a role in the ledger."""

from stockade_crds import ConditionStatus, Tenant, TenantStatus
from stockade_operator.alerts import find_alerts, list_rows
from stockade_operator.errors import ConflictError, LedgerError, RefusedError
from stockade_operator.ledger import make_password
from stockade_operator.manifests.ledger_secret import make_ledger_secret, read_password
from stockade_operator.manifests.metadata import (
    LEDGER_SECRET,
    NETWORK_CANARY,
    TENANT_FINALIZER,
    Manifest,
    name_namespace,
)
from stockade_operator.manifests.network_canary import make_network_canary
from stockade_operator.manifests.tenant_access import make_role_binding
from stockade_operator.manifests.tenant_namespace import make_limit_range, make_namespace, make_quota
from stockade_operator.manifests.tenant_network import make_network_policies
from stockade_operator.network_check import CONDITION, LOOK_SECONDS, Flight, judge_network, plan_flight
from stockade_operator.observed import Key
from stockade_operator.reconcile.context import Context
from stockade_operator.status import Fact, date_facts, no, unknown, yes

TOLD = frozenset({"Ready=False>True", "Ready=True>False", "LedgerReady=False", "NetworkPolicyEnforced=False"})
RETRY_SECONDS = 15.0
LEAVING_SECONDS = 3.0


class TenantReconciler:
    """Reconciles tenants."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger_knows: dict[str, object] = {}
        """What was last written to the ledger for each tenant, by uid; a new process writes it again."""

    async def reconcile(self, key: Key) -> float | None:
        """Bring one tenant to what its resource says."""
        live = await self._context.observed.find("Tenant", "", key.name)
        if live is None:
            self._context.forget(key)
            return None
        tenant = Tenant.model_validate(live)
        if tenant.metadata.deletion_timestamp is not None:
            return await self._dismantle(tenant, live)
        if TENANT_FINALIZER not in tenant.metadata.finalizers:
            live = await self._context.set_finalizers("Tenant", live, [*tenant.metadata.finalizers, TENANT_FINALIZER])
            tenant = Tenant.model_validate(live)
        namespace = await self._keep_namespace(tenant)
        ledger = await self._keep_ledger(tenant, namespace)
        network, look_again = await self._check_network(tenant, namespace)
        again = await self._report(tenant, live, [namespace, ledger], network)
        if ledger.status is not ConditionStatus.TRUE:
            return RETRY_SECONDS
        return look_again if again is None else min(again, look_again)

    async def _check_network(self, tenant: Tenant, namespace: Fact) -> tuple[Fact, float]:
        """Fly the canary when it is time, and say what the last one found; never in the way of anything else."""
        context, name = self._context, tenant.metadata.name
        if context.settings.address is None:
            return unknown(CONDITION, "NotChecked", "The operator runs outside of the cluster."), LOOK_SECONDS
        canary = await context.observed.find("Pod", name_namespace(name), NETWORK_CANARY)
        fact = judge_network(canary, tenant.status.conditions, context.now())
        if namespace.status is not ConditionStatus.TRUE:
            return fact, LOOK_SECONDS
        flight, seconds = plan_flight(canary, fact, context.now())
        try:
            if flight is Flight.START:
                pod = make_network_canary(name, tenant.metadata.uid or "", context.settings.address, context.settings)
                context.observed.put("Pod", await context.cluster.create(pod))
            elif flight is Flight.REMOVE and canary is not None:
                await context.cluster.delete("Pod", canary)
        except RefusedError as error:
            return unknown(CONDITION, "CanaryRefused", f"The API server refused the canary pod: {error}"), RETRY_SECONDS
        return fact, seconds

    async def _keep_namespace(self, tenant: Tenant) -> Fact:
        context = self._context
        name = name_namespace(tenant.metadata.name)
        live = await context.cluster.get("Namespace", None, name)
        if live is not None:
            owners = {owner["uid"] for owner in live["metadata"].get("ownerReferences", [])}
            if tenant.metadata.uid not in owners:
                message = (
                    f"Namespace {name!r} exists and is not this tenant's. Remove it, or name the tenant otherwise."
                )
                return no("NamespaceReady", "NamespaceNotOwned", message)
            if "deletionTimestamp" in live["metadata"]:
                return no(
                    "NamespaceReady", "NamespaceTerminating", f"Namespace {name!r} is being removed; it is made anew."
                )
        platform = context.settings.namespace
        children = [
            make_namespace(tenant),
            *make_network_policies(tenant, platform, context.settings.ledger_host),
            make_quota(tenant),
            make_limit_range(tenant),
            make_role_binding(tenant, platform),
        ]
        try:
            for child in children:
                await context.keep(child)
        except RefusedError as error:
            return no("NamespaceReady", "Refused", f"The API server refused a part of the namespace: {error}")
        return yes("NamespaceReady", "NamespaceReady", f"Namespace {name!r} has its quota, policies and bindings.")

    async def _keep_ledger(self, tenant: Tenant, namespace: Fact) -> Fact:
        if namespace.status is not ConditionStatus.TRUE:
            return no("LedgerReady", namespace.reason, "The ledger's Secret needs the namespace first.")
        try:
            await self._keep_role(tenant)
            await self._list(tenant)
        except LedgerError as error:
            message = f"The database did not take it: {error}. Algorithms go on, and it is tried again."
            return no("LedgerReady", "LedgerUnavailable", message)
        return yes("LedgerReady", "LedgerReady", "The tenant's role, Secret and rows are in the ledger.")

    async def _keep_role(self, tenant: Tenant) -> None:
        """Give the tenant a role whose password only its Secret holds.

        The role gets the password before the Secret does. Killed in between, the next run finds no Secret and sets
        another; a Secret that exists is what the role follows.
        """
        context = self._context
        name = tenant.metadata.name
        role = name_namespace(name)
        secret = await context.cluster.get("Secret", role, LEDGER_SECRET)
        if secret is None:
            password = make_password()
            await context.ledger.set_role(role, password)
            try:
                await context.cluster.create(make_ledger_secret(name, password, context.settings.ledger_host))
            except ConflictError:
                secret = await context.cluster.get("Secret", role, LEDGER_SECRET)
        if secret is not None and (
            tenant.metadata.uid not in self._ledger_knows or not await context.ledger.has_role(role)
        ):
            await context.ledger.set_role(role, read_password(secret))

    async def _list(self, tenant: Tenant) -> None:
        context = self._context
        uid, namespace = tenant.metadata.uid or "", name_namespace(tenant.metadata.name)
        algorithms = context.observed.list_known("Algorithm", namespace)
        accounts = context.observed.list_known("ExchangeAccount", namespace)
        rows, alerts = list_rows(algorithms), find_alerts(algorithms, accounts)
        display_name = tenant.spec.display_name or tenant.metadata.name
        if self._ledger_knows.get(uid) == (display_name, rows, alerts):
            return
        await context.ledger.open_tenant(uid, tenant.metadata.name, display_name)
        await context.ledger.list_algorithms(uid, rows)
        await context.ledger.list_alerts(uid, alerts)
        self._ledger_knows[uid] = (display_name, rows, alerts)

    async def _dismantle(self, tenant: Tenant, live: Manifest) -> float | None:
        """Take the tenant apart in order: algorithms, namespace, role. Its rows in the ledger stay."""
        context = self._context
        if TENANT_FINALIZER not in tenant.metadata.finalizers:
            return None
        name = name_namespace(tenant.metadata.name)
        algorithms = await context.cluster.list_objects("Algorithm", name)
        for algorithm in algorithms:
            if "deletionTimestamp" not in algorithm["metadata"]:
                await context.cluster.delete("Algorithm", algorithm)
        if algorithms:
            message = f"{len(algorithms)} Algorithms are stopping, each with its onStop."
            await self._report_leaving(tenant, live, "StoppingAlgorithms", message)
            return LEAVING_SECONDS
        namespace = await context.cluster.get("Namespace", None, name)
        owned = namespace is not None and any(
            owner["uid"] == tenant.metadata.uid for owner in namespace["metadata"].get("ownerReferences", [])
        )
        if namespace is not None and owned:
            if "deletionTimestamp" not in namespace["metadata"]:
                await context.cluster.delete("Namespace", namespace)
            await self._report_leaving(tenant, live, "RemovingNamespace", f"Namespace {name!r} is being removed.")
            return LEAVING_SECONDS
        try:
            await context.ledger.close_tenant(tenant.metadata.uid or "", name)
        except LedgerError as error:
            message = f"The tenant's database role is not removed yet: {error}. It is tried again."
            await self._report_leaving(tenant, live, "LedgerUnavailable", message)
            return RETRY_SECONDS
        self._ledger_knows.pop(tenant.metadata.uid or "", None)
        rest = [each for each in tenant.metadata.finalizers if each != TENANT_FINALIZER]
        await context.set_finalizers("Tenant", live, rest)
        return None

    async def _report(self, tenant: Tenant, live: Manifest, facts: list[Fact], network: Fact) -> float | None:
        """Write the status. What the network does is said and makes nobody unready: nothing of ours mends it."""
        first = next((fact for fact in facts if fact.status is not ConditionStatus.TRUE), None)
        if first is None:
            ready = yes("Ready", "Ready", "The tenant may create ExchangeAccounts and Algorithms.")
        else:
            ready = no("Ready", first.reason, first.message)
        return await self._write(tenant, live, [ready, *facts, network])

    async def _report_leaving(self, tenant: Tenant, live: Manifest, reason: str, message: str) -> None:
        await self._write(tenant, live, [no("Ready", reason, message)])

    async def _write(self, tenant: Tenant, live: Manifest, facts: list[Fact]) -> float | None:
        generation = tenant.metadata.generation
        status = TenantStatus(
            observed_generation=generation,
            namespace=name_namespace(tenant.metadata.name),
            conditions=date_facts(facts, tenant.status.conditions, generation, self._context.now()),
        )
        _, again = await self._context.report("Tenant", live, status, tenant.status.conditions, TOLD)
        return again
