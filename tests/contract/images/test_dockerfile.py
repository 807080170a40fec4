"""Each image holds its own lock and folders, its own uid, and the algorithm shares no layer with the gateway."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.launcher_builds import FLAGS

ROOT = Path(__file__).parents[3]


@dataclass
class Stage:
    """One FROM of the Dockerfile with its instructions."""

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        """What stands behind each use of an instruction."""
        return [value for name, value in self.instructions if name == instruction]


def read_stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    current: Stage | None = None
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, _, value = line.partition(" ")
        if instruction == "FROM":
            base, _, name = value.partition(" AS ")
            current = stages[name] = Stage(base)
        elif current is not None:
            current.instructions.append((instruction, value.strip()))
    return stages


STAGES = read_stages()

IMAGES = {
    "operator": (10003, {"crds/stockade_crds", "db/stockade_db", "operator/stockade_operator"}),
    "panel": (10004, {"crds/stockade_crds", "db/stockade_db", "panel/stockade_panel", "algo-image/examples"}),
    "gateway": (10001, {"wire/stockade_wire", "db/stockade_db", "gateway/stockade_gateway"}),
    "paper-exchange": (10005, {"paper-exchange/stockade_paper"}),
    "migrations": (10006, {"db/stockade_db"}),
    "algorithm": (
        10002,
        {"wire/stockade_wire", "algo-image/stockade_sdk", "algo-image/stockade_runner", "algo-image/examples"},
    ),
}


def lineage(name: str) -> set[str]:
    """Return the stage and every stage and base image whose layers it stands on."""
    found = {name}
    if name in STAGES:
        found |= lineage(STAGES[name].base)
    return found


def content_stages(name: str) -> list[Stage]:
    """Return the stages whose files reach the image: its own, and those it copies from."""
    copied = [match[1] for value in STAGES[name].values("COPY") if (match := re.match(r"--from=(\S+)", value))]
    return [STAGES[stage] for stage in [name, *copied]]


@pytest.mark.parametrize("name", IMAGES)
def test_image_holds_its_own_folders_and_no_other(name: str) -> None:
    copies = [value for stage in content_stages(name) for value in stage.values("COPY")]
    folders = {value.split()[0] for value in copies if not value.startswith(("--from", "requirements/"))}
    assert folders == IMAGES[name][1]


@pytest.mark.parametrize("name", IMAGES)
def test_image_installs_its_own_lock_with_hashes(name: str) -> None:
    stages = content_stages(name)
    locks = [value for stage in stages for value in stage.values("COPY") if value.startswith("requirements/")]
    installs = [value for stage in stages for value in stage.values("RUN") if "pip" in value and " install " in value]
    assert locks == [f"requirements/{name}.txt /tmp/requirements.txt"]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]


def test_every_image_runs_as_a_user_of_its_own() -> None:
    users = {name: STAGES[name].values("USER") for name in [*IMAGES, "postgresql"]}
    assert users == {name: [f"{uid}:{uid}"] for name, (uid, _) in IMAGES.items()} | {"postgresql": ["10007:10007"]}


@pytest.mark.parametrize(("name", "signal"), [(name, "SIGTERM") for name in IMAGES] + [("postgresql", "SIGINT")])
def test_image_is_stopped_by_the_signal_it_understands(name: str, signal: str) -> None:
    signals = [value for stage in lineage(name) if stage in STAGES for value in STAGES[stage].values("STOPSIGNAL")]
    assert signals == [signal]


def test_algorithm_and_gateway_share_no_layer() -> None:
    assert lineage("algorithm") & lineage("gateway") == set()
    assert STAGES["algorithm"].base == "scratch"


def test_the_launcher_is_compiled_whole_and_as_it_is_tested() -> None:
    (build,) = [value for value in STAGES["launcher"].values("RUN") if " gcc -std" in value]
    assert {*FLAGS} <= {*build.split()}
    assert "WITHOUT" not in build
    assert "--from=launcher /build/launcher /opt/stockade/bin/launcher" in STAGES["algorithm-root"].values("COPY")
    (entry,) = STAGES["algorithm"].values("ENTRYPOINT")
    assert json.loads(entry)[:2] == ["/opt/stockade/bin/launcher", "/opt/stockade/bin/python"]


def test_bases_are_public_and_can_be_given() -> None:
    text = (ROOT / "Dockerfile").read_text()
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    assert set(defaults) == {"BASE_IMAGE", "ALGORITHM_BASE_IMAGE", "POSTGRESQL_BASE_IMAGE"}
    assert [default for default in defaults.values() if "/" in default] == []
    outside = {stage.base for stage in STAGES.values()} - set(STAGES) - {"scratch"}
    assert outside == {f"${{{name}}}" for name in defaults}
