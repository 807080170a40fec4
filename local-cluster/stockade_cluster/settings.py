"""What the caller decides, read once from the environment; apart from the places, which nobody decides."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stockade_cluster.errors import MachineError

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """One run's choices.

    `given_kubeconfig` names a cluster that is already there and `registry` where its nodes pull from;
    `kind` asks for a kind cluster in Docker. Without either, the cluster is the local one.
    """

    checkout: Path
    cache: Path
    panel_port: int
    given_kubeconfig: Path | None
    registry: str | None
    kind: bool

    @property
    def state(self) -> Path:
        """The checkout's ignored folder: kubeconfig, logs, passwords."""
        return self.checkout / ".stockade"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig every target uses; never the user's own."""
        return self.given_kubeconfig or self.state / "kubeconfig"

    @property
    def is_local(self) -> bool:
        """Whether the cluster is the one this project starts itself."""
        return not self.kind and self.given_kubeconfig is None

    @property
    def programs(self) -> Path:
        """Stable links to the built programs."""
        return self.cache / "bin"


def read_settings(environment: Mapping[str, str] = os.environ, checkout: Path = CHECKOUT) -> Settings:
    """Read the settings; MachineError names the variable that is wrong and what to write."""
    port = environment.get("STOCKADE_PANEL_PORT", "8080")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise MachineError(f"STOCKADE_PANEL_PORT={port} is no port: write a number from 1 to 65535, such as 8080.")
    given = environment.get("STOCKADE_KUBECONFIG")
    if given and not Path(given).is_file():
        raise MachineError(f"STOCKADE_KUBECONFIG={given} is no file: write the path of a kubeconfig, or unset it.")
    wanted = environment.get("CLUSTER", "local")
    if wanted not in {"local", "kind"}:
        raise MachineError(f"CLUSTER={wanted} is not known: write CLUSTER=kind, or leave it out for the local cluster.")
    if given and wanted == "kind":
        raise MachineError("CLUSTER=kind makes its own kubeconfig: unset STOCKADE_KUBECONFIG, or leave CLUSTER out.")
    return Settings(
        checkout=checkout,
        cache=Path(environment.get("STOCKADE_CACHE") or Path.home() / ".cache/stockade"),
        panel_port=int(port),
        given_kubeconfig=Path(given).resolve() if given else None,
        registry=environment.get("STOCKADE_REGISTRY") or None,
        kind=wanted == "kind",
    )
