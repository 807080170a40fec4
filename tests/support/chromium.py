"""The system's Chromium for tests, and a page that remembers every complaint of the browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAM = "/usr/bin/chromium"
DEADLINE_MILLISECONDS = 60_000

Scheme = Literal["light", "dark"]


@dataclass
class Visitor:
    """One user's tab; `complaints` are console errors and warnings (CSP breaches are some) and uncaught exceptions."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def log_in(self, email: str, password: str) -> None:
        """Log in through the form."""
        self.page.goto(f"{self.url}/login")
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url("**/algorithms")

    def open(self, path: str) -> None:
        """Open a page and wait until its stream has said hello."""
        self.page.goto(f"{self.url}{path}")
        self.page.locator("#connection[data-state=live]").wait_for()

    def check(self) -> None:
        """Nothing was complained of, and axe finds no violation on the page."""
        found: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        told = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]
        assert not told, f"{self.page.url}: {told}"
        assert not self.complaints, f"{self.page.url}: {self.complaints}"


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, url: str, *, scheme: Scheme = "light", width: int = 1380) -> Iterator[Visitor]:
    """A tab of a user who shares nothing with the other ones."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    context.set_default_timeout(DEADLINE_MILLISECONDS)
    page = context.new_page()
    visitor = Visitor(page, url)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: visitor.complaints.append(message.text) if message.type in {"error", "warning"} else None,
    )
    try:
        yield visitor
    finally:
        context.close()
