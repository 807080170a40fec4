"""Command line: `stockade-paper --config FILE`, or `python -m stockade_paper` with the same flags."""

import logging
import sys

import uvloop

from stockade_paper.errors import ConfigurationError
from stockade_paper.server import serve
from stockade_paper.settings import read_settings


def main() -> int:
    """Run the exchange; the exit status is 2 for a wrong setting."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    try:
        uvloop.run(serve(read_settings(sys.argv[1:])))
    except ConfigurationError as error:
        sys.stderr.write(f"stockade-paper: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
