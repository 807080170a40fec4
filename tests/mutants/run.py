"""Changes the orders' state machine in every small way, one at a time, and prints the changes that no test notices.

`make mutants` runs it; it takes some minutes and is no part of `make test`. It works on a copy, so that an interrupted
run leaves no changed code behind. What survives, and why, is in docs/decisions/0012-surviving-mutants.md.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("gateway", "wire", "db", "tests", "pyproject.toml")
MODULE = "gateway/stockade_gateway/orders.py"
TESTS = ("test_orders.py", "test_order_life.py", "test_reservation.py")
CONFIGURATION = """
[cosmic-ray]
module-path = "{module}"
timeout = 120.0
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:randomly -p no:cacheprovider {tests}"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/RemoveDecorator"]
"""


def main() -> int:
    """Run every mutant; returns 0 whatever survives, for a person has to judge it."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        tests = " ".join(f"tests/unit/gateway/{name}" for name in TESTS)
        configuration = copy / "mutants.toml"
        configuration.write_text(CONFIGURATION.format(module=MODULE, python=sys.executable, tests=tests))
        programs = Path(sys.executable).parent
        for command in (
            ["cosmic-ray", "init", "mutants.toml", "mutants.sqlite"],
            ["cr-filter-operators", "mutants.sqlite", "mutants.toml"],
            ["cosmic-ray", "exec", "mutants.toml", "mutants.sqlite"],
            ["cr-report", "--surviving-only", "--show-diff", "mutants.sqlite"],
        ):
            subprocess.run([str(programs / command[0]), *command[1:]], cwd=copy, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
