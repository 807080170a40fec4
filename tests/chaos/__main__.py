"""`make chaos`: runs one seed after another and prints what people look for first."""

import argparse
import signal
from collections import Counter

from tests.chaos.run import Report, run, tell_on_terminal


def main() -> int:
    """Run; returns 1 when any promise was broken."""
    parser = argparse.ArgumentParser(prog="chaos", description="Trade while everything breaks, then judge.")
    parser.add_argument("--seed", type=int, default=1, help="the first schedule's seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long each trades")
    parser.add_argument("--algorithms", type=int, default=20)
    parser.add_argument("--seconds-between-turns", type=float, default=3.0, help="how busy each algorithm is")
    wish = parser.parse_args()
    # Whoever ends a run early wants its processes gone, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reports = []
    for seed in range(wish.seed, wish.seed + wish.seeds):
        report = run(seed, wish.minutes, wish.algorithms, wish.seconds_between_turns, tell_on_terminal)
        reports.append(report)
        print(f"\n{describe(report)}", flush=True)
    if len(reports) > 1:
        print(f"\n{describe_all(reports)}", flush=True)
    return int(any(report.violations for report in reports))


def describe(report: Report) -> str:
    """Write a report as a table."""
    rows = [
        ("seed", str(report.seed)),
        ("algorithms", str(report.algorithms)),
        ("minutes", f"{report.minutes:g}"),
        ("acts", f"{report.acts.total()}: {_list(report.acts)}"),
        ("faults that struck", f"{report.strikes.total()}: {_list(report.strikes)}"),
        ("orders sent", str(report.orders)),
        ("cancels sent", str(report.cancels)),
        ("fills", str(report.fills)),
        ("violations", str(len(report.violations))),
    ]
    lines = [f"  {name:<20}{value}" for name, value in rows]
    lines += [f"  ! {each.rule}: {each.algorithm}: {each.text}" for each in report.violations[:40]]
    if report.violations:
        lines += [f"  once more:  {report.command}", f"  everything it wrote:  {report.folder}"]
    return "\n".join(lines)


def describe_all(reports: list[Report]) -> str:
    """Write the sum of several."""
    return (
        f"{len(reports)} schedules, {sum(each.acts.total() for each in reports)} acts, "
        f"{sum(each.orders for each in reports)} orders, {sum(each.fills for each in reports)} fills, "
        f"{sum(len(each.violations) for each in reports)} violations"
    )


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    raise SystemExit(main())
