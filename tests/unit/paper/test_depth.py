"""Following another exchange's book: a snapshot, the events since, and a new beginning after a gap."""

from decimal import Decimal
from typing import Any

from stockade_paper.feeds.depth import DepthFollower
from stockade_paper.market_events import BookChange

SNAPSHOT = {"lastUpdateId": 10, "bids": [["99", "1"]], "asks": [["101", "2"]]}


def event(first: int, last: int, bid: str = "98") -> dict[str, Any]:
    """Return a depth event with these ids."""
    return {"e": "depthUpdate", "U": first, "u": last, "b": [[bid, "3"]], "a": []}


def bids(changes: list[BookChange]) -> list[str]:
    """Return the first bid of each change."""
    return [str(change.bids[0][0]) for change in changes]


def test_events_wait_for_the_snapshot_and_old_ones_are_dropped() -> None:
    follower = DepthFollower("BTCUSDT")
    assert follower.take_event(event(8, 9, "1")) == []
    assert follower.take_event(event(10, 12, "2")) == []
    assert follower.needs_snapshot
    changes = follower.take_snapshot(SNAPSHOT)
    assert [change.replaces for change in changes] == [True, False]
    assert changes[0].asks == ((Decimal(101), Decimal(2)),)
    assert bids(changes) == ["99", "2"]
    assert bids(follower.take_event(event(13, 14, "3"))) == ["3"]


def test_a_snapshot_older_than_the_events_is_refused() -> None:
    follower = DepthFollower("BTCUSDT")
    follower.take_event(event(12, 13))
    assert follower.take_snapshot(SNAPSHOT) == []
    assert follower.needs_snapshot
    assert len(follower.take_snapshot(SNAPSHOT | {"lastUpdateId": 11})) == 2


def test_a_gap_asks_for_a_new_snapshot() -> None:
    follower = DepthFollower("BTCUSDT")
    follower.take_event(event(10, 11))
    follower.take_snapshot(SNAPSHOT)
    assert follower.take_event(event(13, 14)) == []
    assert follower.needs_snapshot
    assert len(follower.take_snapshot(SNAPSHOT | {"lastUpdateId": 12})) == 2
    assert bids(follower.take_event(event(15, 16, "5"))) == ["5"]
