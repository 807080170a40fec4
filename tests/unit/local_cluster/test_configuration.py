"""The texts the cluster's parts are started with."""

import json
from pathlib import Path

from stockade_cluster.configuration import (
    cni_config,
    component_commands,
    containerd_config,
    kubeconfig,
    kubelet_config,
)
from stockade_cluster.name_server import name_server_objects, policy_reader_objects
from stockade_cluster.places import DATA, RUN

PROGRAMS = Path("/programs")


def test_a_kubeconfig_needs_no_other_file() -> None:
    wanted = json.loads(kubeconfig(b"authority", b"certificate", b"key"))
    assert wanted["clusters"][0]["cluster"]["server"] == "https://10.99.0.2:6443"
    assert set(wanted["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    assert wanted["current-context"] == wanted["contexts"][0]["name"]


def test_pods_are_routed_and_announced() -> None:
    assert [plugin["type"] for plugin in json.loads(cni_config())["plugins"]] == ["ptp", "stockade-policy"]


def test_the_kubelet_lets_nobody_in_unasked() -> None:
    config = json.loads(kubelet_config())
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["authorization"] == {"mode": "Webhook"}


def test_every_part_keeps_its_files_in_our_folders() -> None:
    texts = [containerd_config("pause", PROGRAMS), kubelet_config(), cni_config()]
    texts += [word for command in component_commands(PROGRAMS).values() for word in command]
    elsewhere = ("/var/lib/kubelet", "/var/lib/containerd", "/run/containerd", "/var/lib/etcd", "/etc/kubernetes")
    assert [text for text in texts if any(place in text for place in elsewhere)] == []
    assert str(DATA) in texts[0]
    assert str(RUN) in texts[0]


def test_the_api_server_announces_the_node_and_checks_who_asks() -> None:
    command = component_commands(PROGRAMS)["kube-apiserver"]
    assert "--advertise-address=10.99.0.2" in command
    assert "--authorization-mode=Node,RBAC" in command


def test_the_name_server_carries_the_labels_policies_name() -> None:
    deployment = name_server_objects("coredns:1")[-1]
    assert deployment["metadata"]["namespace"] == "kube-system"
    assert deployment["spec"]["template"]["metadata"]["labels"] == {"k8s-app": "kube-dns"}


def test_the_enforcer_may_only_read() -> None:
    rules = policy_reader_objects()[0]["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"list", "watch"}
