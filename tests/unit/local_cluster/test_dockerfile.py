"""What a target is made of, as far as it decides what is rebuilt."""

from pathlib import Path

import pytest

from stockade_cluster.dockerfile import read_stages, read_target
from stockade_cluster.errors import ImageError
from stockade_cluster.images import NAMES, make_tag

PROJECT = Path(__file__).parents[3]
TEXT = """
# a comment
ARG BASE
FROM ${BASE} AS builder
RUN one \\
 && two
FROM builder AS packages
COPY --chown=1:1 lock.txt /tmp/
FROM ${BASE} AS first
COPY --from=packages /opt /opt
COPY first shared /code/
FROM ${BASE} AS second
COPY second /code/
"""


def test_a_target_is_made_of_its_stages_and_those_it_copies_from() -> None:
    target = read_target(read_stages(TEXT), "first")
    assert target.sources == ("first", "lock.txt", "shared")
    assert "RUN one && two" in target.instructions
    assert "COPY second /code/" not in target.instructions


def test_an_unknown_target_names_those_there_are() -> None:
    with pytest.raises(ImageError, match="no target third; it has builder, packages, first, second"):
        read_target(read_stages(TEXT), "third")


def test_only_a_change_of_what_it_is_made_of_changes_a_tag(tmp_path: Path) -> None:
    for name in ("first", "second", "shared"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text(name)
    (tmp_path / "lock.txt").write_text("lock")
    stages = read_stages(TEXT)

    def tags() -> tuple[str, str]:
        first, second = (make_tag(tmp_path, read_target(stages, name), "base") for name in ("first", "second"))
        return first, second

    before = tags()
    (tmp_path / "shared" / "code.py").write_text("changed")
    after = tags()
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_compiled_files_do_not_change_a_tag(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "code.py").write_text("code")
    target = read_target(read_stages(TEXT), "second")
    before = make_tag(tmp_path, target, "base")
    (tmp_path / "second" / "__pycache__").mkdir()
    (tmp_path / "second" / "__pycache__" / "code.pyc").write_text("compiled")
    assert make_tag(tmp_path, target, "base") == before


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"copies .*second, which is not there"):
        make_tag(tmp_path, read_target(read_stages(TEXT), "second"), "base")


@pytest.mark.parametrize("name", NAMES)
def test_the_dockerfile_has_a_target_for_each_image(name: str) -> None:
    stages = read_stages((PROJECT / "Dockerfile").read_text())
    assert read_target(stages, name).instructions


def test_gateway_and_algorithm_have_no_stage_in_common() -> None:
    stages = read_stages((PROJECT / "Dockerfile").read_text())
    starts = [
        {line for line in read_target(stages, name).instructions if line.startswith("FROM ")}
        for name in ("gateway", "algorithm")
    ]
    assert starts[0].isdisjoint(starts[1])
