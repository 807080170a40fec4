"""What an attack on shared resources costs a neighbour, on the running cluster: writes `results/resource_attacks.json`.

The stage and its figures are `tests/cluster/resource_attacks/stage.py`'s, which the cluster's tests run as well.
"""

import json
import os
import platform
import secrets
from pathlib import Path

from tests.cluster.resource_attacks.stage import run_schedule, to_record, write_table
from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, Paper, TestTenant, service_url

RESULTS = Path(__file__).parent / "results" / "resource_attacks.json"
ROUNDS = 3
P99_TARGET_RATIO = 2.0


def main() -> None:
    """Run the schedule in a tenant of its own; print and write."""
    kubectl = Kubectl()
    paper = Paper(service_url(kubectl, "stockade-paper-exchange", PLATFORM, 9000))
    tenant = TestTenant(kubectl, paper, f"resources-{secrets.token_hex(2)}")
    load = os.getloadavg()[0]
    try:
        run = run_schedule(tenant.create(), ROUNDS)
    finally:
        tenant.delete()
    print(write_table(run))
    machine = {"cores": os.cpu_count(), "kernel": platform.release(), "loadBefore": round(load, 1)}
    record = {"machine": machine, "rounds": ROUNDS, "p99TargetRatio": P99_TARGET_RATIO, **to_record(run)}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
