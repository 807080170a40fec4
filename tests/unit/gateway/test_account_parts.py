"""The account gateway's small pure parts: viewers, streams, keys, errors, settings."""

import asyncio

import pytest
from pydantic import ValidationError

from stockade_gateway.account.errors import RequestError, translate
from stockade_gateway.account.hub import Hub, Viewer
from stockade_gateway.account.key_check import Permissions, find_fault, read_permissions
from stockade_gateway.account.live_routes import read_streams
from stockade_gateway.account.models import NewOrder
from stockade_gateway.account.settings import read_settings
from stockade_gateway.errors import ExchangeError, RateLimitedError, SettingsError, StatusUnknownError


async def test_a_viewer_that_does_not_keep_up_is_let_go_and_no_other() -> None:
    hub, slow, quick = Hub(), Viewer(), Viewer()
    hub.add(slow)
    hub.add(quick)
    for number in range(2000):
        hub.publish(str(number))
        assert await asyncio.wait_for(quick.get(), 30) == str(number)
    assert (slow.stalled, quick.stalled) == (True, False)
    assert await asyncio.wait_for(slow.get(), 30) is None


async def test_a_viewer_gets_its_own_streams_only() -> None:
    hub, viewer = Hub(), Viewer(frozenset({"a@trade"}))
    hub.add(viewer)
    hub.publish("no", "b@trade")
    hub.publish("yes", "a@trade")
    assert await asyncio.wait_for(viewer.get(), 30) == "yes"
    assert hub.streams() == {"a@trade"}
    hub.remove(viewer)
    assert hub.streams() == frozenset()


def test_streams_are_read() -> None:
    assert read_streams("btcusdt@trade,btcusdt@kline_1m,btcusdt@depth20@100ms") == {
        "btcusdt@trade",
        "btcusdt@kline_1m",
        "btcusdt@depth20@100ms",
    }


@pytest.mark.parametrize("text", ["", ",", "btcusdt", "btcusdt@kline_2m", "BTCUSDT@trade", "!ticker@arr"])
def test_other_streams_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="stream"):
        read_streams(text)


def test_a_key_of_which_nothing_is_said_counts_as_one_that_can_withdraw() -> None:
    assert read_permissions({"canTrade": True}, {}) == Permissions(
        can_trade=False, can_withdraw=True, ip_restricted=None
    )


def test_faults_of_a_key_are_put_in_words() -> None:
    assert find_fault(Permissions(can_trade=True, can_withdraw=False, ip_restricted=True)) is None
    assert "withdraw" in str(find_fault(Permissions(can_trade=True, can_withdraw=True, ip_restricted=True)))
    assert "can't trade" in str(find_fault(Permissions(can_trade=False, can_withdraw=False, ip_restricted=True)))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ExchangeError(400, -2010, "Account has insufficient balance"), 400, "EXCHANGE_REJECTED"),
        (ExchangeError(400, -2011, "Unknown order sent."), 404, "UNKNOWN_ORDER"),
        (ExchangeError(401, -2015, "Invalid API-key"), 502, "KEY_REFUSED"),
        (ExchangeError(0, 0, "not sent"), 502, "EXCHANGE_UNREACHABLE"),
        (StatusUnknownError("no answer"), 502, "EXCHANGE_UNREACHABLE"),
        (RateLimitedError(429, -1003, "Too much", 12), 503, "RATE_LIMITED"),
    ],
)
def test_the_exchanges_errors_are_told_apart(error: ExchangeError, status: int, code: str) -> None:
    told = translate(error)
    assert (told.status, told.code) == (status, code)


def test_the_seconds_to_wait_are_rounded_up() -> None:
    assert "again in 1 s" in translate(RateLimitedError(429, -1003, "Too much", 0.2)).message


def test_a_limit_order_without_a_price_is_refused() -> None:
    with pytest.raises(ValidationError, match="LIMIT needs price"):
        NewOrder.model_validate({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1"})


def test_good_till_canceled_is_what_is_sent_where_nothing_was_said() -> None:
    order = NewOrder.model_validate(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "2"}
    )
    assert order.effective_time_in_force == "GTC"


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="STOCKADE_TENANT"):
        read_settings({})
