"""The installed panel of the running cluster, a tenant with a user of its own, and Chromium."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import run_chromium
from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, Paper, TestTenant, service_url


@dataclass(frozen=True)
class Trader:
    """A user of the installed panel and the tenant they belong to."""

    url: str
    tenant: TestTenant
    email: str
    password: str


@pytest.fixture(scope="session")
def trader(kubectl: Kubectl) -> Iterator[Trader]:
    """The trader whom most tests watch."""
    with a_trader(kubectl) as made:
        yield made


@pytest.fixture(scope="session")
def stranger(kubectl: Kubectl) -> Iterator[Trader]:
    """A user of another tenant."""
    with a_trader(kubectl) as made:
        yield made


@contextmanager
def a_trader(kubectl: Kubectl) -> Iterator[Trader]:
    """A tenant with a paper account and one user, made the way the documentation says, and deleted afterwards."""
    paper = Paper(service_url(kubectl, "stockade-paper-exchange", PLATFORM, 9000))
    tenant = TestTenant(kubectl, paper, f"browser-{secrets.token_hex(2)}")
    made = Trader(
        url=service_url(kubectl, "stockade-panel", PLATFORM, 8080),
        tenant=tenant,
        email=f"trader@{tenant.name}.example",
        password=secrets.token_urlsafe(12),
    )
    try:
        tenant.create()
        _add_user(kubectl, made)
        yield made
    finally:
        tenant.delete()
        tenant.wait_until_gone()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    with run_chromium() as browser:
        yield browser


def _add_user(kubectl: Kubectl, trader: Trader) -> None:
    command = ["python", "-m", "stockade_panel", "add-user", "--email", trader.email, "--password-stdin"]
    kubectl.run(
        "exec",
        "-i",
        "-n",
        PLATFORM,
        "deployment/stockade-panel",
        "--",
        *command,
        "--tenant",
        trader.tenant.name,
        stdin=f"{trader.password}\n",
    )
