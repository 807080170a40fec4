"""Client order ids: recognisable, within the exchange's pattern, never twice."""

import re

import pytest

from stockade_wire.order_ids import MANUAL_PREFIX, MAX_LENGTH, OrderIds, order_number, order_prefix

UID = "6f1c8f1e-0d1b-4c58-8a3e-3f0f3b8c9f55"


def test_prefix_is_ten_characters_of_the_uids_hash() -> None:
    assert order_prefix(UID) == "sk2uu2yyqrox-"
    assert order_prefix(UID) != order_prefix(UID[:-1] + "6")


@pytest.mark.parametrize("prefix", [order_prefix(UID), MANUAL_PREFIX])
def test_ids_fit_the_exchange(prefix: str) -> None:
    ids = OrderIds(prefix, started_time_ms=4_102_444_800_000)
    client_order_id = ids.next()
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", client_order_id)
    assert len(client_order_id) <= MAX_LENGTH
    assert client_order_id.startswith(prefix)


def test_ids_never_repeat_over_a_restart() -> None:
    first, second = OrderIds(MANUAL_PREFIX, 1000), OrderIds(MANUAL_PREFIX, 1001)
    made = [ids.next() for ids in (first, second) for _ in range(1000)]
    assert len(set(made)) == 2000


def test_ids_never_repeat_when_the_clock_was_set_back() -> None:
    before = OrderIds(MANUAL_PREFIX, 5_000_000).next()
    known = order_number(MANUAL_PREFIX, before)
    assert known is not None
    after = order_number(MANUAL_PREFIX, OrderIds(MANUAL_PREFIX, 4_000_000, last_known=known).next())
    assert after == known + 1


@pytest.mark.parametrize(
    "foreign", ["", "web_1234", "skaaaaaaaaaa-1", "sk2uu2yyqrox-", "sk2uu2yyqrox-A", "sk2uu2yyqrox-1-2"]
)
def test_foreign_orders_are_not_ours(foreign: str) -> None:
    assert order_number(order_prefix(UID), foreign) is None


@pytest.mark.parametrize("prefix", ["", "sk", "sk-", "mine-", "sk2uu2yyqrox"])
def test_only_real_prefixes_are_taken(prefix: str) -> None:
    with pytest.raises(ValueError, match="is no order prefix"):
        OrderIds(prefix, 1)
