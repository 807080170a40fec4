"""An algorithm with `hostUsers: false`: its users are nobody on the node, and it trades as any other.

Every other test on the cluster runs in the default setting, with the node's users.
"""

import pytest

from tests.cluster.trading.test_killed import BUSY, orders
from tests.support.containers import pod_processes
from tests.support.kubectl import Kubectl
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until


@pytest.mark.timeout(300)
def test_it_trades_as_nobody(kubectl: Kubectl, tenant: TestTenant) -> None:
    name = "as-nobody"
    before = len(orders(tenant))
    tenant.apply_algorithm(name, BUSY, hostUsers=False)
    tenant.wait_ready("algorithm", name)
    wait_until(lambda: len(orders(tenant)), "orders", holds=lambda seen: seen >= before + 4)
    pod = kubectl.get("pod", f"algo-{name}", tenant.namespace)
    assert pod is not None
    # The pod's infrastructure container aside, each process is one of the gateway's or of the algorithm's.
    processes = [each for each in pod_processes(pod["metadata"]["uid"]) if b"stockade" in each.read("cmdline")]
    assert len(processes) >= 2
    inside, outside, _ = zip(*(map(int, each.read("uid_map").split()[:3]) for each in processes), strict=True)
    assert set(inside) == {0}
    assert 0 not in outside
    assert min(each.uid for each in processes) >= 65536
    assert tenant.gateway_status(name)["orders"]["rejected"] == 0
    kubectl.patch("algorithm", name, tenant.namespace, {"spec": {"state": "Stopped"}})
    wait_until(lambda: kubectl.get("pod", f"algo-{name}", tenant.namespace), "its end", holds=lambda seen: seen is None)
