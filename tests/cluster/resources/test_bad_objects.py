"""Each bad object is refused by the real API server, and the message says what is wrong or what to write."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.crd_schemas import read_crd_schema, walk_schema
from tests.support.good_objects import API_VERSION, DIGEST, GOOD, LEAVE_OUT, make_object, spoil
from tests.support.kubectl import Kubectl

MONEY = "write a positive decimal number as a string"
NAME = "write lower-case letters, digits and hyphens only"
LONG = "a" * 41
TRANSITIONS = (
    "environment: it never changes; make a new ExchangeAccount instead",
    "account: it can change only while state is Stopped",
)
EXAMPLES = sorted((Path(__file__).parents[3] / "docs/examples").glob("*.yaml"))

BAD = [
    # Tenant
    ("Tenant", "metadata.name", LONG, "at most 40 characters, because its namespace is tenant-NAME"),
    ("Tenant", "metadata.name", "a.b", NAME),
    ("Tenant", "spec.displayName", "", "at least 1 chars long"),
    ("Tenant", "spec.displayName", "x" * 81, "Too long: may not be more than 80"),
    ("Tenant", "spec.quota.algorithms", -1, "greater than or equal to 0"),
    ("Tenant", "spec.quota.algorithms", 1001, "less than or equal to 1000"),
    ("Tenant", "spec.quota.algorithms", "5", "must be of type integer"),
    ("Tenant", "spec.quota.cpu", 4, "must be of type string"),
    ("Tenant", "spec.quota.cpu", "50m", "cpu: write a quantity from 100m to 10000, for example 16"),
    ("Tenant", "spec.quota.cpu", "four", "cpu: write a quantity"),
    ("Tenant", "spec.quota.memory", "1Mi", "memory: write a quantity from 128Mi to 100Ti, for example 16Gi"),
    ("Tenant", "spec.quota.memory", "4GB", "memory: write a quantity"),
    ("Tenant", "spec.exchange.allowLive", "yes", "must be of type boolean"),
    ("Tenant", "spec.colour", "green", 'unknown field "spec.colour"'),
    # ExchangeAccount
    ("ExchangeAccount", "metadata.name", LONG, "because its gateway's Service is account-NAME"),
    ("ExchangeAccount", "metadata.name", "a.b", NAME),
    ("ExchangeAccount", "spec", LEAVE_OUT, "spec: Required value"),
    ("ExchangeAccount", "spec.environment", LEAVE_OUT, "spec.environment: Required value"),
    ("ExchangeAccount", "spec.environment", "live", 'supported values: "Paper", "Testnet", "Demo", "Live"'),
    ("ExchangeAccount", "spec.environment", "Live", "endpoints: leave them out unless environment is Paper"),
    ("ExchangeAccount", "spec.environment", "Testnet", "endpoints: leave them out unless environment is Paper"),
    ("ExchangeAccount", "spec.keysSecret", LEAVE_OUT, "spec.keysSecret: Required value"),
    ("ExchangeAccount", "spec.keysSecret.name", LEAVE_OUT, "spec.keysSecret.name: Required value"),
    ("ExchangeAccount", "spec.keysSecret.name", "../other", "spec.keysSecret.name in body should match"),
    ("ExchangeAccount", "spec.keysSecret.name", "x" * 254, "Too long: may not be more than 253"),
    ("ExchangeAccount", "spec.keysSecret.namespace", "tenant-other", 'unknown field "spec.keysSecret.namespace"'),
    ("ExchangeAccount", "spec.endpoints.rest", "file:///etc/passwd", "spec.endpoints.rest in body should match"),
    ("ExchangeAccount", "spec.endpoints.streams", "http://exchange", "spec.endpoints.streams in body should match"),
    ("ExchangeAccount", "spec.endpoints.websocketApi", "ws://a b", "spec.endpoints.websocketApi in body should match"),
    ("ExchangeAccount", "spec.trading", "Off", 'supported values: "Active", "Reducing", "Halted"'),
    ("ExchangeAccount", "spec.limits.maxExposure", 10000, "must be of type string"),
    ("ExchangeAccount", "spec.limits.maxExposure", "-1", f"maxExposure: {MONEY}"),
    ("ExchangeAccount", "spec.limits.maxDailyLoss", "1e3", f"maxDailyLoss: {MONEY}"),
    ("ExchangeAccount", "spec.limits.quoteAsset", "usdt", "spec.limits.quoteAsset in body should match"),
    ("ExchangeAccount", "spec.apiKey", "made-up", 'unknown field "spec.apiKey"'),
    # Algorithm
    ("Algorithm", "metadata.name", LONG, "at most 40 characters, because its pod is algo-NAME"),
    ("Algorithm", "metadata.name", "a.b", NAME),
    ("Algorithm", "spec", LEAVE_OUT, "spec: Required value"),
    ("Algorithm", "spec.account", LEAVE_OUT, "spec.account: Required value"),
    ("Algorithm", "spec.account", "Paper", "spec.account in body should match"),
    ("Algorithm", "spec.account", LONG, "Too long: may not be more than 40"),
    ("Algorithm", "spec.source", LEAVE_OUT, "spec.source: Required value"),
    ("Algorithm", "spec.source", {}, "source: write exactly one of inline, configMap or image"),
    ("Algorithm", "spec.source.configMap", {"name": "code"}, "source: write exactly one of inline, configMap or image"),
    ("Algorithm", "spec.source.image", f"r.example/code@{DIGEST}", "source: write exactly one of"),
    ("Algorithm", "spec.source.inline", "", "at least 1 chars long"),
    ("Algorithm", "spec.source.inline", "x" * 262145, "Too long: may not be more than 262144"),
    ("Algorithm", "spec.source.inline", "é" * 200000, "inline: write at most 256 KiB"),
    ("Algorithm", "spec.source", {"configMap": {"key": "a.py"}}, "spec.source.configMap.name: Required value"),
    ("Algorithm", "spec.source", {"configMap": {"name": "code", "key": "a/b"}}, "key in body should match"),
    ("Algorithm", "spec.source", {"image": "r.example/code:latest"}, "image: write it by digest"),
    ("Algorithm", "spec.source", {"image": f"code@{DIGEST}0"}, "image: write it by digest"),
    ("Algorithm", "spec.entrypoint", "Momentum", "entrypoint: write module:Class"),
    ("Algorithm", "spec.entrypoint", "os; import sys:X", "spec.entrypoint in body should match"),
    ("Algorithm", "spec.parameters", ["list"], "must be of type object"),
    ("Algorithm", "spec.parameters", {f"p{n}": n for n in range(201)}, "must have at most 200 items"),
    ("Algorithm", "spec.symbols", LEAVE_OUT, "spec.symbols: Required value"),
    ("Algorithm", "spec.symbols", [], "should have at least 1 items"),
    ("Algorithm", "spec.symbols", [f"S{n:02}USDT" for n in range(51)], "must have at most 50 items"),
    ("Algorithm", "spec.symbols.1", "ethusdt", "symbols: write each as the exchange does, in capital letters"),
    ("Algorithm", "spec.symbols.1", "ETH/USDT", "symbols: write each as the exchange does"),
    ("Algorithm", "spec.symbols.1", "BTCUSDT", "symbols: write each symbol once"),
    ("Algorithm", "spec.state", "Paused", 'supported values: "Running", "Stopped"'),
    ("Algorithm", "spec.trading", "active", 'supported values: "Active", "Reducing", "Halted"'),
    ("Algorithm", "spec.limits.maxOrderNotional", 1000, "must be of type string"),
    ("Algorithm", "spec.limits.maxOrderNotional", "0", f"maxOrderNotional: {MONEY}"),
    ("Algorithm", "spec.limits.maxOrderNotional", "0.000", f"maxOrderNotional: {MONEY}"),
    ("Algorithm", "spec.limits.maxPositionNotional", "1,000", f"maxPositionNotional: {MONEY}"),
    ("Algorithm", "spec.limits.maxDailyLoss", "-100", f"maxDailyLoss: {MONEY}"),
    ("Algorithm", "spec.limits.maxDailyLoss", "NaN", f"maxDailyLoss: {MONEY}"),
    ("Algorithm", "spec.limits.priceBandPercent", "101", "priceBandPercent: write percent above 0 and up to 100"),
    ("Algorithm", "spec.limits.priceBandPercent", "5%", "priceBandPercent: write percent above 0 and up to 100"),
    ("Algorithm", "spec.limits.maxOpenOrders", 0, "greater than or equal to 1"),
    ("Algorithm", "spec.limits.maxOpenOrders", 201, "less than or equal to 200"),
    ("Algorithm", "spec.limits.maxOrdersPerMinute", 1.5, "must be of type integer"),
    ("Algorithm", "spec.limits.maxOrderNotionl", "1000", 'unknown field "spec.limits.maxOrderNotionl"'),
    ("Algorithm", "spec.onStop", "Sell", 'supported values: "Keep", "CancelOrders", "Flatten"'),
    ("Algorithm", "spec.deadMan", {"action": "Flatten"}, "spec.deadMan.afterSeconds: Required value"),
    ("Algorithm", "spec.deadMan.afterSeconds", 4, "greater than or equal to 5"),
    ("Algorithm", "spec.deadMan.action", "Panic", 'supported values: "Keep", "CancelOrders", "Flatten"'),
    ("Algorithm", "spec.updatePolicy", "Always", 'supported values: "Manual", "WhenFlat", "Immediate"'),
    ("Algorithm", "spec.resources.cpu", 0.5, "must be of type string"),
    ("Algorithm", "spec.resources.cpu", "17", "cpu: write a quantity from 10m to 16, for example 500m"),
    ("Algorithm", "spec.resources.cpu", "1m", "cpu: write a quantity from 10m to 16, for example 500m"),
    ("Algorithm", "spec.resources.memory", "16Mi", "memory: write a quantity from 32Mi to 64Gi, for example 256Mi"),
    ("Algorithm", "spec.resources.memory", "128Gi", "memory: write a quantity from 32Mi to 64Gi, for example 256Mi"),
    ("Algorithm", "spec.runtimeClassName", "gVisor!", "spec.runtimeClassName in body should match"),
    # No pod template: nothing of a pod's can be said here.
    ("Algorithm", "spec.template", {"spec": {"hostNetwork": True}}, 'unknown field "spec.template"'),
    ("Algorithm", "spec.securityContext", {"privileged": True}, 'unknown field "spec.securityContext"'),
]


def send(kubectl: Kubectl, wanted: dict[str, object], *options: str) -> str:
    """Create an object as a trial and return what the API server said against it, or nothing."""
    done = kubectl.attempt("create", "--validate=strict", *options, "-f", "-", stdin=json.dumps(wanted))
    return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace that is no tenant's, so that nobody acts on what is in it."""
    name = f"resources-{secrets.token_hex(3)}"
    kubectl.run("create", "namespace", name)
    try:
        yield name
    finally:
        kubectl.delete("namespace", name, wait=False)


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"), BAD, ids=[f"{number}-{case[0]}-{case[1]}" for number, case in enumerate(BAD)]
)
def test_a_bad_object_is_refused_with_what_to_write(
    kubectl: Kubectl, kind: str, path: str, value: object, message: str
) -> None:
    bad = spoil(make_object(kind, "trial", "default"), path, value)
    assert message in send(kubectl, bad, "--dry-run=server")


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_object_is_taken(kubectl: Kubectl, kind: str) -> None:
    assert send(kubectl, make_object(kind, "a" * 40, "default"), "--dry-run=server") == ""


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Tenant", "spec", {}),
        ("Tenant", "spec", LEAVE_OUT),
        ("ExchangeAccount", "spec", {"environment": "Live", "keysSecret": {"name": "live-keys-1"}}),
        ("ExchangeAccount", "spec.limits", {"maxExposure": "0.000000000000000001"}),
        ("Algorithm", "spec", {"account": "a", "source": {"inline": "pass"}, "symbols": ["BTCUSDT"]}),
        ("Algorithm", "spec.source", {"configMap": {"name": "code"}}),
        ("Algorithm", "spec.source", {"image": f"r.example:5000/desk/code@{DIGEST}"}),
        ("Algorithm", "spec.source.inline", "x" * 262144),
        ("Algorithm", "spec.symbols", [f"S{n:02}USDT" for n in range(50)]),
        ("Algorithm", "spec.entrypoint", "desk.momentum:Momentum"),
        ("Algorithm", "spec.limits.priceBandPercent", "0.05"),
        ("Algorithm", "spec.resources", {"cpu": "0.25"}),
    ],
)
def test_what_the_design_allows_is_taken(kubectl: Kubectl, kind: str, path: str, value: object) -> None:
    assert send(kubectl, spoil(make_object(kind, "trial", "default"), path, value), "--dry-run=server") == ""


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_in_the_documentation_are_taken(kubectl: Kubectl, file: Path) -> None:
    for example in yaml.safe_load_all(file.read_text()):
        if example["apiVersion"] == API_VERSION and example["kind"] != "Tenant":
            example["metadata"]["namespace"] = "default"
            assert send(kubectl, example, "--dry-run=server") == ""


