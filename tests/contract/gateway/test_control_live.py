"""Limits and the kill switch, changed while an algorithm trades; nothing it sends gets past them."""

from stockade_wire.messages import TradingChanged
from tests.support.sidecar_process import Sidecar


def test_limits_change_without_a_restart(shared: Sidecar) -> None:
    algorithm = shared.connect()
    before = len(shared.exchange_orders())
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    for limits, code in (
        ({"maxOrderNotional": "100"}, "NOTIONAL_EXCEEDS_MAX_PER_ORDER"),
        ({"maxPositionNotional": "400"}, "POSITION_EXCEEDS_MAX"),
        ({"maxOpenOrders": 1}, "TOO_MANY_OPEN_ORDERS"),
        ({"maxOrdersPerMinute": 1}, "RATE_LIMIT_EXCEEDED"),
        ({"priceBandPercent": "5"}, "PRICE_OUTSIDE_BAND"),
        ({"maxDailyLoss": "0"}, "DAILY_LOSS_EXCEEDED"),
    ):
        shared.apply_control(limits=limits)
        assert algorithm.submit("BUY", "0.01", "30000").denied == code
    shared.apply_control(limits=None)
    assert algorithm.submit("BUY", "0.01", "30000").denied is None
    assert algorithm.submit("BUY", "0.000001", "30000").denied == "FILTER_VIOLATED"
    assert algorithm.submit("BUY", "0.01", "30000", symbol="BNBUSDT").denied == "SYMBOL_NOT_ALLOWED"
    shared.wait_for_exchange_orders(before + 2)
    algorithm.close()


def test_the_switches_stop_orders_and_let_cancels_pass(shared: Sidecar) -> None:
    algorithm = shared.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    shared.apply_control(trading="Halted")
    algorithm.wait_for(TradingChanged, lambda event: event.trading == "Halted")
    assert algorithm.submit("BUY", "0.01", "30000").denied == "TRADING_HALTED"
    assert algorithm.cancel(str(resting.client_order_id)).denied is None
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    shared.apply_control(trading="Reducing")
    assert algorithm.submit("BUY", "0.01", "30000").denied == "TRADING_REDUCING"
    shared.apply_control(account={"trading": "Halted", "limits": None}, trading="Active")
    assert algorithm.submit("BUY", "0.01", "30000").denied == "TRADING_HALTED"
    algorithm.close()


def test_an_unreadable_control_fails_closed(shared: Sidecar) -> None:
    algorithm = shared.connect()
    (shared.folder / "control" / "control").unlink()
    status = shared.wait_for_status("the control's loss", lambda status: status["controlGeneration"] is None)
    assert status["trading"] == "Halted"
    assert algorithm.submit("BUY", "0.01", "30000").denied == "CONTROL_UNREADABLE"
    shared.apply_control()
    assert algorithm.submit("BUY", "0.01", "30000").denied is None
    algorithm.close()


def test_only_as_many_orders_leave_as_the_limit_allows(shared: Sidecar) -> None:
    algorithm = shared.connect()
    algorithm.cancel_all()
    shared.wait_for_status("no open orders", lambda status: status["openOrders"] == 0)
    shared.apply_control(limits={"maxOpenOrders": 3})
    before, denied = len(shared.exchange_orders()), shared.status()["orders"]["denied"]
    codes = [algorithm.submit("BUY", "0.001", f"{30000 + number}").denied for number in range(20)]
    assert codes.count(None) == 3
    assert set(codes) == {None, "TOO_MANY_OPEN_ORDERS"}
    shared.wait_for_status("three open orders", lambda status: status["openOrders"] == 3)
    shared.wait_for_exchange_orders(before + 3)
    assert shared.status()["orders"]["denied"] == denied + 17
    algorithm.close()
