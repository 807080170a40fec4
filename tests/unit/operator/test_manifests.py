"""Every manifest against its golden file, and the rules that no golden file shows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from stockade_crds import Environment
from stockade_operator.manifests.account_gateway import make_account_deployment, make_account_service
from stockade_operator.manifests.algorithm_pod import PodInputs, hash_platform_part, hash_user_part, make_pod
from stockade_operator.manifests.control import write_account_control, write_algorithm_control
from stockade_operator.manifests.exchange import find_exchange
from stockade_operator.manifests.ledger_secret import make_ledger_secret, read_password
from stockade_operator.manifests.metadata import hash_json, seal
from stockade_operator.manifests.network_canary import make_network_canary
from stockade_operator.manifests.tenant_access import make_role_binding
from stockade_operator.manifests.tenant_namespace import make_limit_range, make_namespace, make_quota
from stockade_operator.manifests.tenant_network import make_account_policy, make_network_policies
from stockade_operator.manifests.version import Content, make_version
from stockade_operator.settings import Settings
from tests.unit.operator.conftest import make_account, make_algorithm, make_tenant

Compare = Callable[[str, Any], None]
IMAGE = "registry.example/strategies/momentum@sha256:" + "ab" * 32


def make_inputs(settings: Settings, **changes: Any) -> PodInputs:
    inputs = PodInputs(
        tenant="demo",
        namespace="tenant-demo",
        algorithm="momentum",
        uid="33333333",
        account="main",
        environment="Paper",
        keys_secret="main-keys-1",
        exchange=find_exchange(make_account(), settings.paper_url),
        own_endpoints=False,
        version=3,
        version_hash="0123456789abcdef",
        symbols=("BTCUSDT", "ETHUSDT"),
        entrypoint="",
        cpu="500m",
        memory="256Mi",
        runtime_class=None,
        host_users=True,
        code_image=None,
        gateway_image=settings.gateway_image,
        algorithm_image=settings.algorithm_image,
        image_pull_policy="IfNotPresent",
    )
    return replace(inputs, **changes)


def test_tenant(compare: Compare, settings: Settings) -> None:
    tenant = make_tenant(quota={"algorithms": 5, "cpu": "8", "memory": "4Gi"})
    compare(
        "tenant",
        [
            make_namespace(tenant),
            make_quota(tenant),
            make_limit_range(tenant),
            make_role_binding(tenant, settings.namespace),
        ],
    )
    compare("network_canary", make_network_canary("demo", "11111111", "10.244.0.9", settings))
    compare("tenant_network", make_network_policies(tenant, settings.namespace, settings.ledger_host))


def test_a_database_outside_of_the_cluster_is_reached_by_its_port(settings: Settings) -> None:
    policies = make_network_policies(make_tenant(), settings.namespace, "db.example.com:6543")
    rule = next(each for each in policies if each["metadata"]["name"] == "gateway-to-ledger")["spec"]["egress"]
    assert rule == [{"ports": [{"protocol": "TCP", "port": 6543}]}]


def test_account_gateway(compare: Compare, settings: Settings) -> None:
    account = make_account()
    compare(
        "account_gateway",
        [
            make_account_deployment("demo", account, settings),
            make_account_service("demo", account),
            make_account_policy("demo", account),
        ],
    )


def test_control_of_an_account_causes_no_rollout(settings: Settings) -> None:
    quiet, halted = make_account(), make_account(trading="Halted", limits={"maxExposure": "5"})
    assert make_account_deployment("demo", quiet, settings) == make_account_deployment("demo", halted, settings)


def test_algorithm_pod(compare: Compare, settings: Settings) -> None:
    control = write_algorithm_control(make_algorithm(), make_account(), "main-keys-1")
    compare("algorithm_pod", make_pod(make_inputs(settings), control))
    from_image = make_inputs(settings, code_image=IMAGE, entrypoint="momentum:Momentum", runtime_class="gvisor")
    from_image = replace(from_image, host_users=False)
    compare("algorithm_pod_from_image", make_pod(from_image, control))


def test_version(compare: Compare) -> None:
    content = Content(code="print('hello')\n", image=None, parameters={"fast": 3, "slow": "0.5"})
    where = {"tenant": "demo", "namespace": "tenant-demo", "algorithm": "momentum", "uid": "33333333"}
    compare("version", make_version(**where, number=3, content=content))


def test_the_algorithm_container_sees_nothing_of_the_gateway(settings: Settings) -> None:
    spec = make_pod(make_inputs(settings), "{}")["spec"]
    algorithm, gateway = spec["containers"][0], spec["initContainers"][0]
    secret = {each["name"] for each in spec["volumes"] if "secret" in each or "downwardAPI" in each}
    mounted = {each["name"]: each for each in algorithm["volumeMounts"]}
    assert not secret & mounted.keys()
    assert {each["name"] for each in gateway["volumeMounts"]} & mounted.keys() == {"run"}
    assert mounted["run"]["readOnly"] is True
    assert mounted["run"]["recursiveReadOnly"] == "Enabled"
    assert [each["name"] for each in algorithm["env"]] == [
        "STOCKADE_ALGORITHM",
        "STOCKADE_ENTRYPOINT",
        "STOCKADE_SYMBOLS",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"version_hash": "f" * 16},
        {"entrypoint": "a:B"},
        {"account": "other"},
        {"environment": "Testnet"},
        {"symbols": ("BTCUSDT",)},
        {"cpu": "1"},
        {"memory": "1Gi"},
        {"runtime_class": "gvisor"},
        {"host_users": False},
    ],
)
def test_a_users_change_is_told_from_a_release(settings: Settings, change: dict[str, Any]) -> None:
    before, after = make_inputs(settings), make_inputs(settings, **change)
    assert hash_user_part(before) != hash_user_part(after)
    if "environment" not in change:
        assert hash_platform_part(before) == hash_platform_part(after)


@pytest.mark.parametrize(
    "change",
    [{"gateway_image": "g:2"}, {"algorithm_image": "a:2"}, {"image_pull_policy": "Always"}],
)
def test_a_release_is_told_from_a_users_change(settings: Settings, change: dict[str, Any]) -> None:
    before, after = make_inputs(settings), make_inputs(settings, **change)
    assert hash_user_part(before) == hash_user_part(after)
    assert hash_platform_part(before) != hash_platform_part(after)


def test_new_keys_and_a_new_version_number_change_neither_hash(settings: Settings) -> None:
    before, after = make_inputs(settings), make_inputs(settings, keys_secret="main-keys-2", version=4)
    assert hash_user_part(before) == hash_user_part(after)
    assert hash_platform_part(before) == hash_platform_part(after)


def test_control() -> None:
    algorithm = make_algorithm(
        trading="Reducing",
        limits={"maxOrderNotional": "1000", "maxOpenOrders": 10},
        onStop="Flatten",
        deadMan={"afterSeconds": 60, "action": "CancelOrders"},
    )
    account = make_account(limits={"maxDailyLoss": "50"})
    assert write_algorithm_control(algorithm, account, "main-keys-1") == (
        '{"generation":3,"trading":"Reducing",'
        '"limits":{"maxOrderNotional":"1000","maxOpenOrders":10,"quoteAsset":"USDT"},'
        '"onStop":"Flatten","deadMan":{"afterSeconds":60,"action":"CancelOrders"},'
        '"account":{"trading":"Active","limits":{"maxDailyLoss":"50","quoteAsset":"USDT"}},'
        '"keysSecret":"main-keys-1"}'
    )
    assert write_account_control(make_account()) == (
        '{"generation":3,"trading":"Active","limits":null,"account":{"trading":"Active","limits":null}}'
    )


@pytest.mark.parametrize("environment", ["Live", "Testnet", "Demo"])
def test_only_paper_accounts_name_their_exchange(environment: str) -> None:
    endpoints = {"rest": "http://elsewhere:1"}
    real = find_exchange(make_account(environment=environment, endpoints=endpoints), "http://paper:9000")
    assert real == find_exchange(make_account(environment=environment), "http://paper:9000")
    assert real.rest.startswith("https://")
    paper = find_exchange(make_account(environment=Environment.PAPER, endpoints=endpoints), "http://paper:9000")
    assert paper.rest == "http://elsewhere:1"
    assert paper.websocket_api == "ws://paper:9000/ws-api/v3"


def test_the_ledger_secret_gives_its_password_back() -> None:
    secret = make_ledger_secret("demo", "p@ss/word:1", "db:5432")
    url = secret["stringData"]["url"]
    assert url == "postgresql://tenant-demo:p%40ss%2Fword%3A1@db:5432/stockade"
    import base64

    assert read_password({"data": {"url": base64.b64encode(url.encode()).decode()}}) == "p@ss/word:1"


def test_sealing_changes_with_any_part() -> None:
    one = seal({"metadata": {"name": "a"}, "spec": {"x": 1}})
    other = seal({"metadata": {"name": "a"}, "spec": {"x": 2}})
    assert one["metadata"]["annotations"] != other["metadata"]["annotations"]
    assert hash_json({"a": 1, "b": 2}) == hash_json({"b": 2, "a": 1})
