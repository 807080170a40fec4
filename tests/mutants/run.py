"""Changes the orders' state machine and the limits in every small way, and prints the changes that no test notices.

`make mutants` runs it; it takes some minutes and is no part of `make test`. `python -m tests.mutants.run limits` tries
one module alone. It works on a copy, so that an interrupted run leaves no changed code behind. What survives, and why,
is in docs/decisions/0012-surviving-mutants.md.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("gateway", "wire", "db", "tests")
# The tests that judge each module: those of its own rules, which are fast.
MODULES = {
    "orders": ("test_orders.py", "test_order_life.py"),
    "limits": ("test_limits.py", "test_limits_machine.py"),
}
# Left out are what only an annotation says (`int | None` is the one use of `|` in these modules), bit operations, which
# no Decimal has, and powers: one of a time in nanoseconds never ends.
CONFIGURATION = """
[cosmic-ray]
module-path = "gateway/stockade_gateway/{module}.py"
timeout = 600.0
excluded-modules = []
test-command = "{python} -I -S {forge} ask {socket}"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [
    "core/ReplaceBinaryOperator_BitOr_.*",
    "core/Replace.*_(RShift|LShift|BitOr|BitAnd|BitXor|Pow)",
]
"""
# pytest's own settings without its plugins: each mutant would load them anew.
PYTEST = """
[pytest]
pythonpath = . gateway wire db
addopts = --import-mode=importlib
"""


def main(modules: list[str]) -> int:
    """Run every mutant; returns 0 whatever survives, for a person has to judge it."""
    for module in modules or MODULES:
        try_module(module)
    return 0


def try_module(module: str) -> None:
    """Make and try the mutants of one module, on a copy of its own."""
    tests = [f"tests/unit/gateway/{name}" for name in MODULES[module]]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        forge, socket = copy / "tests/mutants/forge.py", copy / "forge.sock"
        configuration = CONFIGURATION.format(module=module, python=sys.executable, forge=forge, socket=socket)
        (copy / "mutants.toml").write_text(configuration)
        (copy / "pytest.ini").write_text(PYTEST)
        server = subprocess.Popen(
            [sys.executable, str(forge), "serve", str(socket), *tests],
            cwd=copy,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(socket.exists, "the forge to be ready", deadline_seconds=120)
            subprocess.run([sys.executable, "-I", "-S", str(forge), "ask", str(socket)], check=True)
            run_mutants(copy)
        finally:
            server.terminate()
            server.wait()


def run_mutants(copy: Path) -> None:
    """Have cosmic-ray make and try the mutants, and print what is left."""
    programs = Path(sys.executable).parent
    for command in (
        ["cosmic-ray", "init", "mutants.toml", "mutants.sqlite"],
        ["cr-filter-operators", "mutants.sqlite", "mutants.toml"],
        ["cosmic-ray", "exec", "mutants.toml", "mutants.sqlite"],
        ["cr-report", "--surviving-only", "--show-diff", "mutants.sqlite"],
    ):
        subprocess.run([str(programs / command[0]), *command[1:]], cwd=copy, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