def test_defaults_are_filled_in(kubectl: Kubectl, namespace: str) -> None:
    smallest = {"account": "a", "source": {"configMap": {"name": "code"}}, "symbols": ["BTCUSDT"], "limits": {}}
    wanted = make_object("Algorithm", "smallest", namespace) | {"spec": smallest}
    assert send(kubectl, wanted) == ""
    found = kubectl.get("algorithm", "smallest", namespace)
    assert found is not None
    assert found["spec"] == {
        "account": "a",
        "source": {"configMap": {"name": "code", "key": "algorithm.py"}},
        "symbols": ["BTCUSDT"],
        "state": "Running",
        "trading": "Active",
        "limits": {"quoteAsset": "USDT"},
        "onStop": "CancelOrders",
        "updatePolicy": "Manual",
        "resources": {"cpu": "500m", "memory": "256Mi"},
        "hostUsers": True,
    }


def test_every_rule_of_the_definitions_has_an_object_that_breaks_it() -> None:
    tried = {message for *_, message in BAD} | set(TRANSITIONS)
    rules = [
        rule["message"]
        for kind in GOOD
        for _, field in walk_schema(read_crd_schema(kind))
        for rule in field.get("x-kubernetes-validations", [])
    ]
    assert [rule for rule in rules if not any(message in rule for message in tried)] == []


