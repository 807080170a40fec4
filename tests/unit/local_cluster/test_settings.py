"""What the caller may choose, and the words for what he may not."""

from pathlib import Path

import pytest

from stockade_cluster.errors import MachineError
from stockade_cluster.machine import check_space
from stockade_cluster.settings import read_settings


def test_the_local_cluster_is_the_default() -> None:
    settings = read_settings({}, Path("/checkout"))
    assert settings.is_local
    assert settings.kubeconfig == Path("/checkout/.stockade/kubeconfig")
    assert settings.panel_port == 8080


def test_the_users_own_kubeconfig_is_not_read() -> None:
    settings = read_settings({"KUBECONFIG": "/home/user/.kube/config"}, Path("/checkout"))
    assert settings.is_local
    assert settings.kubeconfig == Path("/checkout/.stockade/kubeconfig")


def test_a_given_cluster_is_used_instead(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("{}")
    settings = read_settings({"STOCKADE_KUBECONFIG": str(file)}, Path("/checkout"))
    assert not settings.is_local
    assert settings.kubeconfig == file


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"STOCKADE_PANEL_PORT": "http"}, "STOCKADE_PANEL_PORT=http is no port"),
        ({"STOCKADE_PANEL_PORT": "0"}, "STOCKADE_PANEL_PORT=0 is no port"),
        ({"STOCKADE_KUBECONFIG": "/nowhere"}, "STOCKADE_KUBECONFIG=/nowhere is no file"),
        ({"CLUSTER": "minikube"}, "CLUSTER=minikube is not known"),
    ],
)
def test_a_wrong_choice_is_named_with_what_to_write(environment: dict[str, str], message: str) -> None:
    with pytest.raises(MachineError, match=message):
        read_settings(environment, Path("/checkout"))


def test_kind_and_a_given_cluster_exclude_each_other(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("{}")
    with pytest.raises(MachineError, match="unset STOCKADE_KUBECONFIG"):
        read_settings({"STOCKADE_KUBECONFIG": str(file), "CLUSTER": "kind"}, tmp_path)


def test_too_little_room_says_where_and_how_much(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"not-there needs 1000000000000 GB and .* GB free"):
        check_space(tmp_path / "not-there", 10**21)
