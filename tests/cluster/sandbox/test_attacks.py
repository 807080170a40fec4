"""A hostile algorithm in a real pod: it tries all it can, nothing works, and its gateway does not even notice.

That each attack works where nothing defends is proven in `tests/contract/runner/test_attacks.py`, on the same list.
"""

import json
from pathlib import Path

import pytest

from tests.support import attacks
from tests.support.kubectl import Kubectl
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until

IMPORT_LINE = "from tests.support.attacks import ATTACKS, attack, run_attack\n"
DEADLINE_SECONDS = 240


def _write_source() -> str:
    kernel, pod = Path(attacks.__file__).read_text(), Path(__file__).with_name("pod_attacks.py").read_text()
    assert IMPORT_LINE in pod
    return kernel + "\n\n" + pod.replace(IMPORT_LINE, "")


def _read_outcomes(log: str) -> dict[str, str]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"attack":')]
    return {line["attack"]: line["outcome"] for line in lines}


@pytest.mark.timeout(420)
def test_nothing_works_from_within(kubectl: Kubectl, tenant: TestTenant) -> None:
    tenant.apply_algorithm("hostile", _write_source(), limits={"maxOrderNotional": "1000", "quoteAsset": "USDT"})
    tenant.wait_ready("algorithm", "hostile", deadline_seconds=DEADLINE_SECONDS)
    log = wait_until(
        lambda: kubectl.logs("algo-hostile", tenant.namespace, "algorithm"),
        "the last attack",
        holds=lambda text: '{"attacks": "done"}' in text,
        deadline_seconds=DEADLINE_SECONDS,
    )
    outcomes = _read_outcomes(log)
    assert attacks.ATTACKS.keys() - outcomes.keys() == {"signal to a process outside"}
    assert len(outcomes) > 80
    assert {name: outcome for name, outcome in outcomes.items() if outcome == "worked"} == {}
    assert {name: outcome for name, outcome in outcomes.items() if outcome.startswith("broken")} == {}
    for name in ("int 0x80", "x32 call"):
        assert outcomes[name] == "killed by SIGSYS"

    status = tenant.gateway_status("hostile")
    assert status["algorithmState"] == "Running"
    assert status["connected"]
    assert status["reconciled"]
    pod = kubectl.get("pod", "algo-hostile", tenant.namespace)
    assert pod is not None
    containers = pod["status"]["initContainerStatuses"] + pod["status"]["containerStatuses"]
    assert {container["name"]: container["restartCount"] for container in containers} == {"gateway": 0, "algorithm": 0}