def test_the_environment_of_an_account_never_changes(kubectl: Kubectl, namespace: str) -> None:
    assert send(kubectl, spoil(make_object("ExchangeAccount", "fixed", namespace), "spec.endpoints", LEAVE_OUT)) == ""
    change = json.dumps({"spec": {"environment": "Live"}})
    done = kubectl.attempt("patch", "exchangeaccount", "fixed", "-n", namespace, "--type=merge", "-p", change)
    assert TRANSITIONS[0] in done.stderr


def test_the_account_of_a_running_algorithm_does_not_change(kubectl: Kubectl, namespace: str) -> None:
    assert send(kubectl, spoil(make_object("Algorithm", "moving", namespace), "spec.state", "Running")) == ""
    change = json.dumps({"spec": {"account": "other"}})
    done = kubectl.attempt("patch", "algorithm", "moving", "-n", namespace, "--type=merge", "-p", change)
    assert TRANSITIONS[1] in done.stderr
    kubectl.patch("algorithm", "moving", namespace, {"spec": {"state": "Stopped"}})
    kubectl.patch("algorithm", "moving", namespace, {"spec": {"account": "other"}})


def test_objects_are_found_by_their_fields_and_by_category(kubectl: Kubectl, namespace: str) -> None:
    assert send(kubectl, make_object("Algorithm", "chosen", namespace)) == ""
    chosen = "spec.account=paper,spec.state=Stopped,spec.trading=Active"
    assert "chosen" in kubectl.run("get", "algo", "-n", namespace, "--field-selector", chosen)
    assert "chosen" not in kubectl.run("get", "algo", "-n", namespace, "--field-selector", "spec.account=none")
    assert "algorithm.stockade.dev/chosen" in kubectl.run("get", "trading", "-n", namespace, "-o", "name")


def test_a_user_can_not_write_the_status_with_the_spec(kubectl: Kubectl, namespace: str) -> None:
    wanted = make_object("Algorithm", "honest", namespace) | {"status": {"realizedPnlToday": "1000000"}}
    assert send(kubectl, wanted) == ""
    found = kubectl.get("algorithm", "honest", namespace)
    assert found is not None
    assert "realizedPnlToday" not in found.get("status", {})
