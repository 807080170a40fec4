"""A small world of pods and NetworkPolicies with the verdicts the API's documentation asks for."""

from dataclasses import dataclass
from typing import Any

from stockade_cluster.network_policy import Facts, Pod

NAMESPACES = {"shop": {"team": "shop"}, "bank": {"team": "bank", "tier": "inner"}}
CLIENT = Pod("shop", "client", {"app": "client"}, "10.244.0.2")
SERVER = Pod("shop", "server", {"app": "server"}, "10.244.0.3", (("http", "TCP", 8080),))
TELLER = Pod("bank", "teller", {"app": "client"}, "10.244.0.4")
PODS = (CLIENT, SERVER, TELLER)
OUTSIDE = "93.184.216.34"
NODE = "10.99.0.2"


def policy(namespace: str, selector: dict[str, Any], types: list[str], **rules: Any) -> dict[str, Any]:
    """A NetworkPolicy of a namespace; rules are `ingress` and `egress` as in the API."""
    spec = {"podSelector": selector, "policyTypes": types, **rules}
    return {"metadata": {"namespace": namespace, "name": "policy"}, "spec": spec}


def facts(*policies: dict[str, Any]) -> Facts:
    """The small world under some policies."""
    return Facts(policies, PODS, NAMESPACES)


@dataclass(frozen=True)
class Case:
    """One connection under some policies and whether it may pass; `tried` ones also go over a real wire."""

    name: str
    policies: tuple[dict[str, Any], ...]
    source: str
    destination: str
    port: int
    passes: bool
    protocol: str = "TCP"
    tried: bool = False


CLOSED = policy("shop", {}, ["Ingress", "Egress"])
IN_CLOSED = policy("shop", {}, ["Ingress"])
C, S, T = CLIENT.address, SERVER.address, TELLER.address


def _let_in(*peers: dict[str, Any], ports: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"from": list(peers)} if peers else {}
    if ports:
        rule["ports"] = ports
    return policy("shop", {"matchLabels": {"app": "server"}}, ["Ingress"], ingress=[rule])


def _let_out(*peers: dict[str, Any], ports: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"to": list(peers)} if peers else {}
    if ports:
        rule["ports"] = ports
    return policy("shop", {"matchLabels": {"app": "client"}}, ["Egress"], egress=[rule])


CLIENTS = {"podSelector": {"matchLabels": {"app": "client"}}}
BANK = {"namespaceSelector": {"matchLabels": {"team": "bank"}}}
NOT_SHOP = {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["shop"]}]}}
INNER = {"namespaceSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}
PUBLIC = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
PUBLIC_V6 = {"ipBlock": {"cidr": "::/0", "except": ["fc00::/7"]}}

CASES = (
    Case("no policy, everything passes", (), C, S, 80, passes=True),
    Case(
        "a policy of another namespace isolates nobody here", (policy("bank", {}, ["Ingress"]),), C, S, 80, passes=True
    ),
    Case("default deny refuses inside its namespace", (CLOSED,), C, S, 80, passes=False),
    Case("default deny refuses from outside", (CLOSED,), T, S, 80, passes=False, tried=True),
    Case("default deny refuses to go out", (CLOSED,), C, T, 80, passes=False),
    Case("ingress alone leaves egress open", (IN_CLOSED,), C, T, 80, passes=True),
    Case(
        "an unselected pod stays open",
        (policy("shop", {"matchLabels": {"app": "server"}}, ["Ingress"]),),
        T,
        C,
        80,
        passes=True,
    ),
    Case("a selected peer passes", (IN_CLOSED, _let_in(CLIENTS)), C, S, 80, passes=True, tried=True),
    Case(
        "a pod selector alone means the policy's namespace",
        (IN_CLOSED, _let_in(CLIENTS)),
        T,
        S,
        80,
        passes=False,
    ),
    Case("a namespace passes", (IN_CLOSED, _let_in(BANK)), T, S, 80, passes=True, tried=True),
    Case("another namespace than the named one does not", (IN_CLOSED, _let_in(BANK)), C, S, 80, passes=False),
    Case(
        "namespace and pod selector both have to hold",
        (_let_in({**BANK, "podSelector": {"matchLabels": {"app": "x"}}}),),
        T,
        S,
        80,
        passes=False,
    ),
    Case("two peers are alternatives", (_let_in(BANK, CLIENTS),), C, S, 80, passes=True),
    Case("NotIn chooses the others", (_let_in(NOT_SHOP),), T, S, 80, passes=True),
    Case("Exists asks for the key", (_let_in(INNER),), C, S, 80, passes=False),
    Case("an empty rule lets everybody in", (IN_CLOSED, _let_in()), T, S, 80, passes=True),
    Case("a named port number passes", (_let_in(ports=[{"port": 80}]),), C, S, 80, passes=True),
    Case("another port does not", (_let_in(ports=[{"port": 80}]),), C, S, 81, passes=False),
    Case("a port is of a protocol", (_let_in(ports=[{"port": 80}]),), C, S, 80, passes=False, protocol="UDP"),
    Case("a range holds its last port", (_let_in(ports=[{"port": 80, "endPort": 90}]),), C, S, 90, passes=True),
    Case("a range ends", (_let_in(ports=[{"port": 80, "endPort": 90}]),), C, S, 91, passes=False),
    Case("a port by name is the receiver's", (_let_in(ports=[{"port": "http"}]),), C, S, 8080, passes=True, tried=True),
    Case("an unknown name is no port", (_let_in(ports=[{"port": "https"}]),), C, S, 8080, passes=False),
    Case(
        "a protocol alone means all its ports",
        (_let_in(ports=[{"protocol": "UDP"}]),),
        C,
        S,
        53,
        passes=True,
        protocol="UDP",
    ),
    Case("both ends have to allow", (CLOSED, _let_in(CLIENTS)), C, S, 80, passes=False),
    Case("both ends allow", (CLOSED, _let_in(CLIENTS), _let_out()), C, S, 80, passes=True, tried=True),
    Case(
        "a port by name is looked up in the peer",
        (_let_out({"podSelector": {}}, ports=[{"port": "http"}]),),
        C,
        S,
        8080,
        passes=True,
    ),
    Case("a block passes", (_let_out(PUBLIC),), C, OUTSIDE, 443, passes=True),
    Case("its exception does not", (_let_out(PUBLIC),), C, T, 443, passes=False),
    Case("nor does the node, which is an exception too", (_let_out(PUBLIC),), C, NODE, 6443, passes=False),
    Case("a block of IPv6 allows nothing here", (_let_out(PUBLIC_V6),), C, OUTSIDE, 443, passes=False),
    Case(
        "DNS may be all that is allowed",
        (_let_out(ports=[{"port": 53, "protocol": "UDP"}]),),
        C,
        T,
        53,
        passes=True,
        protocol="UDP",
    ),
    Case(
        "and then nothing else is",
        (_let_out(ports=[{"port": 53, "protocol": "UDP"}]),),
        C,
        T,
        80,
        passes=False,
        tried=True,
    ),
)
