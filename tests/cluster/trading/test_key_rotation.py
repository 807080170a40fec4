"""New keys while an algorithm trades: no restart, no rejected or denied order, the old keys and their Secret gone."""

import base64
import urllib.request
from typing import Any

import pytest

from tests.cluster.trading.test_killed import BUSY, compare_books, orders, pod_of, restarts
from tests.support.containers import GATEWAY, pod_processes
from tests.support.kubectl import Kubectl, condition
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until


def write_keys(tenant: TestTenant, name: str, keys: dict[str, Any]) -> None:
    data = {part: base64.b64encode(keys[part].encode()).decode() for part in ("apiKey", "apiSecret")}
    metadata = {"name": name, "namespace": tenant.namespace}
    tenant.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "immutable": True, "data": data})


def wait_for_more_orders(tenant: TestTenant, count: int) -> None:
    before = len(orders(tenant))
    wait_until(lambda: len(orders(tenant)), "more orders", holds=lambda seen: seen >= before + count)


@pytest.mark.timeout(500)
def test_an_algorithm_takes_over_new_keys_as_it_trades(kubectl: Kubectl, tenant: TestTenant) -> None:
    tenant.apply_algorithm("busy", BUSY)
    tenant.wait_ready("algorithm", "busy")
    wait_for_more_orders(tenant, 6)
    pod, first = pod_of(kubectl, "algorithm", tenant), tenant.gateway_status("busy")["keyVersion"]
    former, tenant.key = tenant.key, tenant.paper.account(account=tenant.key["account"])
    write_keys(tenant, "paper-keys-2", tenant.key)
    kubectl.patch("exchangeaccount", "paper", tenant.namespace, {"spec": {"keysSecret": {"name": "paper-keys-2"}}})

    status = wait_until(
        lambda: tenant.gateway_status("busy"),
        "the new keys in the algorithm's gateway",
        holds=lambda seen: seen["keysSecret"] == "paper-keys-2",
        deadline_seconds=180,
    )
    assert status["keyVersion"] != first
    wait_until(
        lambda: kubectl.get("algorithm", "busy", tenant.namespace) or {},
        "the new version in the status",
        holds=lambda seen: (
            seen["status"].get("keyVersion") == status["keyVersion"]
            and condition(seen, "UpdatePending").get("status") == "False"
        ),
    )
    assert (kubectl.get("exchangeaccount", "paper", tenant.namespace) or {})["status"]["keyVersion"] == (
        status["keyVersion"]
    )

    revoke = urllib.request.Request(f"{tenant.paper.url}/paper/v1/keys/{former['apiKey']}", method="DELETE")
    urllib.request.urlopen(revoke, timeout=20).close()
    kubectl.delete("secret", "paper-keys-1", tenant.namespace)
    wait_for_more_orders(tenant, 12)

    after = pod_of(kubectl, "algorithm", tenant)
    assert (after["metadata"]["uid"], restarts(after)) == (pod["metadata"]["uid"], 0)
    (gateway,) = (each for each in pod_processes(pod["metadata"]["uid"], GATEWAY) if each.is_main)
    assert not gateway.memory_holds(former["apiSecret"].encode())
    assert gateway.memory_holds(tenant.key["apiKey"].encode()), "the search finds what is there"
    counted = tenant.gateway_status("busy")["orders"]
    assert (counted["rejected"], counted["denied"]) == (0, 0)
    # The pod still obeys: a Secret that is gone holds up nothing.
    kubectl.patch("algorithm", "busy", tenant.namespace, {"spec": {"trading": "Halted"}})
    wait_until(lambda: tenant.gateway_status("busy")["trading"], "the halt", holds=lambda seen: seen == "Halted")
    compare_books(tenant, kubectl)
