"""Command line of the migrations image: `python -m stockade_db migrate`."""

import argparse
import logging
import os
import sys

from stockade_db.errors import LedgerError
from stockade_db.migrate import migrate
from stockade_db.settings import read_settings


def main() -> int:
    """Run the command given on the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m stockade_db", description=__doc__)
    parser.add_argument("command", choices=["migrate"], help="create the roles and bring the schema up to date")
    parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        migrate(read_settings(os.environ))
    except LedgerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
