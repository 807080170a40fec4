"""The real sidecar, but that it asks after a second of quiet: for tests of user events that fall silent.

Run as a module in place of `stockade_gateway`; 45 seconds of quiet, and events that may be 5 seconds late, would make a
test of a minute.
"""

import sys

from stockade_gateway import reconcile
from stockade_gateway.sidecar import main

if __name__ == "__main__":
    reconcile._QUIET_SECONDS, reconcile._EVENT_DELAY_MS = 1.0, 0
    sys.exit(main())
