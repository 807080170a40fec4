"""Every attack three ways on the running cluster, and a gateway that did not even notice."""

import pytest

from tests.support.attacks.expectation import read_attacks
from tests.support.attacks.suite import Finding, run_suite
from tests.support.kubectl import Kubectl

ATTACKS = read_attacks()


@pytest.fixture(scope="module")
def finding(kubectl: Kubectl) -> Finding:
    """The suite, run once."""
    return run_suite(kubectl, ATTACKS)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", [attack.name for attack in ATTACKS])
def test_it_works_bare_and_fails_as_written(finding: Finding, name: str) -> None:
    row = next(row for row in finding.rows if row.attack.name == name)
    assert row.faults == []


@pytest.mark.timeout(1200)
def test_the_attacked_gateway_goes_on(finding: Finding) -> None:
    assert finding.gateway_status["connected"]
    assert finding.gateway_status["reconciled"]
    statuses = finding.pod["status"]
    containers = statuses["initContainerStatuses"] + statuses["containerStatuses"]
    assert {container["name"]: container["restartCount"] for container in containers} == {"gateway": 0, "algorithm": 0}
