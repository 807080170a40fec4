"""The whole suite: a tenant, the attacks from inside its pods, those from outside, and how the victim is afterwards."""

from dataclasses import dataclass
from typing import Any

from tests.support.attacks.expectation import Attack
from tests.support.attacks.outside import run_outside
from tests.support.attacks.stages import ALGORITHM, open_tenant, run_inside
from tests.support.attacks.table import Row, make_rows
from tests.support.kubectl import Kubectl


@dataclass(frozen=True)
class Finding:
    """The rows, and the hardened pod and its gateway's status after all of it."""

    rows: list[Row]
    gateway_status: dict[str, Any]
    pod: dict[str, Any]


def run_suite(kubectl: Kubectl, attacks: list[Attack]) -> Finding:
    """Try everything; the cluster is left as it was."""
    with open_tenant(kubectl) as tenant:
        outcomes = run_inside(kubectl, tenant, attacks)
        pod = kubectl.get("pod", f"algo-{ALGORITHM}", tenant.namespace)
        assert pod is not None
        status = tenant.gateway_status(ALGORITHM)
        outcomes |= {
            stage: {**outcomes.get(stage, {}), **seen} for stage, seen in run_outside(kubectl, tenant, attacks).items()
        }
    return Finding(make_rows(attacks, outcomes), status, pod)
