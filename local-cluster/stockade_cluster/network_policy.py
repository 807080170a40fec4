"""What NetworkPolicies allow, as verdicts and as one nftables table; pure, the enforcer beside it does the rest.

The rules are those of the NetworkPolicy API ("The two sorts of pod isolation", "Behavior of to and from selectors"):
a pod is open in a direction until a policy of that direction selects it, then only what some policy allows passes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Any

from stockade_cluster.places import POD_NETWORK

Json = Mapping[str, Any]
PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True)
class Pod:
    """The facts about a pod that a verdict depends on; `named_ports` are (name, protocol, number)."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    address: str
    named_ports: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class Ports:
    """A protocol and the ports first..last of it."""

    protocol: str
    first: int = 0
    last: int = 65535


@dataclass(frozen=True)
class Allowance:
    """Peers (networks, less exceptions) that may talk on some ports; `ports` None means anything, even ICMP."""

    networks: tuple[str, ...]
    exceptions: tuple[str, ...]
    ports: tuple[Ports, ...] | None


@dataclass(frozen=True)
class Facts:
    """Everything the verdicts depend on at one moment; `namespaces` maps a name to its labels."""

    policies: Sequence[Json]
    pods: Sequence[Pod]
    namespaces: Mapping[str, Mapping[str, str]]


