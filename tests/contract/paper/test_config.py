"""A whole configuration file given to the installed command: own accounts and symbols trade, and the page shows it."""

import sys
import tomllib
import urllib.request
from decimal import Decimal
from pathlib import Path

from tests.contract.paper.conftest import Client
from tests.support.paper import PaperProcess

CONFIG = """
history_minutes: 5
taker_fee: 0.002
accounts:
- {apiKey: mine, apiSecret: secret, balances: {USDT: 1000}, permissions: {ipList: ["127.0.0.1"]}}
- {apiKey: elsewhere, apiSecret: secret, permissions: {ipList: ["192.0.2.1"]}}
symbols:
- symbol: DOGEUSDT
  base: DOGE
  quote: USDT
  tick_size: 0.00001
  step_size: 1
  max_quantity: 90000000
  market_max_quantity: 1000000
  start_price: 0.2
"""


def read_page(paper: PaperProcess) -> str:
    """Read the page for people."""
    with urllib.request.urlopen(f"{paper.http}/", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def install_command(folder: Path) -> Path:
    """Write `stockade-paper` as an installer writes it from the project's entry point."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["stockade-paper"].partition(":")
    script = folder / "stockade-paper"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n", encoding="utf-8"
    )
    script.chmod(0o755)
    return script


async def test_own_accounts_and_symbols(paper_log: Path, tmp_path: Path) -> None:
    config = tmp_path / "paper.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    paper = PaperProcess(paper_log, "--config", str(config), program=(str(install_command(tmp_path)),))
    try:
        state = paper.request("GET", "/paper/v1/state")
        assert set(state["markets"]) == {"DOGEUSDT"}
        account = next(each["account"] for each in state["accounts"] if each["apiKeys"] == ["mine"])
        client = await Client(paper, {"account": account, "apiKey": "mine", "apiSecret": "secret"}).connect()
        try:
            order = await client.api.order_market_buy(symbol="DOGEUSDT", quantity="100", newClientOrderId="a-doge")
        finally:
            await client.close()
        assert (order["status"], order["fills"][0]["commissionAsset"]) == ("FILLED", "DOGE")
        assert sum(Decimal(fill["commission"]) for fill in order["fills"]) == Decimal("0.2")
        paper.arm("order-timeout", probability=0.25, count=None)
        page = read_page(paper)
        for shown in ("DOGEUSDT", "TRADING", "a-doge", "100 of 100", "FILLED", "order-timeout", "0.25", "always"):
            assert shown in page
        for secret in ("mine", "secret"):
            assert secret not in page
    finally:
        assert paper.stop() == 0
