"""The way of a trader through the installed panel: log in, create, start, fill, kill, delete, log out."""

import json

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Trader
from tests.support.chromium import visit

STARTED_MILLISECONDS = 180_000
FILLED_MILLISECONDS = 90_000


# A pod has to start, trade and be halted.
@pytest.mark.timeout(600)
def test_a_trader_creates_starts_sees_a_fill_kills_deletes_and_logs_out(
    chromium: Browser, trader: Trader, stranger: Trader
) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(trader.email, trader.password)
        page = visitor.page

        visitor.open("/algorithms/new?example=dca")
        page.get_by_label("Name").fill("steady")
        page.get_by_label("Account").select_option("paper")
        page.get_by_label("Parameters (JSON)").fill(json.dumps({"spend": "20", "every_seconds": 2}))
        visitor.check()
        page.get_by_role("button", name="Add algorithm").click()
        page.wait_for_url("**/steady")

        page.evaluate("window.sameDocument = true")
        expect(page.locator(".summary[role=status]")).to_have_text("Every step is done.", timeout=STARTED_MILLISECONDS)
        expect(page.locator("#fills tbody tr").first).to_be_visible(timeout=FILLED_MILLISECONDS)
        expect(page.locator("#fills tbody tr").first).to_contain_text("BUY")
        expect(page.locator("#chart svg.chart")).to_be_visible(timeout=FILLED_MILLISECONDS)
        assert page.evaluate("window.sameDocument") is True, "the fill came without a reload"
        visitor.check()

        page.get_by_role("button", name="Kill", exact=True).click()
        expect(page.locator(".flash.good")).to_contain_text("is to be Halted")
        expect(page.locator("#state .badge", has_text="Halted")).to_be_visible(timeout=FILLED_MILLISECONDS)
        expect(_order(page, "DENIED")).to_be_visible(timeout=FILLED_MILLISECONDS)
        visitor.check()

        see_nothing(chromium, stranger, trader.tenant.namespace)

        page.locator("summary", has_text="Delete").click()
        page.locator("#typed-delete").fill("steady")
        page.get_by_role("button", name="Delete", exact=True).click()
        visitor.open("/algorithms")
        expect(page.get_by_text("steady")).to_have_count(0, timeout=STARTED_MILLISECONDS)

        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")
        visitor.page.goto(f"{trader.url}/algorithms")
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def see_nothing(chromium: Browser, stranger: Trader, namespace: str) -> None:
    """A user of another tenant sees neither the algorithm nor that there is one."""
    with visit(chromium, stranger.url) as other:
        other.log_in(stranger.email, stranger.password)
        other.open("/algorithms")
        expect(other.page.get_by_text("steady")).to_have_count(0)
        answer = other.page.request.get(f"{stranger.url}/algorithms/{namespace}/steady")
        assert answer.status == 404


def _order(page: Page, state: str) -> Locator:
    """The newest order of a state."""
    return page.locator(".order-state", has_text=state).first
