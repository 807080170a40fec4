"""Parameters of an Algorithm nested ten thousand deep, which the API server takes.

Whoever reads all Algorithms reads this one: the operator's decoder ends at it, and with it the limits and the kill
switch of every tenant, after each restart anew.
"""

import json

from tests.support.attacks.outside import Place

DEPTH = 9990


def attack(place: Place) -> None:
    """Write it; where it is let through, read it as the operator would."""
    deep = '{"a":' * DEPTH + "1" + "}" * DEPTH
    head = '{"apiVersion": "stockade.dev/v1alpha1", "kind": "Algorithm", "metadata": {"name": "x"}, "spec": '
    spec = '{"account": "paper", "source": {"inline": "x = 1"}, "symbols": ["BTCUSDT"], "parameters": ' + deep + "}}"
    if place.is_hardened:
        path = f"/apis/stockade.dev/v1alpha1/namespaces/{place.tenant.namespace}/algorithms?dryRun=All"
        place.ask("create", "--raw", path, "-f", "-", text=head + spec)
    try:
        json.loads(head + spec)
    except RecursionError:
        return
    raise AssertionError("this interpreter reads any depth")
