"""The network of a tenant's namespace: closed, with a door for each thing a gateway needs.

A policy is about a pod: the algorithm's container shares its gateway's network and is kept off it by its launcher.
These policies are the fence behind that one, and between tenants.
"""

from stockade_crds import Environment, ExchangeAccount, Tenant
from stockade_operator.manifests.metadata import (
    ACCOUNT_GATEWAY,
    ACCOUNT_LABEL,
    ALGORITHM_POD,
    ENVIRONMENT_LABEL,
    NAME_LABEL,
    NETWORK_CANARY,
    Manifest,
    label,
    name_account_gateway,
    name_namespace,
    refer_to_owner,
    seal,
)
from stockade_operator.manifests.network_canary import OPEN_PORT

SCRAPER_LABEL = "stockade.dev/scrapes-metrics"
"""An administrator gives it, with the value true, to the namespace whose pods may read the gateways' metrics."""
STATUS_PORT = 8081
ACCOUNT_PORT = 8080
PAPER_PORT = 9000
PUBLIC = {
    "cidr": "0.0.0.0/0",
    "except": ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
}
"""The internet and nothing of the cluster, the node or its cloud's metadata."""
PUBLIC_V6 = {"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}
EXCHANGE_PORTS = (443, 9443)
REAL_ENVIRONMENTS = [Environment.TESTNET.value, Environment.DEMO.value, Environment.LIVE.value]


def make_network_policies(tenant: Tenant, platform_namespace: str, ledger_host: str) -> list[Manifest]:
    """Return the namespace's policies; what none of them allows is refused."""
    platform = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": platform_namespace}}}
    gateways = {"matchExpressions": [_one_of(NAME_LABEL, [ALGORITHM_POD, ACCOUNT_GATEWAY])]}
    on_paper = {
        "matchExpressions": [
            _one_of(NAME_LABEL, [ALGORITHM_POD, ACCOUNT_GATEWAY]),
            _one_of(ENVIRONMENT_LABEL, [Environment.PAPER.value]),
        ]
    }
    on_real = {
        "matchExpressions": [
            _one_of(NAME_LABEL, [ALGORITHM_POD, ACCOUNT_GATEWAY]),
            _one_of(ENVIRONMENT_LABEL, REAL_ENVIRONMENTS),
        ]
    }
    policies = {
        "default-deny": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "gateway-to-dns": _allow_egress(gateways, [{"ports": [_port(53, "UDP"), _port(53)]}]),
        "gateway-to-ledger": _allow_egress(gateways, [_open_ledger(platform, ledger_host)]),
        "gateway-to-paper": _allow_egress(
            on_paper, [{"to": [_platform_pod(platform, "paper-exchange")], "ports": [_port(PAPER_PORT)]}]
        ),
        "gateway-to-exchange": _allow_egress(
            on_real,
            [{"to": [{"ipBlock": PUBLIC}, {"ipBlock": PUBLIC_V6}], "ports": [_port(port) for port in EXCHANGE_PORTS]}],
        ),
        "algorithm-to-account-gateway": _allow_egress(
            {"matchLabels": {NAME_LABEL: ALGORITHM_POD}},
            [{"to": [{"podSelector": {"matchLabels": {NAME_LABEL: ACCOUNT_GATEWAY}}}], "ports": [_port(ACCOUNT_PORT)]}],
        ),
        "operator-to-gateway": _allow_ingress(
            gateways,
            [{"from": [_platform_pod(platform, "operator")], "ports": [_port(STATUS_PORT), _port(ACCOUNT_PORT)]}],
        ),
        "scraper-to-gateway": _allow_ingress(
            {"matchLabels": {NAME_LABEL: ALGORITHM_POD}},
            [
                {
                    "from": [{"namespaceSelector": {"matchLabels": {SCRAPER_LABEL: "true"}}}],
                    "ports": [_port(STATUS_PORT)],
                }
            ],
        ),
        "canary-to-operator": _allow_egress(
            {"matchLabels": {NAME_LABEL: NETWORK_CANARY}},
            [{"to": [_platform_pod(platform, "operator")], "ports": [_port(OPEN_PORT)]}],
        ),
        "panel-to-account-gateway": _allow_ingress(
            {"matchLabels": {NAME_LABEL: ACCOUNT_GATEWAY}},
            [{"from": [_platform_pod(platform, "panel")], "ports": [_port(ACCOUNT_PORT)]}],
        ),
    }
    owner = tenant.metadata.name
    metadata = {"namespace": name_namespace(owner), "labels": label(owner)}
    return [_make_policy({"name": name, **metadata}, spec) for name, spec in policies.items()]


def make_account_policy(tenant: str, account: ExchangeAccount) -> Manifest:
    """Return the policy that lets an account's own algorithms, and no other's, ask its gateway for their share."""
    name = account.metadata.name
    metadata = {
        "name": f"algorithms-to-{name_account_gateway(name)}",
        "namespace": account.metadata.namespace,
        "labels": label(tenant, **{ACCOUNT_LABEL: name}),
        "ownerReferences": [refer_to_owner("ExchangeAccount", name, account.metadata.uid or "")],
    }
    algorithms = {"podSelector": {"matchLabels": {NAME_LABEL: ALGORITHM_POD, ACCOUNT_LABEL: name}}}
    spec = _allow_ingress(
        {"matchLabels": {NAME_LABEL: ACCOUNT_GATEWAY, ACCOUNT_LABEL: name}},
        [{"from": [algorithms], "ports": [_port(ACCOUNT_PORT)]}],
    )
    return _make_policy(metadata, spec)


def _make_policy(metadata: Manifest, spec: Manifest) -> Manifest:
    return seal({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})


def _open_ledger(platform: Manifest, ledger_host: str) -> Manifest:
    host, _, port = ledger_host.rpartition(":")
    if host.endswith((".svc", ".svc.cluster.local")):
        return {"to": [_platform_pod(platform, "postgresql")], "ports": [_port(5432)]}
    # A database outside of the cluster has an address that is not known here; its port is the fence.
    return {"ports": [_port(int(port))]}


def _platform_pod(platform: Manifest, name: str) -> Manifest:
    return {**platform, "podSelector": {"matchLabels": {NAME_LABEL: name}}}


def _allow_egress(pods: Manifest, rules: list[Manifest]) -> Manifest:
    return {"podSelector": pods, "policyTypes": ["Egress"], "egress": rules}


def _allow_ingress(pods: Manifest, rules: list[Manifest]) -> Manifest:
    return {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": rules}


def _one_of(key: str, values: list[str]) -> Manifest:
    return {"key": key, "operator": "In", "values": values}


def _port(port: int, protocol: str = "TCP") -> Manifest:
    return {"protocol": protocol, "port": port}
