"""What the housekeeper writes down each minute: what is held and was made, in each asset that symbols are priced in."""

from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import msgspec

from stockade_gateway.desk import Desk
from stockade_gateway.housekeeper import Housekeeper
from stockade_gateway.ledger import EquityRow, Ledger
from stockade_gateway.ledger_entries import Owner
from stockade_gateway.limits import SymbolView
from stockade_gateway.market import Market
from stockade_gateway.positions import Positions
from tests.support.gateway_orders import BTCUSDT, make_execution

ETHBTC = msgspec.structs.replace(BTCUSDT, symbol="ETHBTC", base="ETH", quote="BTC")


def test_each_quote_asset_has_a_row_of_its_own() -> None:
    positions, market = Positions({"BTCUSDT": BTCUSDT, "ETHBTC": ETHBTC}), Market()
    positions.apply(make_execution(1, "1"))
    positions.apply(make_execution(2, "2", symbol="ETHBTC", price="0.05"))
    for symbol, price in (("BTCUSDT", "110"), ("ETHBTC", "0.06")):
        market.seed_quote(symbol, price, price, 0)
    views = {
        "BTCUSDT": SymbolView(rules=BTCUSDT, position=Decimal(1), mark=Decimal(110)),
        "ETHBTC": SymbolView(rules=ETHBTC, position=Decimal(2), mark=Decimal("0.06")),
    }
    rows: list[EquityRow] = []
    desk = SimpleNamespace(
        books=SimpleNamespace(positions=positions), market=market, make_snapshot=lambda: SimpleNamespace(symbols=views)
    )
    ledger = cast("Ledger", SimpleNamespace(record_equity=rows.append))
    Housekeeper(Owner("paper", "scripted", 1), cast("Desk", desk), ledger).record_equity()
    assert [(row.quote_asset, row.unrealized_pnl, row.position_notional) for row in rows] == [
        ("USDT", Decimal(10), Decimal(110)),
        ("BTC", Decimal("0.02"), Decimal("0.12")),
    ]
