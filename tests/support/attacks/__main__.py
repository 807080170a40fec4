"""`make attack`: runs the suite on the running cluster and prints its table; 1 when a row is not as expected."""

import sys
import time

from tests.support.attacks.expectation import read_attacks
from tests.support.attacks.suite import run_suite
from tests.support.attacks.table import format_table
from tests.support.kubectl import Kubectl


def main() -> int:
    """Run it; returns the exit code."""
    began = time.monotonic()
    rows = run_suite(Kubectl(), read_attacks()).rows
    print(format_table(rows))
    print(f"{time.monotonic() - began:.0f} s")
    return int(any(row.faults for row in rows))


if __name__ == "__main__":
    sys.exit(main())
