"""Algorithm: one pod at most, stopped with care, replaced only for a reason that is said."""

import asyncio
from dataclasses import dataclass

from stockade_crds import (
    Algorithm,
    Condition,
    ConditionStatus,
    ExchangeAccount,
    OnStopOutcome,
    StopAction,
    StopResult,
    Tenant,
    Version,
)
from stockade_operator import metrics
from stockade_operator.algorithm_status import TOLD, AlgorithmFacts, describe_algorithm
from stockade_operator.errors import ConflictError, RefusedError
from stockade_operator.gateways import Heard
from stockade_operator.manifests.algorithm_pod import PodInputs, hash_platform_part, hash_user_part, make_pod
from stockade_operator.manifests.control import write_algorithm_control
from stockade_operator.manifests.exchange import find_exchange
from stockade_operator.manifests.metadata import (
    ON_STOP_FINALIZER,
    SKIP_ON_STOP_ANNOTATION,
    Manifest,
    hash_json,
    name_pod,
    name_tenant,
)
from stockade_operator.observed import Key, key_of
from stockade_operator.pods import PodFacts, read_message, read_pod
from stockade_operator.policies import (
    UP_TO_DATE,
    Decision,
    Step,
    Update,
    Verdict,
    decide_pod,
    decide_update,
    is_deadline_passed,
    is_flat,
    is_overdue,
    is_wanted,
    judge_algorithm,
)
from stockade_operator.reconcile.context import Context
from stockade_operator.reconcile.version import freeze, read_source
from stockade_operator.status import Transition

AFTER_UNEXPECTED_END_SECONDS = 10.0
LEAVING_SECONDS = 5.0
LONGEST_REFUSED_SECONDS = 60.0


@dataclass
class _Run:
    """One reconcile of one Algorithm: what was read for it and what it decided."""

    key: Key
    live: Manifest
    algorithm: Algorithm
    account: ExchangeAccount | None
    accepted: Verdict
    version: Version | None
    inputs: PodInputs | None
    raw_pod: Manifest | None
    pod: PodFacts | None
    heard: Heard | None
    quota: int | None
    """How many Algorithms the tenant may have."""
    update: Update = UP_TO_DATE
    decision: Decision = Decision(Step.NOTHING, "Reading", "")  # noqa: RUF009 - frozen
    refused: str | None = None
    on_stop: OnStopOutcome | None = None


