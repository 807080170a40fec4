"""Runs the attacks that come from outside of a pod: at the API server, at a gateway's log, at what the panel shows.

Each knows by itself how to do without its defence, since there is no pod to take it from.
"""

import importlib.util
import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tests.support.attacks.expectation import FOLDER, WORKED, Attack, Defence
from tests.support.attacks.hostile import Refused
from tests.support.attacks.weakened import HARDENED, PLAIN
from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, TestTenant

STAGES = (PLAIN, HARDENED, str(Defence.OUTSIDE))
PANEL = f"--as=system:serviceaccount:{PLATFORM}:stockade-panel"
ADMINISTRATOR = "--as-group=system:masters"
FORBIDDEN, INVALID = "FORBIDDEN", "INVALID"


@dataclass(frozen=True)
class Place:
    """Where an attack from outside is tried: bare, hardened, or without the defence it is about."""

    stage: str
    kubectl: Kubectl
    tenant: TestTenant

    @property
    def is_bare(self) -> bool:
        """Whether nothing of Stockade's is to stand in the way."""
        return self.stage == PLAIN

    @property
    def is_hardened(self) -> bool:
        """Whether everything stands."""
        return self.stage == HARDENED

    def find_pods(self) -> tuple[str, str]:
        """Return where there are pods like a victim: one of somebody else's, an algorithm's, one without its label."""
        if self.is_bare:
            return "kube-system", "k8s-app=kube-dns"
        return self.tenant.namespace if self.is_hardened else f"{self.tenant.name}-fenced", "stockade.dev/algorithm"

    def ask(self, *arguments: str, body: Any = None, text: str | None = None) -> str:
        """Run kubectl with an object or a text to read; raises Refused with FORBIDDEN or INVALID."""
        done = self.kubectl.attempt(*arguments, stdin=text if body is None else json.dumps(body))
        if not done.returncode:
            return done.stdout
        said = done.stderr.lower()
        if "forbidden" in said or "denied" in said:
            raise Refused(FORBIDDEN)
        if "invalid" in said or "unknown field" in said:
            raise Refused(INVALID)
        raise AssertionError(done.stderr)


def run_outside(kubectl: Kubectl, tenant: TestTenant, attacks: list[Attack]) -> dict[str, dict[str, str]]:
    """Try each; returns the outcomes by stage and attack."""
    chosen = [attack for attack in attacks if not attack.is_inside]
    return {
        stage: {attack.name: try_attack(load_attack(attack.name), Place(stage, kubectl, tenant)) for attack in chosen}
        for stage in STAGES
    }


def load_attack(name: str) -> ModuleType:
    """Return the module in an attack's folder."""
    found = importlib.util.spec_from_file_location(name, FOLDER / name / "attack.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def try_attack(module: ModuleType, place: Place) -> str:
    """Return `worked` or the verdict."""
    try:
        module.attack(place)
    except Refused as verdict:
        return str(verdict)
    return WORKED
