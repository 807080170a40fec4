"""What becomes of a cancel for each answer the exchange may give, or never gives."""

from typing import Any

import pytest

from stockade_gateway import sender
from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from tests.unit.gateway.test_sender import Answer, Stage, answer_order, report
from tests.unit.gateway.test_sender import stage as stage  # noqa: PLC0414 - the same fixture

UNKNOWN = StatusUnknownError("no answer")


def in_turn(*answers: Answer) -> Any:
    """Answer each cancel with the next one; the last one stays."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def canceled(name: str) -> dict[str, Any]:
    return answer_order("cancel-1", "CANCELED", origClientOrderId=name)


async def cancel(stage: Stage, name: str) -> None:
    assert stage.desk.cancel(name) is None
    assert stage.states(name) == ["PENDING_CANCEL"]
    await stage.desk.settle()


@pytest.mark.parametrize("first", [UNKNOWN, RateLimitedError(429, -1003, "Too many", 0.01)])
async def test_a_cancel_without_an_answer_is_sent_again(stage: Stage, first: ExchangeError) -> None:
    name = await stage.rest()
    stage.api.answers["order.cancel"] = in_turn(first, canceled(name))
    await cancel(stage, name)
    assert stage.states(name) == ["CANCELED"]
    assert stage.api.count("order.cancel") == 2


async def test_an_order_that_can_not_be_cancelled_stays_what_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_CANCEL_ATTEMPTS", 1)
    name = await stage.rest()
    stage.api.answers["order.cancel"] = UNKNOWN
    await cancel(stage, name)
    assert stage.states(name) == ["ACCEPTED"]
    assert stage.world.books.orders.open_count == 1, "it still counts against the limits"


async def test_what_the_exchange_has_not_got_to_cancel_is_asked_for(stage: Stage) -> None:
    name = await stage.rest()
    stage.api.answers["order.cancel"] = ExchangeError(400, -2011, "Unknown order sent.")
    stage.readiness.truth[name] = report(name, "EXPIRED")
    await cancel(stage, name)
    assert stage.states(name) == ["EXPIRED"]
    assert (stage.api.count("order.cancel"), stage.readiness.asked) == (1, [name])
