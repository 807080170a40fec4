"""One machine, two checkouts: neither ends the other's cluster."""

import dataclasses
from pathlib import Path

import pytest

from stockade_cluster import processes, removal
from stockade_cluster.errors import MachineError
from stockade_cluster.settings import read_settings


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose API server runs, as far as its notes say."""
    monkeypatch.setattr(processes, "PROCESSES", tmp_path / "processes")
    monkeypatch.setattr(removal, "OWNER", tmp_path / "owner")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (tmp_path / "owner").write_text(str(checkout))
    return checkout


def test_the_cluster_of_another_checkout_is_left_alone(running: Path, tmp_path: Path) -> None:
    processes.start("kube-apiserver", ["sleep", "600"], tmp_path)
    try:
        other = dataclasses.replace(read_settings({}), checkout=tmp_path / "other")
        with pytest.raises(MachineError, match=f"make -C {running} down"):
            removal.require_own_cluster(other)
        removal.require_own_cluster(dataclasses.replace(other, checkout=running))
        running.rmdir()
        removal.require_own_cluster(other)
    finally:
        processes.stop("kube-apiserver")
    assert processes.list_names() == []
