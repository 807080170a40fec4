"""News and streams."""

import asyncio

import pytest

from stockade_panel.errors import TooBusyError
from stockade_panel.live import MOST_PENDING, Hub, News, read_hint, write_events
from stockade_panel.sessions import Viewer

TRADER = Viewer(1, "trader@a.example", "a", "uid-a", is_admin=False)
OTHER = Viewer(2, "trader@b.example", "b", "uid-b", is_admin=False)
ADMIN = Viewer(3, "admin@example.com", None, None, is_admin=True)
HEALTHY: dict[str, str | None] = {"cluster": None, "ledger": None}


def test_news_of_a_tenant_reaches_its_users_and_administrators_only() -> None:
    hub = Hub(per_user=8, total=8)
    streams = [hub.admit(viewer, b"") for viewer in (TRADER, OTHER, ADMIN)]
    hub.publish(News("algorithm", "tenant-a", "grid"))
    assert [bool(stream.pending) for stream in streams] == [True, False, True]


def test_news_of_tenants_reaches_administrators_only() -> None:
    hub = Hub(per_user=8, total=8)
    trader, admin = hub.admit(TRADER, b""), hub.admit(ADMIN, b"")
    hub.publish(News("tenant", "", "a"))
    assert not trader.pending
    assert admin.pending


def test_many_hints_about_one_object_are_one_and_too_many_are_a_refresh() -> None:
    stream = Hub(per_user=8, total=8).admit(TRADER, b"")
    for _ in range(10):
        stream.offer(News("ledger", "tenant-a", "grid"))
    assert stream.take() == [News("ledger", "tenant-a", "grid")]
    for index in range(MOST_PENDING + 1):
        stream.offer(News("ledger", "tenant-a", f"grid-{index}"))
    assert stream.take() == [News("refresh")]


def test_streams_are_bounded_per_user_and_in_total() -> None:
    hub = Hub(per_user=2, total=3)
    first = hub.admit(TRADER, b"")
    hub.admit(TRADER, b"")
    with pytest.raises(TooBusyError):
        hub.admit(TRADER, b"")
    hub.admit(OTHER, b"")
    with pytest.raises(TooBusyError):
        hub.admit(ADMIN, b"")
    hub.release(first)
    hub.admit(ADMIN, b"")


async def test_a_stream_begins_with_hello_tells_news_and_ends_with_its_session() -> None:
    stream = Hub(per_user=8, total=8).admit(TRADER, b"")
    events = write_events(stream, lambda: HEALTHY)
    assert (await anext(events)).startswith("retry:")
    assert (await anext(events)).startswith("event: hello\n")
    stream.offer(News("algorithm", "tenant-a", "grid"))
    assert await anext(events) == 'event: algorithm\ndata: {"namespace": "tenant-a", "name": "grid"}\n\n'
    stream.end()
    rest = [event async for event in events]
    assert rest[-1].startswith("event: end\n")


async def test_news_from_another_thread_wakes_the_stream() -> None:
    hub = Hub(per_user=8, total=8)
    hub.attach(asyncio.get_running_loop())
    stream = hub.admit(TRADER, b"")
    await asyncio.to_thread(hub.publish_from_thread, News("account", "tenant-a", "main"))
    await asyncio.wait_for(stream.woken.wait(), 30)
    assert stream.take() == [News("account", "tenant-a", "main")]


def test_a_hint_carries_names_and_nothing_else() -> None:
    assert read_hint('{"tenant": "a", "algorithm": "grid", "kind": "fill"}') == News("ledger", "tenant-a", "grid")
    assert read_hint('{"tenant": "a", "algorithm": "", "kind": "order"}') == News("ledger", "tenant-a", "")


@pytest.mark.parametrize(
    "payload",
    ["", "no json", "[]", '{"algorithm": "x"}', '{"tenant": 1}', '{"tenant": "<b>"}', '{"tenant": "a", "algorithm": 5}',
     '{"tenant": "a", "algorithm": "x y"}'],
)  # fmt: skip
def test_a_hint_that_is_none_is_dropped(payload: str) -> None:
    assert read_hint(payload) is None


async def test_a_watch_that_fell_behind_is_told_between_news_too() -> None:
    stream = Hub(per_user=8, total=8).admit(TRADER, b"")
    health = dict(HEALTHY)
    events = write_events(stream, lambda: dict(health))
    for _ in range(2):
        await anext(events)
    health["cluster"] = "2026-01-01T00:00:00+00:00"
    stream.offer(News("ledger", "tenant-a", "grid"))
    assert (await anext(events)).startswith('event: health\ndata: {"cluster": "2026')
    assert (await anext(events)).startswith("event: ledger\n")
    stream.offer(News("ledger", "tenant-a", "grid"))
    assert (await anext(events)).startswith("event: ledger\n")
