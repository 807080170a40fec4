"""What every test on the cluster stands on: kubectl of `make up`, the paper exchange, a tenant of a module's own."""

import secrets
from collections.abc import Iterator

import pytest

from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, Paper, TestTenant, service_url


@pytest.fixture(scope="module")
def paper(kubectl: Kubectl) -> Paper:
    """The installed paper exchange, looked up by each module: one of them installs it anew at another address."""
    return Paper(service_url(kubectl, "stockade-paper-exchange", PLATFORM, 9000))


@pytest.fixture(scope="session")
def leaving() -> Iterator[list[TestTenant]]:
    """Tenants that were deleted: they go while other tests run, and all of them are gone in the end."""
    deleted: list[TestTenant] = []
    yield deleted
    for each in deleted:
        each.wait_until_gone()


@pytest.fixture(scope="module")
def tenant(
    kubectl: Kubectl, paper: Paper, leaving: list[TestTenant], request: pytest.FixtureRequest
) -> Iterator[TestTenant]:
    """A tenant with a paper account, made for one test module and deleted after it."""
    stem = request.module.__name__.rsplit(".", 1)[-1].removeprefix("test_").replace("_", "-")[:18]
    made = TestTenant(kubectl, paper, f"{stem}-{secrets.token_hex(2)}")
    try:
        yield made.create()
    finally:
        made.delete()
        leaving.append(made)
