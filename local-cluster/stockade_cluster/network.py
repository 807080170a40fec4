"""The cluster's own network namespace and the one link into it; nothing is forwarded and nothing leads out."""

from collections.abc import Sequence
from pathlib import Path

from stockade_cluster.commands import run, succeeds
from stockade_cluster.errors import MachineError
from stockade_cluster.places import HOST_ADDRESS, LINK_NETWORK, NAME, NETWORK_NAMESPACE, NODE_ADDRESS, SERVICE_NETWORK

OUTER_LINK = "stockade0"
INNER_LINK = "stockade1"
# No pod reaches the host by the link: it would answer to an address it does not know, through its default route.
LINK_RULES = f"""table ip stockade_link {{
  chain forward {{ type filter hook forward priority 0; policy accept; oifname "{INNER_LINK}" drop; }}
}}
"""


def inside(command: Sequence[str | Path]) -> list[str | Path]:
    """The command line that runs a command in the namespace.

    `ip netns exec` would replace /sys as well, and the kubelet would find no cgroups.
    """
    return ["nsenter", f"--net={NETWORK_NAMESPACE}", *command]


def check_route_is_free() -> None:
    """Refuse to shadow a network this machine already uses."""
    taken = [line for line in run(["ip", "-4", "route", "show"]).splitlines() if line.startswith("10.99.0.")]
    if any(OUTER_LINK not in line for line in taken):
        raise MachineError(f"The cluster's link needs {LINK_NETWORK}, which this machine already routes: {taken[0]}.")


def create_network() -> None:
    """Make the namespace and the link; the host's side gets one address and no route beyond it."""
    run(["ip", "netns", "add", NAME])
    run(["ip", "link", "add", OUTER_LINK, "type", "veth", "peer", "name", INNER_LINK, "netns", NAME])
    run(["ip", "address", "add", f"{HOST_ADDRESS}/30", "dev", OUTER_LINK])
    run(["ip", "link", "set", OUTER_LINK, "up"])
    run(inside(["ip", "address", "add", f"{NODE_ADDRESS}/30", "dev", INNER_LINK]))
    for link in ("lo", INNER_LINK):
        run(inside(["ip", "link", "set", link, "up"]))
    # Without any route a packet of the node's own to a Service would end before kube-proxy translates it.
    run(inside(["ip", "route", "add", SERVICE_NETWORK, "dev", INNER_LINK, "src", NODE_ADDRESS]))
    kernel = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
    run(inside(["sysctl", "-q", "-w", *kernel]))
    run(inside(["nft", "-f", "-"]), input_text=LINK_RULES)


def remove_network() -> None:
    """Delete the namespace with all its rules, and the link."""
    if succeeds(["ip", "link", "show", OUTER_LINK]):
        run(["ip", "link", "delete", OUTER_LINK])
    if NETWORK_NAMESPACE.exists():
        run(["ip", "netns", "delete", NAME])
