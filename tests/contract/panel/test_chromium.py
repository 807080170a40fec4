"""Every page in a real browser: no console error, no breach of the policy, no violation of accessibility; and live."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from stockade_panel.errors import NotFoundError
from tests.contract.panel.test_algorithms import write_fill, write_order
from tests.support.chromium import Scheme, run_chromium, visit
from tests.support.panel_stage import PASSWORD, Stage
from tests.support.waiting import wait_until

TRADER = "trader@chromium.example"
GRID = "/algorithms/tenant-chromium/grid"
PAGES = (
    "/algorithms",
    "/algorithms/tenant-chromium/grid",
    "/algorithms/tenant-chromium/grid/source",
    "/algorithms/tenant-chromium/grid/edit",
    "/algorithms/tenant-chromium/grid/manifest",
    "/algorithms/tenant-chromium/grid/profit?method=fifo",
    "/algorithms/tenant-chromium/grid/orders/sk-1",
    "/algorithms/new",
    "/algorithms/new?example=momentum",
    "/accounts",
    "/accounts/new",
    "/accounts/tenant-chromium/main",
    "/audit",
    "/you",
    "/you/password",
)
CONDITIONS = ("Accepted", "Scheduled", "GatewayReady", "Connected", "Reconciled", "AlgorithmRunning", "WithinLimits")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the module."""
    with run_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def trader(stage: Stage) -> Stage:
    """A tenant whose algorithm trades."""
    stage.add_tenant("chromium")
    stage.add_account("chromium")
    stage.add_algorithm("chromium", "grid", limits={"maxOrderNotional": "100"})
    stage.set_status("chromium", "algorithms", "grid", running())
    write_fill(stage, "chromium", "grid")
    write_order(stage, "chromium", "grid")
    wait_until(lambda: _is_seen(stage), "the watch to see the account")
    return stage


def _is_seen(stage: Stage) -> bool:
    try:
        stage.parts.objects.get("exchangeaccounts", "tenant-chromium", "main")
    except NotFoundError:
        return False
    return True


def running(trading: str = "Active", *, done: int = len(CONDITIONS)) -> dict[str, object]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [
        {
            "type": kind,
            "status": "True" if index < done else "False",
            "reason": "Known",
            "message": f"{kind} is told",
            "lastTransitionTime": now,
        }
        for index, kind in enumerate(CONDITIONS)
    ]
    return {
        "state": "Running" if done == len(CONDITIONS) else "Starting",
        "mode": "Paper",
        "trading": trading,
        "version": {"number": 1, "hash": "0" * 8},
        "pod": "algo-grid",
        "openOrders": 1,
        "positionNotional": "64.00",
        "realizedPnlToday": "1.25",
        "feesToday": "0.06",
        "quoteAsset": "USDT",
        "lastReconciledTime": now,
        "conditions": conditions,
    }


# Fifteen pages with a whole audit of each: on a busy machine a second or five per page.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_a_trader_is_clean(chromium: Browser, trader: Stage, scheme: Scheme) -> None:
    with visit(chromium, trader.url, scheme=scheme) as visitor:
        visitor.page.goto(f"{trader.url}/login")
        visitor.check()
        visitor.log_in(TRADER, PASSWORD)
        for path in PAGES:
            visitor.open(path)
            for details in visitor.page.locator("main details > summary").all():
                if details.is_visible():
                    details.click()
            visitor.check()


@pytest.mark.timeout(400)
def test_every_page_of_an_administrator_is_clean_on_a_phone(chromium: Browser, trader: Stage) -> None:
    with visit(chromium, trader.url, width=390) as visitor:
        visitor.log_in("admin@stockade.example", PASSWORD)
        for path in ("/algorithms", GRID, f"{GRID}/orders/sk-1", "/users", "/tenants", "/audit"):
            visitor.open(path)
            visitor.check()
            overflow = visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{path} is {overflow} pixels too wide"


