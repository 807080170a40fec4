"""Every command the pages show is one that exists: a make target, a manifest, an option of a program of ours."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[3]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("*/README.md")])


def commands(start: str) -> list[tuple[str, str]]:
    """Each line of a fenced block that starts with a word, with the page it stands on."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```(?:sh|console|bash)\n(.*?)```", page.read_text(), re.DOTALL):
            found += [(page.name, line.strip()) for line in block.splitlines() if line.strip().startswith(start)]
    return found


def test_there_are_pages_with_commands() -> None:
    assert commands("make "), "the pages show no make command"


@pytest.mark.parametrize(("page", "line"), commands("make "))
def test_a_make_target_exists(page: str, line: str) -> None:
    words = line.split("#", maxsplit=1)[0].split()
    targets = [word for word in words[1:] if "=" not in word]
    makefile = (PROJECT / "Makefile").read_text()
    missing = [target for target in targets if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)]
    assert missing == [], f"{page}: {line}"


@pytest.mark.parametrize(("page", "line"), commands("stockade-"))
def test_a_program_is_installed_and_answers_to_help(page: str, line: str) -> None:
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    module = scripts[line.split(maxsplit=1)[0]].partition(":")[0].removesuffix(".__main__")
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, f"{page}: {line}: {done.stderr}"


@pytest.mark.parametrize(("page", "line"), [each for each in commands("kubectl apply -f ") if "docs/" in each[1]])
def test_an_applied_manifest_is_there(page: str, line: str) -> None:
    path = PROJECT / line.split("-f ", 1)[1].split(maxsplit=1)[0]
    assert path.is_file(), f"{page}: {line}"
    assert all(each["apiVersion"] for each in yaml.safe_load_all(path.read_text()) if each)


def test_the_readmes_algorithm_is_the_one_that_the_examples_run() -> None:
    block = re.search(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    manifest = yaml.safe_load((PROJECT / "docs/examples/algorithm.yaml").read_text())
    assert block.group(1) == manifest["spec"]["source"]["inline"]
