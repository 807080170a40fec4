"""Entry of the algorithm image: `python -I -B -m stockade_runner`."""

from stockade_runner.launcher.start import launch

launch()
