"""Small rules of single steps: packages, build keys, mounts, words."""

import io
import shutil
from pathlib import Path

from stockade_cluster.network_policy_enforcer import read_pods
from stockade_cluster.packages import CLUSTER, find_missing
from stockade_cluster.programs import BUILDS, MODULES, build_key
from stockade_cluster.progress import Progress, format_duration
from stockade_cluster.removal import find_mounts


def test_only_packages_that_are_not_installed_are_missing() -> None:
    listing = "".join(f"{name} installed\n" for name in CLUSTER if name not in {"gcc", "git"}) + "git config-files\n"
    assert find_missing(CLUSTER, listing) == ["gcc", "git"]


def test_a_build_is_made_anew_when_its_lock_changes(tmp_path: Path) -> None:
    shutil.copytree(MODULES, tmp_path / "go")
    build = next(build for build in BUILDS if build.name == "etcd")
    before = build_key(build, "go1.26", tmp_path / "go")
    assert before == build_key(build, "go1.26", MODULES)
    with (tmp_path / "go" / "etcd" / "go.sum").open("a") as lock:
        lock.write("another line\n")
    assert build_key(build, "go1.26", tmp_path / "go") != before


def test_a_build_is_made_anew_by_another_go() -> None:
    assert build_key(BUILDS[0], "go1.26") != build_key(BUILDS[0], "go1.27")


def test_every_module_is_locked() -> None:
    for build in BUILDS:
        assert (MODULES / build.module / "go.sum").read_text().count("h1:") > 100


def test_the_innermost_mount_goes_first_and_others_stay() -> None:
    mounts = "\n".join(
        f"none {point} tmpfs rw 0 0"
        for point in ("/run/stockade/a", "/run/stockade/a/b\\040c", "/run/stockade-other", "/home")
    )
    assert find_mounts(mounts, [Path("/run/stockade")]) == ["/run/stockade/a/b c", "/run/stockade/a"]


def test_a_duration_is_said_as_people_say_it() -> None:
    assert format_duration(7.6) == "8 s"
    assert format_duration(184) == "3 min 04 s"


def test_a_step_says_what_began_and_how_long_it_took() -> None:
    out = io.StringIO()
    progress = Progress(out)
    with progress.step("etcd", "building", "built") as step:
        step.tell("half way")
        step.told -= 60
        progress.remind()
    lines = [line.split("]", 1)[1].split(maxsplit=1) for line in out.getvalue().splitlines()]
    assert lines == [["etcd", "building …"], ["etcd", "half way (0 s)"], ["etcd", "built in 0 s"]]


def _pod(name: str, **status: str) -> dict[str, object]:
    containers = [{"name": "one", "ports": [{"name": "http", "containerPort": 80}, {"containerPort": 81}]}]
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}"},
        "spec": {"containers": containers},
        "status": status,
    }


def test_a_pod_is_known_by_its_status_or_its_announcement() -> None:
    items = [_pod("old", podIP="10.244.0.2", phase="Running"), _pod("new", phase="Pending"), _pod("next")]
    pods = read_pods(items, {"uid-new": "10.244.0.3"})
    assert [(pod.name, pod.address) for pod in pods] == [("new", "10.244.0.3"), ("old", "10.244.0.2")]
    assert pods[0].named_ports == (("http", "TCP", 80),)


def test_a_finished_pod_has_no_address_any_more() -> None:
    assert read_pods([_pod("done", podIP="10.244.0.2", phase="Succeeded")], {}) == []
