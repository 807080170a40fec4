"""What travels into the pods: the hostile algorithm with every attack inside it, and the scripts of the weak stages."""

import base64
import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.support.attacks.expectation import Attack
from tests.support.launcher_builds import build_launcher

HERE = Path(__file__).parent
TOOLS = "tests.support.attacks.hostile"
SCRIPTS = ("leave_things_behind.py", "naive_gateway.py", "weak_gateway.py")
SOURCES_LINE = 'json.loads("{}")'
TARGETS_LINE = "TARGETS: dict[str, str] = {}"
NUMBERS_LINE = "NUMBERS: dict[int, int] = {}"
NO_NUMBERS: Mapping[int, int] = MappingProxyType({})


def make_source(attacks: Iterable[Attack], targets: Mapping[str, str], numbers: Mapping[int, int] = NO_NUMBERS) -> str:
    """Return the algorithm's source.

    `targets` are addresses of this cluster that attacks go for, `numbers` another machine's for x86-64's calls.
    """
    tools = (HERE / "hostile.py").read_text()
    assert tools.count(TARGETS_LINE) == tools.count(NUMBERS_LINE) == 1
    sources = {attack.name: attack.source for attack in attacks}
    tools = tools.replace(NUMBERS_LINE, NUMBERS_LINE.replace("{}", repr(dict(numbers))))
    sources[TOOLS] = tools.replace(TARGETS_LINE, TARGETS_LINE.replace("{}", repr(dict(targets))))
    text = (HERE / "in_pod.py").read_text()
    assert text.count(SOURCES_LINE) == 1
    return text.replace(SOURCES_LINE, f"json.loads({json.dumps(sources)!r})")


def make_launcher(without: tuple[str, ...]) -> str:
    """Return a launcher without some of its steps, as a ConfigMap's `binaryData` takes it."""
    with tempfile.TemporaryDirectory() as folder:
        program = build_launcher(Path(folder), (*without, "SELF_TEST"))
        subprocess.run(["strip", program], check=True, timeout=60)
        return base64.b64encode(program.read_bytes()).decode()


def read_scripts() -> dict[str, str]:
    """Return the scripts by their names."""
    return {name: (HERE / name).read_text() for name in SCRIPTS}
