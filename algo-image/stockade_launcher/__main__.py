"""Writes `policy.h`, the seccomp filter of each architecture, to standard output."""

import sys

from stockade_launcher.filter import write_header

sys.stdout.write(write_header())
