"""Image archives: the gateway's and the algorithm's must not share a layer."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from stockade_cluster.errors import ImageError
from stockade_cluster.images import check_layers, read_layers


def _write(path: Path, layers: list[str]) -> Path:
    text = json.dumps([{"Config": "config.json", "Layers": [f"{layer}.tar" for layer in layers]}]).encode()
    member = tarfile.TarInfo("manifest.json")
    member.size = len(text)
    with tarfile.open(path, "w") as archive:
        archive.addfile(member, io.BytesIO(text))
    return path


def test_the_layers_of_an_archive_are_read(tmp_path: Path) -> None:
    assert read_layers(_write(tmp_path / "gateway.tar", ["a1", "b2"])) == ["a1", "b2"]


def test_images_without_a_common_layer_pass(tmp_path: Path) -> None:
    gateway, algorithm = _write(tmp_path / "gateway.tar", ["a1"]), _write(tmp_path / "algorithm.tar", ["c3"])
    check_layers(gateway, algorithm)
    assert read_layers(gateway) != read_layers(algorithm)


def test_a_shared_layer_is_refused_and_named(tmp_path: Path) -> None:
    gateway, algorithm = _write(tmp_path / "gateway.tar", ["a1", "b2"]), _write(tmp_path / "algorithm.tar", ["b2"])
    with pytest.raises(ImageError, match="share the layers b2"):
        check_layers(gateway, algorithm)
