"""kubectl of the cluster that `make up` made, and of no other."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
PROGRAM = Path.home() / ".cache/stockade/bin/kubectl"
KUBECONFIG = PROJECT / ".stockade/kubeconfig"


class KubectlError(Exception):
    """kubectl said no; the message is its own."""


@dataclass(frozen=True)
class Kubectl:
    """Runs kubectl against one kubeconfig."""

    program: Path = PROGRAM
    kubeconfig: Path = KUBECONFIG

    def attempt(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command and return how it ended, whatever it was."""
        return subprocess.run(
            [str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run one command and return what it printed; KubectlError says why it failed."""
        done = self.attempt(*arguments, stdin=stdin)
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """One object, or None if there is none."""
        where = ["-n", namespace] if namespace else []
        done = self.attempt("get", kind, name, *where, "-o", "json", "--ignore-not-found")
        if done.returncode:
            raise KubectlError(done.stderr.strip())
        found: dict[str, Any] | None = json.loads(done.stdout) if done.stdout.strip() else None
        return found

    def items(self, kind: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        """The objects of a kind in a namespace, or in all."""
        where = ["-n", namespace] if namespace else ["-A"]
        chosen = ["-l", selector] if selector else []
        found: list[dict[str, Any]] = json.loads(self.run("get", kind, *where, *chosen, "-o", "json"))["items"]
        return found

    def apply(self, *objects: Mapping[str, Any]) -> str:
        """Server-side apply of some objects, as a user of kubectl would."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        return self.run("apply", "--server-side", "--force-conflicts", "--field-manager=kubectl", "-f", "-", stdin=text)

    def patch(self, kind: str, name: str, namespace: str, change: Mapping[str, Any]) -> str:
        """A merge patch of one object."""
        return self.run("patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps(change))

    def delete(self, kind: str, name: str, namespace: str = "", *, wait: bool = True) -> str:
        """Delete one object; no complaint if it is gone already."""
        where = ["-n", namespace] if namespace else []
        return self.run("delete", kind, name, *where, "--ignore-not-found", f"--wait={str(wait).lower()}")

    def execute(self, pod: str, namespace: str, container: str, *command: str) -> str:
        """Run a command in a container and return what it printed."""
        return self.run("exec", pod, "-n", namespace, "-c", container, "--", *command)

    def logs(self, pod: str, namespace: str, container: str, *options: str) -> str:
        """The log of one container so far."""
        return self.run("logs", pod, "-n", namespace, "-c", container, *options)


def condition(found: Mapping[str, Any] | None, kind: str) -> dict[str, Any]:
    """One condition of an object's status, or an empty one."""
    for each in ((found or {}).get("status") or {}).get("conditions") or []:
        if each["type"] == kind:
            return dict(each)
    return {}
