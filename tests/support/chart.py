"""Renders the chart with the Helm that `make up` builds, without a cluster."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/stockade"
HELM = Path.home() / ".cache/stockade/bin/helm"
NAMESPACE = "stockade-system"

Manifest = dict[str, Any]


class HelmError(Exception):
    """Helm said no; the message is its own."""


def run_helm(*arguments: str, stdin: str | None = None) -> str:
    """Run one Helm command and return what it printed; HelmError says why it failed."""
    assert HELM.exists(), f"no Helm at {HELM}: `make contract` builds it first"
    command = [str(HELM), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise HelmError(done.stderr.strip())
    return done.stdout


def render(values: Mapping[str, Any] | None = None) -> list[Manifest]:
    """Return all objects of a release with these values."""
    return _render(json.dumps(values or {}))


@cache
def _render(values: str) -> list[Manifest]:
    printed = run_helm("template", "stockade", str(CHART), "--namespace", NAMESPACE, "--values", "-", stdin=values)
    return [found for found in yaml.load_all(printed, Loader=yaml.CSafeLoader) if found]


def find(objects: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the one object of a kind and name."""
    found = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} objects {kind}/{name}"
    return found[0]


def pod_specs(objects: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Return the spec of each pod that the objects lead to, with the name of what leads to it."""
    for each in objects:
        if each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]
        elif each["kind"] == "Pod":
            yield each["metadata"]["name"], each["spec"]


def read_environment(spec: Manifest) -> dict[str, str]:
    """Return what the first container's process finds in its environment; values of Secrets and fields are made up."""
    environment: dict[str, str] = {}
    for entry in spec["containers"][0]["env"]:
        source = entry.get("valueFrom", {})
        if "fieldRef" in source:
            value = "10.0.0.1"
        elif "secretKeyRef" in source:
            value = f"made-up-{source['secretKeyRef']['key']}" + "x" * 32
        else:
            value = entry["value"]
        for name, known in environment.items():
            value = value.replace(f"$({name})", known)
        environment[entry["name"]] = value
    return environment
