"""What holds for every tier: hypothesis makes the same examples in each run, and none is late on a noisy machine.

The cluster and the browser tier stand on the same kubectl.
"""

import pytest
from hypothesis import HealthCheck, settings

from tests.support.kubectl import Kubectl

settings.register_profile(
    "stockade", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("stockade")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why a test was run again: of one that passed then, pytest itself shows the name only."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"why {report.nodeid} ran again: its {report.when} failed")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """The kubectl of the cluster that `make up` made."""
    made = Kubectl()
    assert made.kubeconfig.exists(), "no cluster: run `make up` first"
    return made