class AlgorithmReconciler:
    """Reconciles algorithms."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._not_before: dict[Key, float] = {}
        """When a pod that ended by itself may be replaced, so that a node that refuses it is not flooded."""
        self._creating: set[Key] = set()
        """The Algorithms whose pod is being made at this moment."""
        self._refusals: dict[Key, int] = {}
        """How often in a row the API server did not let a pod be made."""

    async def reconcile(self, key: Key) -> float | None:
        """Do the next step for one Algorithm."""
        live = await self._context.observed.find("Algorithm", key.namespace, key.name)
        if live is None:
            return await self._clear_orphan(key)
        return await self._advance(await self._read(key, live))

    async def _advance(self, run: _Run) -> float | None:
        if run.algorithm.metadata.deletion_timestamp is not None:
            return await self._leave(run)
        run.decision = decide_pod(
            run.algorithm.metadata.uid or "",
            run.pod,
            wanted=is_wanted(run.algorithm),
            why_not=None if run.accepted.allows else run.accepted,
            update=run.update,
        )
        again = await self._act(run)
        return _soonest(again, await self._report(run))

    async def _read(self, key: Key, live: Manifest) -> _Run:
        context = self._context
        algorithm = Algorithm.model_validate(live)
        tenant_name = name_tenant(key.namespace)
        tenant = await self._find_tenant(tenant_name)
        account = await self._find_account(key, algorithm)
        source = await read_source(context.cluster, algorithm)
        accepted = judge_algorithm(algorithm, tenant, account, self._rank(key, live), source.error)
        version = algorithm.status.version
        raw_pod = await context.observed.find("Pod", key.namespace, name_pod(key.name))
        pod = read_pod(raw_pod) if raw_pod is not None else None
        inputs = None
        if (
            accepted.allows
            and source.content is not None
            and tenant_name
            and account is not None
            and is_wanted(algorithm)
        ):
            runs = version is not None and pod is not None and pod.version == version.number
            if not runs or version is None or version.hash != source.content.hash():
                version = await freeze(context.cluster, tenant_name, algorithm, source.content)
            inputs = self._collect(tenant_name, algorithm, account, version)
        heard = context.gateways.find(pod.uid) if pod is not None else None
        quota = tenant.spec.quota.algorithms if tenant is not None else None
        run = _Run(key, live, algorithm, account, accepted, version, inputs, raw_pod, pod, heard, quota)
        run.on_stop = algorithm.status.on_stop
        if pod is not None and inputs is not None and account is not None and pod.owner_uid == algorithm.metadata.uid:
            run.update = decide_update(
                pod,
                hash_user_part(inputs),
                hash_platform_part(inputs),
                inputs.keys_secret,
                algorithm.spec.update_policy,
                flat=is_flat(heard),
            )
        return run

    async def _find_tenant(self, name: str | None) -> Tenant | None:
        found = await self._context.observed.find("Tenant", "", name) if name is not None else None
        return Tenant.model_validate(found) if found is not None else None

    async def _find_account(self, key: Key, algorithm: Algorithm) -> ExchangeAccount | None:
        found = await self._context.observed.find("ExchangeAccount", key.namespace, algorithm.spec.account)
        return ExchangeAccount.model_validate(found) if found is not None else None

    def _rank(self, key: Key, live: Manifest) -> int:
        """Return the Algorithm's place among its tenant's, from 1: those with a pod first, then by age.

        The age is in whole seconds, and of two of the same second one may be seen first: a pod settles it.
        """

        def place(found: Manifest) -> tuple[bool, str, str]:
            other = key_of("Algorithm", found)
            pod = self._context.observed.peek(Key("Pod", other.namespace, name_pod(other.name)))
            waits = pod is None and other not in self._creating
            return waits, found["metadata"]["creationTimestamp"], other.name

        own = place(live)
        return 1 + sum(place(each) < own for each in self._context.observed.list_known("Algorithm", key.namespace))

    def _collect(self, tenant: str, algorithm: Algorithm, account: ExchangeAccount, version: Version) -> PodInputs:
        settings, spec = self._context.settings, algorithm.spec
        return PodInputs(
            tenant=tenant,
            namespace=algorithm.metadata.namespace or "",
            algorithm=algorithm.metadata.name,
            uid=algorithm.metadata.uid or "",
            account=spec.account,
            environment=account.spec.environment.value,
            keys_secret=account.spec.keys_secret.name,
            exchange=find_exchange(account, settings.paper_url),
            own_endpoints=account.spec.endpoints is not None,
            version=version.number,
            version_hash=version.hash,
            symbols=tuple(spec.symbols),
            entrypoint=spec.entrypoint or "",
            cpu=spec.resources.cpu,
            memory=spec.resources.memory,
            runtime_class=spec.runtime_class_name,
            host_users=spec.host_users,
            code_image=spec.source.image,
            gateway_image=settings.gateway_image,
            algorithm_image=settings.algorithm_image,
            image_pull_policy=settings.image_pull_policy,
        )

    async def _act(self, run: _Run) -> float | None:
        if run.decision.step is Step.CREATE:
            return await self._create(run)
        if run.decision.step is Step.DELETE and run.raw_pod is not None:
            await self._stop(run, run.raw_pod)
        if run.decision.step is Step.RELEASE:
            return await self._release(run)
        return LEAVING_SECONDS if run.decision.step is Step.WAIT else None

    async def _create(self, run: _Run) -> float | None:
        wait = self._not_before.get(run.key, 0.0) - asyncio.get_running_loop().time()
        if wait > 0 or run.inputs is None or run.account is None:
            return max(wait, 1.0)
        if ON_STOP_FINALIZER not in run.algorithm.metadata.finalizers:
            finalizers = [*run.algorithm.metadata.finalizers, ON_STOP_FINALIZER]
            run.live = await self._context.set_finalizers("Algorithm", run.live, finalizers)
            run.algorithm = Algorithm.model_validate(run.live)
        if run.quota is None or self._rank(run.key, run.live) > run.quota:
            # Another one of the same second was faster; the next reconcile says so.
            return 0.0
        self._creating.add(run.key)
        try:
            made = await self._context.cluster.create(
                make_pod(run.inputs, write_algorithm_control(run.algorithm, run.account, run.inputs.keys_secret))
            )
            self._context.observed.put("Pod", made)
        except RefusedError as error:
            run.refused = str(error)
            count = self._refusals[run.key] = self._refusals.get(run.key, 0) + 1
            return min(2.0**count, LONGEST_REFUSED_SECONDS)
        except ConflictError:
            await self._context.observed.refresh("Pod", run.key.namespace, name_pod(run.key.name))
            raise
        finally:
            self._creating.discard(run.key)
        self._refusals.pop(run.key, None)
        run.raw_pod, run.pod, run.heard = made, read_pod(made), None
        return None

    async def _stop(self, run: _Run, pod: Manifest) -> None:
        """Begin the pod's end and say why: in this order, so that no stop waits for an Event."""
        name, action = pod["metadata"]["name"], run.algorithm.spec.on_stop.value
        told = f"{run.decision.message} Pod {name!r} is stopped; onStop is {action}."
        identity = hash_json([pod["metadata"]["uid"], "stop", run.decision.reason])
        reason = "Replacing" if run.update.restarts else "Stopping"
        await self._context.cluster.delete("Pod", pod)
        await self._context.tell("Algorithm", run.live, Transition(reason, told, warning=False, identity=identity))

    async def _release(self, run: _Run) -> float | None:
        """Keep what the gateway said at its end, then let the pod go: in this order, so that no outcome is lost."""
        pod, raw_pod = run.pod, run.raw_pod
        if pod is None or raw_pod is None:
            return None
        run.on_stop = find_outcome(run.algorithm.spec.on_stop, pod)
        bad = run.on_stop.result is StopResult.INCOMPLETE
        identity = hash_json([pod.uid, "onStop"])
        transition = Transition(f"OnStop{run.on_stop.result.value}", run.on_stop.message, bad, identity)
        await self._context.tell("Algorithm", run.live, transition)
        await self._report(run)
        if pod.deleting_since is None:
            self._not_before[run.key] = asyncio.get_running_loop().time() + AFTER_UNEXPECTED_END_SECONDS
            identity = hash_json([pod.uid, "ended"])
            transition = Transition("PodEnded", run.decision.message, warning=True, identity=identity)
            await self._context.tell("Algorithm", run.live, transition)
            await self._context.cluster.delete("Pod", raw_pod)
        await self._let_go(raw_pod)
        return 0.0

    async def _let_go(self, raw_pod: Manifest) -> None:
        key = key_of("Pod", raw_pod)
        fresh = await self._context.observed.refresh("Pod", key.namespace, key.name)
        if fresh is None or fresh["metadata"]["uid"] != raw_pod["metadata"]["uid"]:
            return
        rest = [each for each in fresh["metadata"].get("finalizers", []) if each != ON_STOP_FINALIZER]
        await self._context.cluster.patch(fresh, "Pod", {"metadata": {"finalizers": rest}})
        await self._context.observed.refresh("Pod", key.namespace, key.name)

    async def _leave(self, run: _Run) -> float | None:
        """Carry a deleted Algorithm to its end: the pod stops, its outcome is kept, then our finalizer goes."""
        context = self._context
        if ON_STOP_FINALIZER not in run.algorithm.metadata.finalizers:
            return None
        pod = run.pod if run.pod is not None and run.pod.owner_uid == run.algorithm.metadata.uid else None
        skipped = run.algorithm.metadata.annotations.get(SKIP_ON_STOP_ANNOTATION) == "true"
        if pod is not None and run.raw_pod is not None and pod.deleting_since is None and not pod.finished:
            run.decision = Decision(Step.DELETE, "Deleted", "The Algorithm is deleted.")
            await self._stop(run, run.raw_pod)
            await self._report(run)
            if not skipped:
                return LEAVING_SECONDS
        elif pod is not None and pod.finished:
            run.decision = Decision(Step.RELEASE, "Deleted", "The Algorithm is deleted and its pod has ended.")
            return await self._release(run)
        elif pod is not None and not skipped and not is_deadline_passed(run.algorithm, context.now()):
            message = "The pod is stopping: the algorithm first, then the gateway with its onStop."
            run.decision = Decision(Step.WAIT, "Stopping", message)
            return _soonest(LEAVING_SECONDS, await self._report(run))
        if pod is not None:
            await self._give_up(run, skipped=skipped)
        rest = [each for each in run.algorithm.metadata.finalizers if each != ON_STOP_FINALIZER]
        await context.set_finalizers("Algorithm", run.live, rest)
        return None

    async def _give_up(self, run: _Run, *, skipped: bool) -> None:
        why = f"Annotation {SKIP_ON_STOP_ANNOTATION} is true." if skipped else "The deadline of onStop has passed."
        message = (
            f"{why} The Algorithm goes before its pod has confirmed its end; look at the exchange for open orders."
        )
        transition = Transition("OnStopSkipped", message, True, hash_json([run.algorithm.metadata.uid, "skip"]))  # noqa: FBT003
        await self._context.tell("Algorithm", run.live, transition)

    async def _clear_orphan(self, key: Key) -> float | None:
        """Let a pod go whose Algorithm has gone already, once it has ended."""
        self._context.forget(key)
        self._not_before.pop(key, None)
        self._refusals.pop(key, None)
        raw_pod = await self._context.observed.find("Pod", key.namespace, name_pod(key.name))
        if raw_pod is None:
            return None
        pod = read_pod(raw_pod)
        if not pod.held:
            return None
        if pod.deleting_since is None:
            await self._context.cluster.delete("Pod", raw_pod)
            return LEAVING_SECONDS
        if not pod.finished:
            return LEAVING_SECONDS
        await self._let_go(raw_pod)
        return None

    async def _report(self, run: _Run) -> float | None:
        facts = AlgorithmFacts(
            algorithm=run.algorithm,
            account=run.account,
            accepted=run.accepted,
            version=run.version,
            pod=run.pod,
            heard=run.heard,
            decision=run.decision,
            update=run.update,
            refused=run.refused,
            on_stop=run.on_stop,
            now=self._context.now(),
        )
        status = describe_algorithm(facts)
        before = run.algorithm.status.conditions
        run.live, again = await self._context.report("Algorithm", run.live, status, before, TOLD)
        run.algorithm = Algorithm.model_validate(run.live)
        if run.pod is not None and _is_ready(status.conditions) and not _is_ready(before):
            metrics.TIME_TO_READY.observe((facts.now - run.pod.created).total_seconds())
        if run.pod is not None and run.pod.deleting_since is not None and not is_overdue(run.pod, facts.now):
            return _soonest(again, LEAVING_SECONDS)
        return again


def find_outcome(action: StopAction, pod: PodFacts) -> OnStopOutcome:
    """Return what the gateway did when it left, from its own last words; without any, nothing is claimed."""
    told = read_message(pod.gateway.end_message).get("onStop")
    if isinstance(told, dict) and told.get("action") in set(StopAction) and told.get("result") in set(StopResult):
        return OnStopOutcome(
            action=StopAction(told["action"]), result=StopResult(told["result"]), message=str(told.get("message") or "")
        )
    if action is StopAction.KEEP:
        return OnStopOutcome(action=action, result=StopResult.DONE, message="Orders and position are left as they are.")
    if pod.gateway.exit_code is None and pod.gateway.state != "running":
        message = "The gateway of this pod never ran, so it left no order and cancelled none."
    else:
        how = pod.gateway.end_reason or "no reason given"
        message = f"The gateway ended without a report ({how}). Look at the exchange for open orders."
    return OnStopOutcome(action=action, result=StopResult.INCOMPLETE, message=message)


def _is_ready(conditions: list[Condition]) -> bool:
    return any(each.type == "Ready" and each.status is ConditionStatus.TRUE for each in conditions)


def _soonest(*seconds: float | None) -> float | None:
    return min((each for each in seconds if each is not None), default=None)
