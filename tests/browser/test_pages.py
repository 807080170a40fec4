"""Every page of the installed panel: no console error, no breach of the policy, no violation of accessibility."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Trader
from tests.support.chromium import Scheme, visit
from tests.support.kubectl import PROJECT

ADMIN = "admin@stockade.example"
PASSWORD_FILE: Path = PROJECT / ".stockade/admin-password"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_a_trader(chromium: Browser, trader: Trader, scheme: Scheme) -> None:
    account = f"/accounts/{trader.tenant.namespace}/paper"
    with visit(chromium, trader.url, scheme=scheme) as visitor:
        visitor.page.goto(f"{trader.url}/login")
        visitor.check()
        visitor.log_in(trader.email, trader.password)
        for path in ("/algorithms", "/algorithms/new", "/accounts", "/accounts/new", account, "/audit", "/you"):
            visitor.open(path)
            visitor.check()


@pytest.mark.timeout(400)
def test_pages_of_an_administrator(chromium: Browser, trader: Trader) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(ADMIN, PASSWORD_FILE.read_text().strip())
        for path in ("/algorithms", "/accounts", "/tenants", "/users", "/audit", "/you"):
            visitor.open(path)
            visitor.check()
        visitor.open("/users")
        expect(visitor.page.locator("tbody")).to_contain_text(trader.email)


def test_balances_and_prices_come_from_the_exchange(chromium: Browser, trader: Trader) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(trader.email, trader.password)
        visitor.open(f"/accounts/{trader.tenant.namespace}/paper")
        expect(visitor.page.locator("#balances")).to_contain_text("USDT", timeout=60_000)
        expect(visitor.page.locator("#prices-state")).to_have_text("live", timeout=60_000)
        price = visitor.page.locator("[data-symbol=BTCUSDT] [data-price=bid]")
        expect(price).not_to_have_text("unknown", timeout=60_000)
        visitor.check()