def test_state_and_fills_appear_without_a_reload_and_what_is_open_stays_open(chromium: Browser, trader: Stage) -> None:
    trader.add_algorithm("chromium", "live", state="Running")
    trader.set_status("chromium", "algorithms", "live", running(done=2))
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(TRADER, PASSWORD)
        visitor.open("/algorithms/tenant-chromium/live")
        page = visitor.page
        page.evaluate("window.sameDocument = true")
        page.locator("summary", has_text="Limits").click()
        expect(page.locator(".summary[role=status]")).to_have_text("Next: gateway started")
        trader.set_status("chromium", "algorithms", "live", running())
        expect(page.locator(".summary[role=status]")).to_have_text("Every step is done.", timeout=60_000)
        assert page.locator("details[open] > summary", has_text="Limits").count() == 1
        expect(page.locator("#fills")).to_have_count(0)
        write_fill_of(trader, "live")
        expect(page.locator("#fills tbody tr")).to_have_count(1, timeout=60_000)
        expect(page.locator("#fills")).to_contain_text("64,000.5")
        assert page.evaluate("window.sameDocument") is True
        visitor.check()


def write_fill_of(stage: Stage, algorithm: str) -> None:
    with stage.ledger.connect("tenant-chromium") as connection:
        connection.execute(
            "INSERT INTO ledger.fill (account, symbol, trade_id, client_order_id, algorithm, exchange_order_id, side,"
            " price, quantity, quote_quantity, commission, commission_asset, is_maker, trade_time) VALUES"
            " ('main', 'BTCUSDT', 2, 'sk-2', %s, 2, 'BUY', 64000.5, 0.001, 64.0005, 0.064, 'USDT', false, now())",
            (algorithm,),
        )


def test_code_is_checked_while_it_is_written(chromium: Browser, trader: Stage) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(TRADER, PASSWORD)
        visitor.open("/algorithms/new")
        source = visitor.page.get_by_label("Python source")
        source.press_sequentially("def f(:")
        expect(visitor.page.locator("#source-check")).to_contain_text("line 1, column", timeout=60_000)
        source.fill("")
        source.press_sequentially("a = 1")
        expect(visitor.page.locator("#source-check")).to_contain_text("The code compiles.", timeout=60_000)
        visitor.check()


def test_prices_balances_and_an_order_by_hand_on_the_account_page(chromium: Browser, trader: Stage) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(TRADER, PASSWORD)
        visitor.open("/accounts/tenant-chromium/main")
        page = visitor.page
        expect(page.locator("[data-symbol=BTCUSDT] [data-price=last]")).to_have_text("64012.5", timeout=60_000)
        expect(page.locator("#balances")).to_contain_text("9,120.55", timeout=60_000)
        page.get_by_label("Quantity").fill("0.001")
        page.get_by_label("Price (limit only)").fill("60000")
        page.get_by_role("button", name="Place order").click()
        expect(page.locator("#outcome")).to_contain_text("BUY BTCUSDT is NEW", timeout=60_000)
        cancel = page.get_by_role("button", name="Cancel order").first
        expect(cancel).to_be_visible(timeout=60_000)
        cancel.click()
        expect(page.locator("#outcome")).to_contain_text("is canceled", timeout=60_000)
        visitor.check()


def test_a_page_that_is_open_leaves_when_its_session_ends(chromium: Browser, trader: Stage) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(TRADER, PASSWORD)
        visitor.open("/algorithms")
        with trader.browser(TRADER) as elsewhere:
            elsewhere.post("/you/log-out-everywhere")
        visitor.page.wait_for_url("**/login**")


def test_logging_out_leads_to_the_log_in_and_nowhere_back(chromium: Browser, trader: Stage) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(TRADER, PASSWORD)
        visitor.open("/algorithms/tenant-chromium/grid")
        visitor.page.get_by_role("button", name="Log out").click()
        visitor.page.wait_for_url("**/login")
        visitor.check()


def test_a_page_works_by_keyboard(chromium: Browser, trader: Stage) -> None:
    with visit(chromium, trader.url) as visitor:
        visitor.log_in(TRADER, PASSWORD)
        visitor.open("/algorithms/tenant-chromium/grid")
        visitor.page.keyboard.press("Tab")
        expect(visitor.page.locator(":focus")).to_have_text("Skip to content")
        visitor.page.get_by_role("button", name="Kill").focus()
        visitor.page.keyboard.press("Enter")
        expect(visitor.page.locator("h1")).to_contain_text("Nothing was changed", timeout=60_000)
