"""Changes the orders' state machine and the limits in every small way, and counts the changes that no test notices.

`make mutants` runs it; it takes some minutes and is no part of `make test`. `python -m tests.mutants.run limits` tries
one module alone. What survives has to be explained in docs/decisions/0012-surviving-mutants.md: a survivor that is not,
or an explanation of something that does not survive, ends it with 1.
"""

import os
import sys
import time
from dataclasses import dataclass

# Before pytest is loaded: each mutant would load its plugins anew.
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

from tests.mutants.changes import list_mutants
from tests.mutants.explained import DECISION, Change, describe_row, find_drift, read_explained
from tests.mutants.forge import ROOT, Forge

PACKAGES = ("gateway", "wire", "db")
TESTS = ROOT / "tests" / "unit" / "gateway"
# The tests that judge each module: those of its own rules, which are fast.
MODULES = {
    "orders": ("test_orders.py", "test_order_life.py"),
    "limits": ("test_limits.py", "test_limits_machine.py"),
}
PROGRESS_SECONDS = 10.0


@dataclass
class Outcome:
    """What became of one module's mutants."""

    module: str
    left_out: int
    run: int
    survivors: list[Change]
    seconds: float


def main(modules: list[str]) -> int:
    """Try every mutant; returns 1 when the decision does not say what survives."""
    sys.path[:0] = [str(ROOT / name) for name in PACKAGES]
    names = modules or list(MODULES)
    outcomes = [try_module(module) for module in names]
    explained = [each for each in read_explained(DECISION.read_text(encoding="utf-8")) if each.module in names]
    survivors = [change for outcome in outcomes for change in outcome.survivors]
    unexplained, stale = find_drift(survivors, explained)
    print(describe(outcomes, unexplained))
    if unexplained:
        print(f"\nno test notices these; write one, or say in {DECISION.relative_to(ROOT)} why none can:")
    for change in unexplained:
        print(f"{change.module}: {describe_row(change)}")
    if stale:
        print(f"\nthese do not survive; take them out of {DECISION.relative_to(ROOT)}:")
    for change in stale:
        print(f"{change.module}: {describe_row(change)}")
    return int(bool(unexplained or stale))


def try_module(module: str) -> Outcome:
    """Make and try the mutants of one module."""
    began = told = time.monotonic()
    path = ROOT / "gateway" / "stockade_gateway" / f"{module}.py"
    forge = Forge(f"stockade_gateway.{module}", [str(TESTS / name) for name in MODULES[module]])
    forge.measure(path.read_text(encoding="utf-8"))
    mutants, left_out = list_mutants(module, path)
    survivors: list[Change] = []
    tries = forge.try_all([mutant.make_source for mutant in mutants], side_by_side=os.cpu_count() or 1)
    for count, (number, survived) in enumerate(tries, start=1):
        if survived:
            survivors.append(mutants[number].change)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"{module}: {count} of {len(mutants)}, {len(survivors)} survived", flush=True)
    return Outcome(module, left_out, len(mutants), survivors, time.monotonic() - began)


def describe(outcomes: list[Outcome], unexplained: list[Change]) -> str:
    """Write a table with a line for each module; `equal` are the survivors that the decision explains."""
    lines = [["module", "made", "left out", "run", "killed", "survived", "equal", "unexplained", "seconds"]]
    for each in outcomes:
        open_count = sum(change.module == each.module for change in unexplained)
        alive = len(each.survivors)
        numbers = (each.run + each.left_out, each.left_out, each.run, each.run - alive, alive, alive - open_count)
        lines.append([each.module, *map(str, numbers), str(open_count), f"{each.seconds:.0f}"])
    return "\n".join("".join(f"{cell:>13}" for cell in line) for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
