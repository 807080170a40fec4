"""The README's lines, and nothing else, on a cluster without Stockade: they end with an algorithm that trades.

Everything installed is removed before; `make up` puts its own installation back afterwards.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.chart import NAMESPACE
from tests.support.kubectl import PROJECT, Kubectl, condition
from tests.support.tenants import ask_json
from tests.support.waiting import wait_until

Helm = Callable[..., str]


def readme_lines() -> list[list[str]]:
    """The words of each command of the README's section on Helm."""
    section = (PROJECT / "README.md").read_text().split("## Install with Helm alone")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [shlex.split(line) for line in block.group(1).splitlines() if line]


def remove_everything(kubectl: Kubectl, helm: Helm) -> None:
    """Tenants first, whose namespaces the operator clears; then release, definitions and namespace."""
    kubectl.run("delete", "tenants", "--all", "--wait=false")
    wait_until(
        lambda: kubectl.items("tenants"), "every tenant to go", holds=lambda left: not left, deadline_seconds=180
    )
    helm("uninstall", "stockade", "--wait", "--timeout", "3m")
    kubectl.run("delete", "crd", "-l", "app.kubernetes.io/part-of=stockade", "--timeout=60s")
    kubectl.delete("namespace", NAMESPACE, wait=False)
    wait_until(
        lambda: kubectl.get("namespace", NAMESPACE),
        "the namespace to go",
        holds=lambda found: found is None,
        deadline_seconds=120,
    )


@pytest.fixture(scope="module")
def values(kubectl: Kubectl, helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Remove everything, and say where this machine has the images: the file of values that `make up` used."""
    file = tmp_path_factory.mktemp("helm") / "values.json"
    file.write_text(helm("get", "values", "stockade", "-o", "json"))
    file.chmod(0o600)
    remove_everything(kubectl, helm)
    try:
        yield file
    finally:
        kubectl.run("delete", "tenants", "--all", "--wait=false")
        wait_until(
            lambda: kubectl.items("tenants"), "the demo to go", holds=lambda left: not left, deadline_seconds=180
        )
        # The door to the panel is on the machine, outside of the network namespace that our parent put us into.
        outside = f"--net=/proc/{os.getppid()}/ns/net"
        subprocess.run(["nsenter", outside, "make", "up"], cwd=PROJECT, check=True, timeout=500)


@pytest.mark.timeout(1200)
def test_the_readmes_lines_end_with_an_algorithm_that_trades(kubectl: Kubectl, helm: Helm, values: Path) -> None:
    lines = readme_lines()
    assert lines[0][:3] == ["helm", "install", "stockade"]
    for program, *words in lines:
        if program == "helm":
            helm(*words, *(["--values", str(values)] if words[0] == "install" else []))
        else:
            assert program == "kubectl"
            kubectl.run(*words)
    found = kubectl.get("algorithm", "buy-once", "tenant-demo")
    assert condition(found, "Ready")["status"] == "True"
    pod = kubectl.get("pod", "algo-buy-once", "tenant-demo")
    assert pod is not None
    status = f"http://{pod['status']['podIP']}:8081/status"
    wait_until(lambda: ask_json(status)["orders"], "its one purchase", holds=lambda orders: orders["filled"] == 1)
