"""What `make chaos` prints and writes at its end: a line for each seed, their sum, and every trouble by its kind."""

import json
from collections import Counter
from pathlib import Path

from tests.chaos.__main__ import describe_all
from tests.chaos.evidence import Violation
from tests.chaos.report_file import write_reports
from tests.chaos.run import Report


def test_several_runs_are_added_up() -> None:
    first = Report(1, 5, 20, 3, Counter(halt=2), Counter({"order-timeout": 3}), orders=10, fills=4, cancels=2)
    second = Report(
        2,
        5,
        20,
        3,
        Counter(halt=1, reduce=1),
        Counter(),
        orders=5,
        fills=1,
        cancels=1,
        manual_orders=2,
        denied_for_loss=7,
    )
    lines = [line.split() for line in describe_all([first, second]).splitlines()]
    assert lines[0] == [
        "seed",
        "acts",
        "struck",
        "orders",
        "cancels",
        "fills",
        "manual",
        "keys",
        "denied",
        "limit",
        "loss",
        "violations",
    ]
    assert lines[1] == ["1", "2", "3", "10", "2", "4", "0", "0", "0", "0%", "0", "0"]
    assert lines[3] == ["all", "4", "3", "15", "3", "5", "2", "0", "0", "7", "0"]
    assert ["3", "halt"] in lines
    assert ["3", "order-timeout"] in lines


def test_a_machine_can_read_it(tmp_path: Path) -> None:
    broken = Report(2, 5, 20, 3, Counter(halt=1), orders=5, violations=[Violation("never twice", "one", "it was")])
    broken.denials["PRICE_OUTSIDE_BAND"] += 4
    broken.folder = tmp_path
    write_reports(tmp_path / "report.json", [Report(1, 0.5, 20, 3, Counter(halt=2), orders=10), broken])
    written = json.loads((tmp_path / "report.json").read_text())
    first, second = written["runs"]
    assert first["command"] == "make chaos SEED=1 MINUTES=0.5 ALGORITHMS=20 TURN=3"
    assert (first["violations"], first["acts"], first["nearest_to_limit"]) == ([], {"halt": 2}, "0")
    assert second["violations"] == [{"rule": "never twice", "algorithm": "one", "text": "it was"}]
    assert (second["denials"], second["folder"]) == ({"PRICE_OUTSIDE_BAND": 4}, str(tmp_path))
    assert written["totals"] == {
        "orders": 15, "cancels": 0, "fills": 0, "acts": 3, "strikes": 0, "denials": 4, "violations": 1
    }  # fmt: skip
