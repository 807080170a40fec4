"""Entry of the algorithm image, behind its launcher: `launcher python -I -B -m stockade_runner`."""

import os
import sys

from stockade_runner.main import run

sys.exit(run(os.environ))
