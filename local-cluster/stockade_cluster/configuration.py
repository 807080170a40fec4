"""The text of every configuration file and command line of the cluster; pure, so that a test can read them."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from stockade_cluster.places import (
    API_PORT,
    CNI_PROGRAMS,
    CONFIGURATION,
    CONTAINERD_SOCKET,
    DATA,
    DNS_SERVICE,
    NAME,
    NODE,
    NODE_ADDRESS,
    PKI,
    POD_NETWORK,
    RUN,
    SERVICE_NETWORK,
)

API_URL = f"https://{NODE_ADDRESS}:{API_PORT}"
ETCD_URL = "http://127.0.0.1:2379"
POD_LOGS = DATA / "pod-logs"
KUBELET_ROOT = DATA / "kubelet"


def kubeconfig(authority: bytes, certificate: bytes, key: bytes) -> str:
    """A kubeconfig that needs no other file."""
    text = {name: b64encode(data).decode() for name, data in (("ca", authority), ("crt", certificate), ("key", key))}
    user = {"client-certificate-data": text["crt"], "client-key-data": text["key"]}
    cluster = {"server": API_URL, "certificate-authority-data": text["ca"]}
    wanted = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": user}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "current-context": NAME,
    }
    return json.dumps(wanted, indent=2)


def containerd_config(pause_image: str, programs: Path) -> str:
    """The container runtime's configuration; `restrict_oom_score_adj` where containers may not lower it."""
    return f"""version = 3
root = "{DATA}/containerd"
state = "{RUN}/containerd"

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause_image}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{CNI_PROGRAMS}", "/usr/lib/cni"]
conf_dir = "{CONFIGURATION}/cni"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{programs}/runc"
Root = "{RUN}/runc"
SystemdCgroup = false

[plugins."io.containerd.nri.v1.nri"]
disable = true
"""


def cni_config() -> str:
    """One routed link per pod (`ptp`, so that the forward hook sees all pod traffic), then our policy program."""
    addresses = {
        "type": "host-local",
        "dataDir": f"{DATA}/cni",
        "ranges": [[{"subnet": POD_NETWORK.replace("/16", "/24")}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [{"type": "ptp", "ipMasq": False, "ipam": addresses}, {"type": "stockade-policy"}]
    return json.dumps({"cniVersion": "1.0.0", "name": NAME, "plugins": plugins}, indent=2)


def kubelet_config() -> str:
    """The kubelet's configuration; the loosened limits are those a shared, swap-less test machine needs."""
    wanted: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{PKI}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{PKI}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{PKI}/kubelet-server.key",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE],
        "resolvConf": "",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{NAME}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "maxPods": 250,
        # What SECURITY.md asks of every node: without it a pod's forks go on until they have the node's process ids.
        "podPidsLimit": 256,
        "podLogsDir": str(POD_LOGS),
        "volumePluginDir": f"{DATA}/volume-plugins",
    }
    return json.dumps(wanted, indent=2)


def component_commands(programs: Path) -> dict[str, list[str]]:
    """The command line of each part, by name, in the order they are started."""

    def config(name: str) -> str:
        return f"--kubeconfig={CONFIGURATION}/{name}.kubeconfig"

    return {
        "etcd": [
            f"{programs}/etcd",
            f"--data-dir={DATA}/etcd",
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            # The cluster is thrown away with its data, so a power cut may have it.
            "--unsafe-no-fsync",
        ],
        "kube-apiserver": [
            f"{programs}/kube-apiserver",
            # There is no default route to guess it from.
            f"--advertise-address={NODE_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--etcd-servers={ETCD_URL}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--client-ca-file={PKI}/ca.crt",
            f"--tls-cert-file={PKI}/apiserver.crt",
            f"--tls-private-key-file={PKI}/apiserver.key",
            f"--kubelet-certificate-authority={PKI}/ca.crt",
            f"--kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt",
            f"--kubelet-client-key={PKI}/apiserver-kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={PKI}/tokens.pub",
            f"--service-account-signing-key-file={PKI}/tokens.key",
        ],
        "kube-controller-manager": [
            f"{programs}/kube-controller-manager",
            config("controller-manager"),
            f"--root-ca-file={PKI}/ca.crt",
            f"--service-account-private-key-file={PKI}/tokens.key",
            "--use-service-account-credentials=true",
            f"--cluster-cidr={POD_NETWORK}",
            f"--flex-volume-plugin-dir={DATA}/volume-plugins",
            "--leader-elect=false",
        ],
        "kube-scheduler": [f"{programs}/kube-scheduler", config("scheduler"), "--leader-elect=false"],
        "kube-proxy": [
            f"{programs}/kube-proxy",
            config("proxy"),
            f"--hostname-override={NODE}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={POD_NETWORK}",
            # 0 leaves the kernel's connection table as it is: it belongs to the whole machine.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ],
        "containerd": [f"{programs}/containerd", f"--config={CONFIGURATION}/containerd.toml"],
        "kubelet": [
            f"{programs}/kubelet",
            config("kubelet"),
            f"--config={CONFIGURATION}/kubelet.json",
            f"--root-dir={KUBELET_ROOT}",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_ADDRESS}",
        ],
    }
