"""News for the browser: what changed, sent to every stream whose viewer may know of it.

A piece of news is a hint to read again, never content: each reader re-reads as itself, so nothing can leak through a
stream and a forged or lost hint does no harm. The first event of every stream is `hello`, on which the page re-reads
all its live regions: whatever changed between the page and the stream is not lost.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import psycopg
from psycopg import sql
from starlette.concurrency import run_in_threadpool

from stockade_panel.errors import TooBusyError
from stockade_panel.sessions import SessionStore, Viewer

log = logging.getLogger(__name__)

Topic = Literal["algorithm", "account", "tenant", "ledger", "health", "refresh"]
# How often a quiet stream says that it lives, and how often all sessions are checked, seconds.
HEARTBEAT_SECONDS = 10.0
SESSION_CHECK_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 30.0
# After so long without a notification the ledger is asked whether it is still there, and has so long to answer.
QUIET_SECONDS = 15.0
ANSWER_SECONDS = 5.0
# More than this at once is told as one `refresh` of everything.
MOST_PENDING = 200
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class News:
    """Something changed. An empty namespace is for administrators (tenants) or for everyone (refresh, health)."""

    topic: Topic
    namespace: str = ""
    name: str = ""


@dataclass(eq=False)
class Stream:
    """One open connection of one viewer, SSE or WebSocket. `ended` is set when its session has ended."""

    viewer: Viewer
    token_sha256: bytes
    pending: dict[News, None] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, news: News) -> None:
        """Queue news unless the viewer may not know of it. Several hints about one object are one."""
        if news.namespace and not self.viewer.may_see(news.namespace):
            return
        if news.topic == "tenant" and not self.viewer.is_admin:
            return
        if len(self.pending) >= MOST_PENDING:
            self.pending.clear()
            news = News("refresh")
        self.pending[news] = None
        self.woken.set()

    def take(self) -> list[News]:
        """Take what is queued."""
        taken = list(self.pending)
        self.pending.clear()
        self.woken.clear()
        return taken

    def end(self) -> None:
        """End the stream, because its session ended."""
        self.ended.set()
        self.woken.set()


class Hub:
    """All open streams of this process; bounded per user and in total. Used from the event loop only."""

    def __init__(self, per_user: int, total: int) -> None:
        self._per_user = per_user
        self._total = total
        self._streams: set[Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say which loop the streams live in, so that other threads can reach them."""
        self._loop = loop

    def admit(self, viewer: Viewer, token_sha256: bytes) -> Stream:
        """Open a stream. Raises TooBusyError when the user or the process has too many."""
        of_user = sum(stream.viewer.user_id == viewer.user_id for stream in self._streams)
        if of_user >= self._per_user:
            raise TooBusyError(f"You have {of_user} live pages open; close one of them.")
        if len(self._streams) >= self._total:
            raise TooBusyError("This panel has no room for another live page; the page works without.")
        stream = Stream(viewer, token_sha256)
        self._streams.add(stream)
        return stream

    def release(self, stream: Stream) -> None:
        """Forget a stream that was closed."""
        self._streams.discard(stream)

    def publish(self, news: News) -> None:
        """Offer news to every stream. Call from the event loop."""
        for stream in self._streams:
            stream.offer(news)

    def publish_from_thread(self, news: News) -> None:
        """Offer news from another thread; before the loop runs there is nobody to tell."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.publish, news)

    def end_sessions_from_thread(self, is_ended: Callable[[Stream], bool]) -> None:
        """End at once the streams of sessions that were just revoked in this process."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end, is_ended)

    def _end(self, is_ended: Callable[[Stream], bool]) -> None:
        for stream in list(self._streams):
            if is_ended(stream):
                stream.end()

    async def watch_sessions(self, sessions: SessionStore) -> None:
        """End, every few seconds, the streams of sessions that expired or were revoked anywhere.

        With the ledger away no session can be vouched for, so all streams end; browsers come back by themselves.
        """
        while True:
            await asyncio.sleep(SESSION_CHECK_SECONDS)
            tokens = {stream.token_sha256 for stream in self._streams}
            if not tokens:
                continue
            live = await run_in_threadpool(sessions.find_live_or_none, tokens)
            self._end(lambda stream, live=live: stream.token_sha256 not in live)  # type: ignore[misc]


class LedgerListener:
    """One connection that listens for the ledger's notifications and passes them on as hints.

    The channel's name is the ledger's secret: only the panel's role may ask for it.
    """

    def __init__(self, database_url: str, hub: Hub) -> None:
        self._database_url = database_url
        self._hub = hub
        self.behind_since: datetime | None = datetime.now(UTC)

    async def run(self) -> None:
        """Listen for ever; reconnect with a growing, bounded pause, and let every page re-read after each reconnect."""
        pause = 1.0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._database_url, autocommit=True, application_name="stockade-panel-live", connect_timeout=5
                ) as connection:
                    cursor = await connection.execute("SELECT ledger.news_channel_name()")
                    (channel,) = await cursor.fetchone() or ("",)
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    self.behind_since, pause = None, 1.0
                    self._hub.publish(News("refresh"))
                    while True:
                        async for notification in connection.notifies(timeout=QUIET_SECONDS):
                            self._pass_on(notification.payload)
                        # A connection that nobody cut but nobody answers on looks exactly like a quiet ledger.
                        async with asyncio.timeout(ANSWER_SECONDS):
                            await connection.execute("SELECT 1")
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("the ledger's notifications are interrupted: %s", type(error).__name__)
            self.behind_since = self.behind_since or datetime.now(UTC)
            self._hub.publish(News("health"))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _pass_on(self, payload: str) -> None:
        news = read_hint(payload)
        if news is not None:
            self._hub.publish(news)


def read_hint(payload: str) -> News | None:
    """Read a notification; None when it is not one of ours. It may be forged, so nothing but names is taken from it."""
    try:
        hint = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(hint, dict):
        return None
    tenant, algorithm = hint.get("tenant"), hint.get("algorithm") or ""
    if not isinstance(tenant, str) or not NAME.fullmatch(tenant):
        return None
    if not isinstance(algorithm, str) or (algorithm and not NAME.fullmatch(algorithm)):
        return None
    return News("ledger", f"tenant-{tenant}", algorithm)


async def write_events(stream: Stream, describe_health: Callable[[], dict[str, str | None]]) -> AsyncIterator[str]:
    """The text of one SSE response: `hello`, then news as it comes, and `end` when the session has ended."""
    yield "retry: 2000\n\n"
    told = describe_health()
    yield _event("hello", told)
    while not stream.ended.is_set():
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await stream.woken.wait()
        except TimeoutError:
            told = describe_health()
            yield _event("health", told)
            continue
        news = stream.take()
        # Asked with every news: on a busy stream no heartbeat is due, and a watch that fell behind has no news itself.
        health = describe_health()
        if health != told or any(each.topic == "health" for each in news):
            told = health
            yield _event("health", told)
        for each in news:
            if each.topic != "health":
                yield _event(each.topic, {"namespace": each.namespace, "name": each.name})
    yield _event("end", {"reason": "Your session has ended."})


def _event(name: str, data: dict[str, str | None]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
