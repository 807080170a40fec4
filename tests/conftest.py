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


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """The kubectl of the cluster that `make up` made."""
    made = Kubectl()
    assert made.kubeconfig.exists(), "no cluster: run `make up` first"
    return made
