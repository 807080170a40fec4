"""Changes the orders' state machine in every small way, one at a time, and prints the changes that no test notices.

`make mutants` runs it; it takes some minutes and is no part of `make test`. It works on a copy, so that an interrupted
run leaves no changed code behind. What survives, and why, is in docs/decisions/0012-surviving-mutants.md.
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
MODULE = "gateway/stockade_gateway/orders.py"
TESTS = ("tests/unit/gateway/test_orders.py", "tests/unit/gateway/test_order_life.py")
# Left out: what only an annotation says (`int | None`), and changes that no Decimal or comparison here survives.
CONFIGURATION = """
[cosmic-ray]
module-path = "{module}"
timeout = 120.0
excluded-modules = []
test-command = "{python} -I -S {forge} ask {socket}"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [
    "core/RemoveDecorator",
    "core/ReplaceBinaryOperator_BitOr_.*",
    "core/Replace.*_(RShift|LShift|BitOr|BitAnd|BitXor|Pow|FloorDiv|Mod)",
    "core/ReplaceComparisonOperator_(Gt|GtE|Lt|LtE|Eq|NotEq)_Is(Not)?",
    "core/ReplaceComparisonOperator_Is_(Lt|LtE|Gt|GtE|Eq|NotEq)",
    "core/ReplaceUnaryOperator_(USub|Delete)_(Invert|USub|Not)",
    "core/ReplaceBinaryOperator_(Mul|Div|FloorDiv)_(Add|Sub)",
    "core/ReplaceBinaryOperator_(Add|Sub)_(Mul|Div)",
]
"""
# pytest's own settings without its plugins: each mutant would load them anew.
PYTEST = """
[pytest]
pythonpath = . gateway wire db
addopts = --import-mode=importlib
"""


def main() -> int:
    """Run every mutant; returns 0 whatever survives, for a person has to judge it."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        forge, socket = copy / "tests/mutants/forge.py", copy / "forge.sock"
        configuration = CONFIGURATION.format(module=MODULE, python=sys.executable, forge=forge, socket=socket)
        (copy / "mutants.toml").write_text(configuration)
        (copy / "pytest.ini").write_text(PYTEST)
        server = subprocess.Popen(
            [sys.executable, str(forge), "serve", str(socket), *TESTS],
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
    return 0


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
    sys.exit(main())
