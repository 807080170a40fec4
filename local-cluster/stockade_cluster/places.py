"""Where the local cluster lives on the machine: its folders, names and addresses, each said once."""

from pathlib import Path

NAME = "stockade"
NODE = "stockade"

# Everything that may vanish with a reboot, and everything too big for memory. `make down` removes both.
RUN = Path("/run/stockade")
DATA = Path("/var/lib/stockade")
# buildah's running state, apart because images are also built while no cluster runs.
BUILD_RUN = Path("/run/stockade-build")
LOCK = Path("/run/stockade.lock")

NETWORK_NAMESPACE = Path("/run/netns") / NAME
HOST_ADDRESS = "10.99.0.1"
NODE_ADDRESS = "10.99.0.2"
LINK_NETWORK = "10.99.0.0/30"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
API_PORT = 6443

CONTAINERD_SOCKET = RUN / "containerd.sock"
POLICY_SOCKET = RUN / "network-policy.sock"
PKI = RUN / "pki"
CONFIGURATION = RUN / "configuration"
PROCESSES = RUN / "processes"
CNI_PROGRAMS = RUN / "cni"
OWNER = RUN / "owner"
STARTED = RUN / "started"
