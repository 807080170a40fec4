"""The kubectl line and the YAML that do the same as a button: pure text, shown for copying on every page."""

import json
import shlex
from typing import Any

import yaml

API_VERSION = "stockade.dev/v1alpha1"

Manifest = dict[str, Any]
"""A Kubernetes object as JSON."""


class _TextDumper(yaml.SafeDumper):
    """Writes source code as a block, so that it can be read in the YAML."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_TextDumper.add_representer(str, _represent_text)


def write_yaml(manifest: Manifest) -> str:
    """A manifest as a user would keep it: without status and without what the API server adds."""
    metadata = {
        key: value
        for key, value in manifest.get("metadata", {}).items()
        if key in {"name", "namespace", "labels", "annotations"}
    }
    kept = {
        "apiVersion": manifest.get("apiVersion", API_VERSION),
        "kind": manifest.get("kind"),
        "metadata": metadata,
        "spec": manifest.get("spec", {}),
    }
    return yaml.dump(kept, Dumper=_TextDumper, sort_keys=False, allow_unicode=True, width=110)


def write_patch(plural: str, namespace: str | None, name: str, spec: dict[str, Any]) -> str:
    """`kubectl patch` of some fields of the spec, such as `state` or `trading`."""
    patch = json.dumps({"spec": spec}, separators=(",", ":"))
    return f"kubectl{_in(namespace)} patch {plural} {shlex.quote(name)} --type=merge -p {shlex.quote(patch)}"


def write_get(plural: str, namespace: str | None, name: str = "", output: str = "") -> str:
    """`kubectl get` of one object, or of all in a namespace."""
    words = [
        f"kubectl{_in(namespace)} get {plural}",
        shlex.quote(name) if name else "",
        f"-o {output}" if output else "",
    ]
    return " ".join(word for word in words if word)


def write_delete(plural: str, namespace: str | None, name: str) -> str:
    """`kubectl delete` of one object."""
    return f"kubectl{_in(namespace)} delete {plural} {shlex.quote(name)}"


def write_logs(namespace: str, pod: str, container: str, *, previous: bool = False) -> str:
    """`kubectl logs` of one container."""
    return f"kubectl{_in(namespace)} logs {pod} -c {container} --tail=200{' --previous' if previous else ''}"


def write_apply(manifest: Manifest) -> str:
    """A heredoc with `kubectl apply` that any shell takes as it is."""
    text = write_yaml(manifest)
    marker = "STOCKADE_END"
    return f"kubectl apply --server-side -f - <<'{marker}'\n{text}{marker}"


def write_create_keys(namespace: str, secret: str, *, ed25519: bool) -> str:
    """How to put exchange keys into a Secret from files, so that they are in no shell history."""
    second = "privateKey=./private-key.pem" if ed25519 else "apiSecret=./api-secret"
    return (
        f"kubectl{_in(namespace)} create secret generic {shlex.quote(secret)} "
        f"--from-file=apiKey=./api-key --from-file={second}"
    )


def _in(namespace: str | None) -> str:
    return f" -n {shlex.quote(namespace)}" if namespace else ""