def selects(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects these labels; an empty selector selects everything."""
    equal = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return equal and all(_meets(requirement, labels) for requirement in selector.get("matchExpressions") or [])


def _meets(requirement: Json, labels: Mapping[str, str]) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    if operator in {"In", "NotIn"}:
        contained = labels.get(key) in list(requirement["values"])
        return contained if operator == "In" else not contained
    return key in labels if operator == "Exists" else key not in labels


def find_allowances(facts: Facts, pod: Pod, direction: str) -> list[Allowance] | None:
    """What may pass to ("Ingress") or from ("Egress") a pod, or None if nothing isolates it in that direction."""
    found: list[Allowance] | None = None
    for policy in facts.policies:
        spec = policy["spec"]
        here = policy["metadata"]["namespace"] == pod.namespace and selects(spec.get("podSelector") or {}, pod.labels)
        if not here or direction not in _directions(spec):
            continue
        found = found or []
        for rule in spec.get(direction.lower()) or []:
            for peers in _read_peers(facts, pod.namespace, rule.get("from" if direction == "Ingress" else "to")):
                receivers = [pod] if direction == "Ingress" else peers.pods
                found.append(Allowance(peers.networks, peers.exceptions, _read_ports(rule.get("ports"), receivers)))
    return found


def _directions(spec: Json) -> list[str]:
    return list(spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])])


@dataclass(frozen=True)
class _Peers:
    """Networks less exceptions, and the pod behind them if it is one: named ports are looked up in it."""

    networks: tuple[str, ...]
    exceptions: tuple[str, ...] = ()
    pods: tuple[Pod, ...] = ()


def _read_peers(facts: Facts, namespace: str, peers: Sequence[Json] | None) -> list[_Peers]:
    if not peers:
        return [_Peers(("0.0.0.0/0",))]
    found = []
    for peer in peers:
        if "ipBlock" in peer:
            # The cluster has IPv4 only, so what is said of IPv6 concerns nobody.
            if ":" not in peer["ipBlock"]["cidr"]:
                found.append(_Peers((peer["ipBlock"]["cidr"],), tuple(peer["ipBlock"].get("except") or ())))
        else:
            pods = [pod for pod in facts.pods if _is_peer(facts, pod, peer, namespace)]
            found += [_Peers((f"{pod.address}/32",), pods=(pod,)) for pod in pods]
    return found


def _is_peer(facts: Facts, other: Pod, peer: Json, policy_namespace: str) -> bool:
    if "namespaceSelector" in peer:
        near = selects(peer["namespaceSelector"] or {}, facts.namespaces.get(other.namespace, {}))
    else:
        near = other.namespace == policy_namespace
    return near and selects(peer.get("podSelector") or {}, other.labels)


def _read_ports(ports: Sequence[Json] | None, receivers: Iterable[Pod]) -> tuple[Ports, ...] | None:
    if not ports:
        return None
    read: list[Ports] = []
    for port in ports:
        protocol, wanted = port.get("protocol") or "TCP", port.get("port")
        if wanted is None:
            read.append(Ports(protocol))
        elif isinstance(wanted, int):
            read.append(Ports(protocol, wanted, port.get("endPort") or wanted))
        else:
            named = {entry for receiver in receivers for entry in receiver.named_ports}
            read += [
                Ports(protocol, number, number)
                for name, of, number in sorted(named)
                if (name, of) == (wanted, protocol)
            ]
    return tuple(read)


def decide(facts: Facts, source: str, destination: str, protocol: str, port: int) -> bool:
    """Whether a new connection may pass: the source's egress and the destination's ingress must both allow it."""
    for address, peer, direction in ((source, destination, "Egress"), (destination, source, "Ingress")):
        for pod in facts.pods:
            if pod.address == address:
                allowances = find_allowances(facts, pod, direction)
                if allowances is not None and not any(_covers(each, peer, protocol, port) for each in allowances):
                    return False
    return True


def _covers(allowance: Allowance, peer: str, protocol: str, port: int) -> bool:
    address = IPv4Address(peer)
    if not any(address in IPv4Network(each) for each in allowance.networks):
        return False
    if any(address in IPv4Network(each) for each in allowance.exceptions):
        return False
    if allowance.ports is None:
        return True
    return any(each.protocol == protocol and each.first <= port <= each.last for each in allowance.ports)


def render_ruleset(facts: Facts) -> str:
    """The nftables text that puts the verdicts into force in one step.

    New connections between pods and from pods pass the `forward` hook, those to the node (API server included)
    the `input` hook; the node itself reaches every pod, as its kubelet must. An address of the pod network that
    belongs to no known pod may do nothing: a pod's first packet never comes before its policies.
    """
    chains: list[str] = []
    jumps: dict[str, list[str]] = {"Egress": [], "Ingress": []}
    for pod in facts.pods:
        for direction, peer_side in (("Egress", "daddr"), ("Ingress", "saddr")):
            allowances = find_allowances(facts, pod, direction)
            if allowances is None:
                continue
            chain = f"{direction.lower()}_{pod.address.replace('.', '_')}"
            jumps[direction].append(f"{pod.address} : jump {chain}")
            lines = [f"# {pod.namespace}/{pod.name}", *_merge(allowances, peer_side), "drop"]
            chains.append(_chain(chain, lines))
    known = ", ".join(sorted(pod.address for pod in facts.pods))
    elements = f" elements = {{ {known} }};" if known else ""
    unknown = [f"ip {side} {POD_NETWORK} ip {side} != @known drop" for side in ("saddr", "daddr")]
    first = "type filter hook {} priority 10; policy accept;"
    hooks = [
        _chain("forward", [first.format("forward"), "ct state established,related accept", *unknown, *_maps(jumps)]),
        _chain(
            "input",
            [
                first.format("input"),
                "ct state established,related accept",
                unknown[0],
                *_maps({"Egress": jumps["Egress"]}),
            ],
        ),
    ]
    table = "table ip stockade_policy"
    body = "\n".join([f"  set known {{ type ipv4_addr;{elements} }}", *chains, *hooks])
    return f"{table} {{ }}\ndelete {table}\n{table} {{\n{body}\n}}\n"


def _maps(jumps: Mapping[str, list[str]]) -> list[str]:
    side = {"Egress": "saddr", "Ingress": "daddr"}
    return [f"ip {side[direction]} vmap {{ {', '.join(entries)} }}" for direction, entries in jumps.items() if entries]


def _chain(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"])


def _merge(allowances: Sequence[Allowance], peer_side: str) -> list[str]:
    """One rule per distinct set of ports and exceptions, its peers gathered in one set."""
    peers: dict[tuple[tuple[str, ...], tuple[Ports, ...] | None], set[str]] = {}
    for each in allowances:
        peers.setdefault((each.exceptions, each.ports), set()).update(each.networks)
    lines = []
    for (exceptions, ports), networks in peers.items():
        match = "" if "0.0.0.0/0" in networks else f"ip {peer_side} {_set(networks)} "
        if exceptions:
            match += f"ip {peer_side} != {_set(exceptions)} "
        lines += [f"{match}{port_match}return" for port_match in _match_ports(ports)]
    return lines


def _set(networks: Iterable[str]) -> str:
    # Overlapping networks are an error in an nftables set.
    merged = collapse_addresses(IPv4Network(each) for each in networks)
    return f"{{ {', '.join(map(str, merged))} }}"


def _match_ports(ports: tuple[Ports, ...] | None) -> list[str]:
    if ports is None:
        return [""]
    matches = []
    for protocol in PROTOCOLS:
        ranges = sorted({f"{each.first}-{each.last}" for each in ports if each.protocol == protocol})
        matches += [f"{protocol.lower()} dport {each} " for each in ranges]
    return matches
