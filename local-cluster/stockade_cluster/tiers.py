"""`make test`: every tier in order, none left out because an earlier one failed, and a summary at the end."""

import subprocess
import time

from stockade_cluster.progress import format_duration
from stockade_cluster.settings import Settings

TIERS = ("lint", "unit", "contract", "fuzz", "database", "cluster", "browser")


def run_tiers(settings: Settings) -> list[str]:
    """Run `make TIER` for each tier, then `make down` whatever happened; returns the tiers that failed."""
    rows: list[tuple[str, bool, float]] = []
    try:
        for tier in TIERS:
            print(f"\n==== {tier} ====", flush=True)
            began = time.monotonic()
            passed = _make(settings, tier)
            rows.append((tier, passed, time.monotonic() - began))
    finally:
        print("\n==== down ====", flush=True)
        began = time.monotonic()
        rows.append(("down", _make(settings, "down"), time.monotonic() - began))
    print()
    for name, passed, seconds in rows:
        print(f"{name:<10} {'passed' if passed else 'FAILED':<8} {format_duration(seconds):>12}")
    return [name for name, passed, _ in rows if not passed]


def _make(settings: Settings, target: str) -> bool:
    command = ["make", "--no-print-directory", "-C", str(settings.checkout), target]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 0
