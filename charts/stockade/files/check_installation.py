"""Asks each part of the platform one question; run by `helm test` in the panel's image, which has all it needs."""
# ruff: noqa: INP001 - a file of the chart, in no package

import os
import sys
import urllib.request

import psycopg

ANSWER_SECONDS = 20


def ask(url: str) -> str:
    """Return what a part answered; an error status is raised."""
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - addresses of the chart
        return f"{answer.status} from {url}"


def count_algorithms(url: str) -> str:
    """Read one of the ledger's views as the panel does."""
    with psycopg.connect(url, connect_timeout=ANSWER_SECONDS) as connection:
        row = connection.execute("SELECT count(*) FROM ledger.algorithm_overview").fetchone()
    return f"the ledger knows {row[0] if row else 0} algorithms"


def main() -> int:
    """Ask everybody, print every answer, and fail if one was missing."""
    questions = [(ask, url) for url in os.environ["CHECKED_URLS"].split()]
    questions.append((count_algorithms, os.environ["STOCKADE_DATABASE_URL"]))
    failures = 0
    for question, url in questions:
        try:
            print(f"ok: {question(url)}", flush=True)  # noqa: T201 - `helm test --logs` shows it
        except (OSError, psycopg.Error) as error:
            failures += 1
            print(f"failed: {question.__name__}: {error}", flush=True)  # noqa: T201 - `helm test --logs` shows it
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
