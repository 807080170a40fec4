"""What chaos runs were made of and what the judge said, as JSON for whoever counts them by machine."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos.run import Report


def write_reports(path: Path, reports: Sequence[Report]) -> None:
    """Write one object for each run, in order, and their sums."""
    runs = [
        {**vars(report), "command": report.command, "violations": [asdict(each) for each in report.violations]}
        for report in reports
    ]
    totals = {name: sum(getattr(report, name) for report in reports) for name in ("orders", "cancels", "fills")}
    totals |= {
        name: sum(getattr(report, name).total() for report in reports) for name in ("acts", "strikes", "denials")
    }
    totals["violations"] = sum(len(report.violations) for report in reports)
    path.write_text(json.dumps({"runs": runs, "totals": totals}, indent=2, default=_write_value) + "\n")


def _write_value(value: Any) -> str:
    if isinstance(value, Decimal | Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no place in a report")
