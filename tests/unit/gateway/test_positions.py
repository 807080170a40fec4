"""Positions: net quantities, today's result, and what survives the journal."""

import itertools
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec

from stockade_db.pnl import Holding
from stockade_gateway.market import Market
from stockade_gateway.orders import Execution
from stockade_gateway.positions import Positions
from tests.support.gateway_orders import BTCUSDT, make_execution

TODAY = datetime(2023, 11, 14, 22, 0, tzinfo=UTC)
YESTERDAY_MS = 1_699_900_000_000


def make_positions() -> Positions:
    return Positions({"BTCUSDT": BTCUSDT})


def make_market(bid: str = "110", ask: str = "110") -> Market:
    market = Market()
    market.seed_quote("BTCUSDT", bid, ask, 0)
    return market


def test_commission_in_the_base_asset_lowers_what_is_held() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "1", commission=Decimal("0.001"), commission_asset="BTC"))
    assert positions.quantity("BTCUSDT") == Decimal("0.999")
    assert positions.compute_day_result(make_market(), TODAY).fees == Decimal("0.1")


def test_todays_result_leaves_yesterdays_out() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "2", trade_time_ms=YESTERDAY_MS))
    positions.apply(make_execution(2, "1", side="SELL", price="150", trade_time_ms=YESTERDAY_MS))
    positions.apply(make_execution(3, "0.5", side="SELL", price="90", commission=Decimal("0.2")))
    result = positions.compute_day_result(make_market(), TODAY)
    assert (result.realized, result.unrealized, result.fees) == (Decimal(-5), Decimal(5), Decimal("0.2"))
    assert result.total == Decimal("-0.2")
    assert positions.compute_total_results(make_market())["USDT"].realized == Decimal(45)


def test_results_in_different_assets_are_not_added_up() -> None:
    etherbtc = msgspec.structs.replace(BTCUSDT, symbol="ETHBTC", base="ETH", quote="BTC")
    positions = Positions({"BTCUSDT": BTCUSDT, "ETHBTC": etherbtc})
    assert positions.compute_total_results(make_market()) == {}
    positions.apply(make_execution(1, "1"))
    positions.apply(make_execution(2, "2", symbol="ETHBTC", price="0.05"))
    positions.apply(make_execution(3, "2", symbol="ETHBTC", price="0.07", side="SELL"))
    results = positions.compute_total_results(make_market())
    assert {quote: (result.realized, result.unrealized) for quote, result in results.items()} == {
        "USDT": (Decimal(0), Decimal(10)),
        "BTC": (Decimal("0.04"), Decimal(0)),
    }


def test_what_has_no_price_is_unknown() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "1"))
    assert positions.compute_day_result(Market(), TODAY).total is None


def test_fees_in_a_third_asset_are_unknown_without_its_price() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "1", commission=Decimal("0.01"), commission_asset="BNB"))
    assert positions.compute_day_result(make_market(), TODAY).fees is None
    market = make_market()
    market.seed_quote("BNBUSDT", "600", "600", 0)
    assert positions.compute_day_result(market, TODAY).fees == Decimal(6)


def test_a_fee_without_a_price_hides_no_other_fee_from_the_daily_loss() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "1", price="110", commission=Decimal("0.01"), commission_asset="BNB"))
    positions.apply(make_execution(2, "1", side="SELL", price="110", commission=Decimal(3), commission_asset="USDT"))
    assert positions.compute_day_result(make_market(), TODAY).total == Decimal(-3)


def test_a_saved_state_is_the_same_state() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "2", trade_time_ms=YESTERDAY_MS))
    positions.apply(make_execution(3, "0.5", side="SELL", price="90"))
    restored = make_positions()
    restored.restore(positions.save())
    assert restored.save() == positions.save()
    assert restored.compute_day_result(make_market(), TODAY) == positions.compute_day_result(make_market(), TODAY)


def test_at_the_days_turn_what_was_realized_is_left_behind_and_all_that_is_unrealized_counts_on() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "2"))
    positions.apply(make_execution(2, "1", side="SELL", price="70", commission=Decimal("0.5")))
    market = make_market("80", "80")
    before = positions.compute_day_result(market, TODAY.replace(hour=23, minute=59, second=59))
    assert (before.realized, before.unrealized, before.fees) == (Decimal(-30), Decimal(-20), Decimal("0.5"))
    tomorrow = (TODAY + timedelta(days=1)).replace(hour=0)
    after = positions.compute_day_result(market, tomorrow)
    # The position fell by 20 yesterday, and today it is still 20 below its cost.
    assert (after.realized, after.unrealized, after.fees, after.total) == tuple(map(Decimal, (0, -20, 0, -20)))
    # The day never goes back, and a fill of yesterday that is found only now counts for today.
    positions.apply(make_execution(3, "1", side="SELL", price="60"))
    late = positions.compute_day_result(market, tomorrow)
    assert (late.realized, late.unrealized) == (Decimal(-40), Decimal(0))


def test_the_days_turn_is_utcs_whatever_the_clocks_zone() -> None:
    positions = make_positions()
    positions.apply(make_execution(1, "1"))
    positions.apply(make_execution(2, "1", side="SELL", price="90"))
    in_tokyo = datetime(2023, 11, 15, 8, 59, tzinfo=timezone(timedelta(hours=9)))
    assert positions.compute_day_result(make_market(), in_tokyo).realized == Decimal(-10)
    assert positions.compute_day_result(make_market(), in_tokyo + timedelta(minutes=1)).realized == 0


def make_trades(count: int) -> list[Execution]:
    """Purchases and sales in the exchange's order, some at the same time, that turn the position to and fro."""
    source = random.Random(count)  # noqa: S311 - reproducible on purpose
    return [
        make_execution(
            number,
            str(source.randint(1, 9)),
            number=number,
            side=source.choice(["BUY", "SELL"]),
            price=str(source.randint(90, 110)),
            trade_time_ms=1_700_000_000_000 + number // 2,
        )
        for number in range(count)
    ]


def hold(executions: Iterable[Execution]) -> Holding:
    positions = make_positions()
    for execution in executions:
        positions.apply(execution)
    return positions.holding("BTCUSDT")


def test_a_fill_that_is_heard_of_late_counts_where_the_exchange_had_it() -> None:
    bought, more, sold = (
        make_execution(1, "1", price="100"),
        make_execution(2, "1", price="110"),
        make_execution(3, "1", side="SELL", price="120"),
    )
    assert hold([bought, sold, more]).realized == Decimal(15)


def test_fills_in_any_order_make_the_same_holding() -> None:
    trades = make_trades(6)
    assert {repr(hold(order)) for order in itertools.permutations(trades)} == {repr(hold(trades))}


def test_many_fills_are_summed_up_and_the_late_among_the_latest_still_take_their_place() -> None:
    trades = make_trades(1500)
    late = trades[-200]
    positions = make_positions()
    for execution in (*(each for each in trades if each is not late), late):
        positions.apply(execution)
    assert positions.holding("BTCUSDT") == hold(trades)
    assert len(positions.save().latest) <= 512


def test_a_late_fill_takes_its_place_after_the_journal_was_read_and_when_a_past_joins() -> None:
    trades = make_trades(20)
    late = trades.pop(5)
    past, positions = make_positions(), make_positions()
    for execution in trades[:12]:
        past.apply(execution)
    for execution in trades[12:]:
        positions.apply(execution)
    positions.join_past(past)
    restored = make_positions()
    restored.restore(positions.save())
    for each in (positions, restored):
        each.apply(late)
        assert each.holding("BTCUSDT") == hold(make_trades(20))
