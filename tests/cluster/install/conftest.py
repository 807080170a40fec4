"""Helm against the cluster that `make up` made, and no other."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.chart import HELM, NAMESPACE
from tests.support.kubectl import Kubectl

Helm = Callable[..., str]


@pytest.fixture(scope="session")
def helm(kubectl: Kubectl) -> Helm:
    """Run one Helm command in the platform's namespace; a failure is told with Helm's own words."""
    assert HELM.exists(), f"no Helm at {HELM}: `make up` builds it first"
    environment = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "KUBECONFIG": str(kubectl.kubeconfig)}

    def run(*arguments: str) -> str:
        command = [str(HELM), "--namespace", NAMESPACE, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    return run
