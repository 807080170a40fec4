"""`make chaos`: runs one seed after another and prints what people look for first."""

import argparse
import signal
from collections import Counter
from pathlib import Path

from tests.chaos.report_file import write_reports
from tests.chaos.run import Report, run, tell_on_terminal


def main() -> int:
    """Run; returns 1 when any promise was broken."""
    parser = argparse.ArgumentParser(prog="chaos", description="Trade while everything breaks, then judge.")
    parser.add_argument("--seed", type=int, default=1, help="the first schedule's seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long each trades")
    parser.add_argument("--algorithms", type=int, default=20)
    parser.add_argument("--report", type=Path, help="where to write it all as JSON, after each run")
    parser.add_argument("--seconds-between-turns", type=float, default=3.0, help="how busy each algorithm is")
    wish = parser.parse_args()
    # Whoever ends a run early wants its processes gone, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reports = []
    for seed in range(wish.seed, wish.seed + wish.seeds):
        report = run(seed, wish.minutes, wish.algorithms, wish.seconds_between_turns, tell_on_terminal)
        reports.append(report)
        print(f"\n{describe(report)}", flush=True)
        if wish.report is not None:
            write_reports(wish.report, reports)
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
        ("manual orders", str(report.manual_orders)),
        ("fills", str(report.fills)),
        ("denied", f"{report.denials.total()}: {_list(report.denials)}"),
        ("account's limit", f"{report.denied_for_account} orders denied for it; reached {report.nearest_to_limit:.0%}"),
        ("day's loss", f"{report.denied_for_loss} orders denied for it; one was sent at {report.nearest_to_loss:.0%}"),
        ("changes of keys", str(report.key_changes)),
        ("violations", str(len(report.violations))),
    ]
    lines = [f"  {name:<20}{value}" for name, value in rows]
    lines += [f"  ! {each.rule}: {each.algorithm}: {each.text}" for each in report.violations[:40]]
    if report.violations:
        lines += [f"  once more:  {report.command}", f"  everything it wrote:  {report.folder}"]
    return "\n".join(lines)


def describe_all(reports: list[Report]) -> str:
    """Write a line for each of several and their sum, then how often which trouble was made and struck."""
    names = (
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
    )
    rows = [
        (
            str(each.seed),
            each.acts.total(),
            each.strikes.total(),
            each.orders,
            each.cancels,
            each.fills,
            each.manual_orders,
            each.key_changes,
            each.denied_for_account,
            f"{each.nearest_to_limit:.0%}",
            each.denied_for_loss,
            len(each.violations),
        )
        for each in reports
    ]
    sums = [sum(row[column] for row in rows) for column in (*range(1, 9), 10, 11)]  # type: ignore[misc] # the numbers
    table = [names, *rows, ("all", *sums[:8], "", *sums[8:])]
    lines = ["".join(f"{cell:>11}" for cell in row) for row in table]
    for title, counts in (
        ("acts by kind", sum((each.acts for each in reports), Counter[str]())),
        ("faults that struck by kind", sum((each.strikes for each in reports), Counter[str]())),
        ("orders denied by code", sum((each.denials for each in reports), Counter[str]())),
    ):
        lines += ["", f"  {title}:", *(f"{count:>8}  {kind}" for kind, count in sorted(counts.items()))]
    return "\n".join(lines)


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    raise SystemExit(main())
